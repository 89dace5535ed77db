/** The results file: everything measured in one run, with the machine, versions, commands and every sample. Times in seconds, sizes in bytes. */
import type { DataSetName } from "./data/DataSets.ts"
import type { TreeFacts } from "./data/TreeFacts.ts"
import type { Limit, ProbeRates, Score, UnavoidableWork } from "./Limit.ts"
import type { Summary } from "./Statistics.ts"

/** One timed run. */
export interface Sample {
  /** From 0; contestants of a case take turns within a round. */
  readonly round: number
  readonly elapsed: number
  readonly user: number
  readonly system: number
  readonly peakMemory: number
  /** Bytes that reached the disk until a sync after the run; absent where there is no disk. */
  readonly diskWritten?: number
  /** What the program itself reported and the check compared. */
  readonly figures?: Readonly<Record<string, number>>
}

/** One program in a case: measured, failed, or absent. */
export interface ContestantResult {
  readonly name: string
  readonly kind: "sheaf" | "peer"
  /** `$DATA` and `$WORK` stand for folders. */
  readonly command: string
  readonly samples: readonly Sample[]
  /** Why there are no samples, or fewer than rounds. */
  readonly absent?: string
  readonly failure?: string
  readonly elapsed?: Summary
  readonly cpu?: Summary
  readonly peakMemory?: Summary
  readonly diskWritten?: Summary
  /** Items per second at the median. */
  readonly rate?: number
}

/** A bound that the project has set itself, compared with what was measured. */
interface TargetResult {
  readonly text: string
  readonly bound: number
  readonly actual: number
  readonly met: boolean
}

/** One comparison: several programs doing the same to the same data. */
export interface CaseResult {
  readonly name: string
  readonly items: number
  /** What an item is: `files`, `saves`, `runs` … */
  readonly unit: string
  readonly bytes: number
  readonly contestants: readonly ContestantResult[]
  readonly work?: UnavoidableWork
  readonly limit?: Limit
  readonly score?: Score
  readonly targets: readonly TargetResult[]
  /** Findings that are not times, such as files opened. */
  readonly figures: Readonly<Record<string, number>>
  readonly notes: readonly string[]
}

/** One workload on one set of data. */
export interface WorkloadResult {
  readonly id: string
  readonly title: string
  readonly data: { readonly name: DataSetName; readonly scale: number; readonly seed: number; readonly facts: TreeFacts } | null
  readonly cases: readonly CaseResult[]
  /** Wrong results: counts that do not add up, failures of the program itself. */
  readonly errors: readonly string[]
}

/** One run of the benchmark. */
export interface Results {
  readonly format: 1
  readonly startedAt: string
  readonly seconds: number
  readonly commit: string | null
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memory: number
    readonly system: string
    readonly fileSystem: string
  }
  readonly versions: Readonly<Record<string, string>>
  /** Peers that are not installed here. */
  readonly absent: readonly string[]
  readonly arguments: readonly string[]
  readonly probes: ProbeRates | null
  readonly workloads: readonly WorkloadResult[]
}

/** The contestant called `name`, when it has been measured. */
export const measured = (result: CaseResult, name: string): ContestantResult | undefined =>
  result.contestants.find((contestant) => contestant.name === name && contestant.elapsed !== undefined)

/** How many times as long as `peer` the program `name` took, by medians; undefined unless both were measured. */
export const ratioOf = (result: CaseResult, name: string, peer: string): number | undefined => {
  const ours = measured(result, name)?.elapsed
  const theirs = measured(result, peer)?.elapsed
  return ours === undefined || theirs === undefined ? undefined : ours.median / theirs.median
}
