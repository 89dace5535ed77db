/** W6: a million small files: time, how it grows with the number of files, and the memory of the whole process tree. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { runContest, type Contestant, type Target } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import { resticBackup } from "../peers/Restic.ts"
import { measured } from "../Results.ts"
import { checkFirstIngest, checkLaterIngest, freshInstance, releaseRoot, sheafCommand } from "../SheafCli.ts"
import { managedIngest } from "./W2Managed.ts"
import { collector, registeringWork, warm, type Workload } from "./Workload.ts"

/** The workload. */
export const w6: Workload = {
  id: "W6",
  title: "a million files: time, linearity, memory",
  sizes: ["M"],
  defaultSizes: ["M"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 2 })
    const tenth = bench.data(size, { copies: 0, cut: 0.1 })
    const found = collector(data)
    const instance = join(bench.work, "w6")
    const inPlace = (of: DataSet): Contestant => ({
      name: "sheaf",
      kind: "sheaf",
      command: sheafCommand(bench, instance, ["ingest", of.path, "--json"]),
      prepare: () => freshInstance(bench, instance, { storage: of.parent }),
      check: ({ text }) => checkFirstIngest(text(), { files: of.facts.files, artifacts: expectedArtifacts(of.facts) }),
      // The instance of the last round stays for the second run over the same files.
      teardown: () => (of === data ? undefined : releaseRoot(of.parent))
    })
    const spec = (of: DataSet, name: string) => ({ name, items: of.facts.files, unit: "files", bytes: of.facts.bytes })
    await warm(bench, tenth)
    const small = found.add(await runContest(bench, { ...spec(tenth, "a tenth of M in place"), contestants: [inPlace(tenth)], work: registeringWork(tenth, { copied: false }), targets: [memoryTarget] }))
    await warm(bench, data)
    const perFileSmall = perFile(small)
    found.add(
      await runContest(bench, {
        ...spec(data, "M in place"),
        contestants: [inPlace(data)],
        work: registeringWork(data, { copied: false }),
        targets: [
          memoryTarget,
          { text: "within 15 % of linear, seconds per file against a tenth of M", atMost: 1.15, actual: (r) => ratio(perFile(r), perFileSmall) },
          { text: "memory for M against a tenth of it", atMost: 1.5, actual: (r) => ratio(measured(r, "sheaf")?.peakMemory?.median, measured(small, "sheaf")?.peakMemory?.median) }
        ]
      })
    )
    found.add(
      await runContest(bench, {
        ...spec(data, "M in place again, nothing changed"),
        contestants: [again(bench, data, instance)],
        targets: [memoryTarget]
      })
    )
    releaseRoot(data.parent)
    rmSync(instance, { recursive: true, force: true })
    found.add(
      await runContest(bench, {
        ...spec(data, "managed ingest of M"),
        contestants: [managedIngest(bench, data), { ...resticBackup(bench, data.path, data.facts.files), slow: true }],
        work: registeringWork(data, { copied: true }),
        targets: [memoryTarget]
      })
    )
    return found.outcome()
  }
}

const again = (bench: Bench, data: DataSet, instance: string): Contestant => ({
  name: "sheaf",
  kind: "sheaf",
  command: sheafCommand(bench, instance, ["ingest", data.path, "--json"]),
  check: ({ text }) => checkLaterIngest(text(), { files: data.facts.files, changed: 0 })
})

const memoryTarget: Target = {
  text: "at most 400 MB for the whole process tree",
  atMost: 400e6,
  actual: (result) => measured(result, "sheaf")?.peakMemory?.max
}

const perFile = (result: Parameters<typeof measured>[0]): number | undefined => {
  const elapsed = measured(result, "sheaf")?.elapsed
  return elapsed === undefined ? undefined : elapsed.median / result.items
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? undefined : a / b)
