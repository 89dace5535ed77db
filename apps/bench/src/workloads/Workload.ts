/** What a workload is. */
import type { Bench } from "../Bench.ts"
import type { DataSet, DataSetName } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import type { UnavoidableWork } from "../Limit.ts"
import type { CaseResult, WorkloadResult } from "../Results.ts"

/** One numbered job, measured on one or several data sets. */
export interface Workload {
  readonly id: string
  readonly title: string
  /** The data sets that it can be measured on. */
  readonly sizes: readonly DataSetName[]
  /** Those taken when none is named. */
  readonly defaultSizes: readonly DataSetName[]
  readonly run: (bench: Bench, size: DataSetName) => Promise<WorkloadOutcome>
}

/** What a workload found out. */
export interface WorkloadOutcome {
  readonly data: DataSet | null
  readonly cases: readonly CaseResult[]
  readonly errors: readonly string[]
}

/** Collects cases and errors of a workload. */
export const collector = (data: DataSet | null) => {
  const cases: CaseResult[] = []
  const errors: string[] = []
  return {
    add: ({ result, errors: more }: { readonly result: CaseResult; readonly errors: readonly string[] }) => {
      // With only some programs asked for, a case may have none.
      if (result.contestants.length > 0) cases.push(result)
      errors.push(...more)
      return result
    },
    outcome: (): WorkloadOutcome => ({ data, cases, errors })
  }
}

/** The outcome as it stands in the results file. */
export const toResult = ({ id, title }: Workload, { data, cases, errors }: WorkloadOutcome): WorkloadResult => ({
  id,
  title,
  data: data === null ? null : { name: data.name, scale: data.scale, seed: data.seed, facts: data.facts },
  cases,
  errors
})

/** The work of registering every file of a data set once, in place or with a copy of each different content. */
export const registeringWork = ({ facts }: DataSet, options: { readonly copied: boolean; readonly hash?: "md5" | "sha256"; readonly tree?: boolean }): UnavoidableWork => {
  const artifacts = expectedArtifacts(facts)
  return {
    files: facts.files,
    statted: false,
    read: facts.files,
    bytesRead: facts.bytes,
    hash: options.hash ?? "md5",
    serialBytes: options.tree === true ? 0 : facts.largest,
    created: options.copied ? artifacts : 0,
    // Copies of a content need not be written again; which sizes they have is not known, so their mean is taken.
    bytesWritten: options.copied ? facts.bytes * (facts.files === 0 ? 0 : artifacts / facts.files) : 0,
    rows: artifacts,
    synced: true
  }
}

/** Reads a data set once, so that a disk's page cache is warm for everyone. */
export const warm = async (bench: Bench, data: DataSet): Promise<void> => {
  if (bench.inMemory) return
  await bench.quiet({ argv: ["bash", "-c", 'find "$1" -type f -print0 | xargs -0 cat > /dev/null', "bash", data.path] })
}
