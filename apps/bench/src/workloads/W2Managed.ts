/** W2: managed ingest, hashing and copying every file into the storage. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { runContest, type Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import { shell } from "../Measure.ts"
import { copyTree } from "../peers/CoreTools.ts"
import { dvcAdd } from "../peers/Dvc.ts"
import { gitAdd } from "../peers/Git.ts"
import { laminIngest } from "../peers/LaminDb.ts"
import { oxenAdd } from "../peers/Oxen.ts"
import { resticBackup } from "../peers/Restic.ts"
import { ratioOf } from "../Results.ts"
import { checkFirstIngest, expectEqual, freshInstance, sheafCommand } from "../SheafCli.ts"
import { collector, registeringWork, warm, type Workload } from "./Workload.ts"

/** sheaf, copying a data set into a new instance. */
export const managedIngest = (bench: Bench, data: DataSet): Contestant => {
  const instance = join(bench.work, "managed")
  const remove = () => rmSync(instance, { recursive: true, force: true })
  return {
    name: "sheaf",
    kind: "sheaf",
    command: sheafCommand(bench, instance, ["ingest", data.path, "--json"]),
    prepare: () => freshInstance(bench, instance),
    check: async ({ text }) => {
      const artifacts = expectedArtifacts(data.facts)
      const figures = checkFirstIngest(text(), { files: data.facts.files, artifacts })
      if (data.flat !== undefined) {
        const objects = await bench.quiet(shell('find "$1" -type f -name "*.dat" -printf x | wc -c', [join(instance, "storage")]))
        expectEqual("objects in the storage", Number(objects), artifacts)
      }
      remove()
      return figures
    },
    teardown: remove
  }
}

/** The workload. */
export const w2: Workload = {
  id: "W2",
  title: "managed ingest: hash and copy",
  sizes: ["S", "M", "X"],
  defaultSizes: ["S"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 2 })
    const found = collector(data)
    await warm(bench, data)
    found.add(
      await runContest(bench, {
        name: `managed ingest of ${size}`,
        items: data.facts.files,
        unit: "files",
        bytes: data.facts.bytes,
        work: registeringWork(data, { copied: true }),
        contestants: [
          managedIngest(bench, data),
          copyTree(bench, data),
          resticBackup(bench, data.path, data.facts.files),
          gitAdd(bench, data),
          dvcAdd(bench, data),
          oxenAdd(bench, data)
        ],
        targets: [
          ...(bench.inMemory ? [{ text: "at most 1.5 x cp -r in memory", atMost: 1.5, actual: (r: Parameters<typeof ratioOf>[0]) => ratioOf(r, "sheaf", "cp -r") }] : []),
          { text: "at most half of restic backup", atMost: 0.5, actual: (r) => ratioOf(r, "sheaf", "restic backup") }
        ]
      })
    )
    if (size === "S") {
      const cut = bench.data("S", { copies: 2, cut: 0.1 })
      found.add(
        await runContest(bench, {
          name: "managed ingest of a tenth of S",
          items: cut.facts.files,
          unit: "files",
          bytes: cut.facts.bytes,
          contestants: [managedIngest(bench, cut), laminIngest(bench, cut.path, "folder")],
          targets: [{ text: "100 times as fast as LaminDB", atMost: 0.01, actual: (r) => ratioOf(r, "sheaf", "LaminDB from_dir") }]
        })
      )
    }
    return found.outcome()
  }
}
