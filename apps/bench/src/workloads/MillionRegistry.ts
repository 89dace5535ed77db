/** An instance whose registry holds every file of data set M, for the workloads that look things up in it. */
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { DataSet } from "../data/DataSets.ts"
import { flatFilePath } from "../data/FlatFiles.ts"
import { checkFirstIngest, freshInstance, sheafCommand } from "../SheafCli.ts"

/** The instance and what is in it. */
export interface MillionRegistry {
  readonly instance: string
  readonly data: DataSet
  readonly artifacts: number
  /** The key of file `i`. */
  readonly key: (i: number) => string
}

const made = new Map<string, Promise<MillionRegistry>>()

/** Makes it by ingesting M in place, once a run. */
export const millionRegistry = (bench: Bench): Promise<MillionRegistry> => {
  const known = made.get(bench.work)
  if (known !== undefined) return known
  const making = makeRegistry(bench)
  made.set(bench.work, making)
  return making
}

const makeRegistry = async (bench: Bench): Promise<MillionRegistry> => {
  const data = bench.data("M", { copies: 0 })
  const instance = join(bench.work, "million")
  bench.log(`making a registry of ${data.facts.files} artifacts`)
  await freshInstance(bench, instance, { storage: data.parent })
  const report = await bench.quiet(sheafCommand(bench, instance, ["ingest", data.path, "--json"]))
  checkFirstIngest(report, { files: data.facts.files, artifacts: data.facts.files })
  return { instance, data, artifacts: data.facts.files, key: (i) => `${data.name}/${flatFilePath(data.flat!, i)}` }
}
