/** W12: a library user's loop of single saves, and the same files in one call. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { runContest, type Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { laminIngest } from "../peers/LaminDb.ts"
import { measured, ratioOf } from "../Results.ts"
import { expectEqual, freshInstance, libraryProgram, sheafCommand } from "../SheafCli.ts"
import { managedIngest } from "./W2Managed.ts"
import { collector, type Workload } from "./Workload.ts"

/** The workload. */
export const w12: Workload = {
  id: "W12",
  title: "saves from a program, one by one and all at once",
  sizes: ["S"],
  defaultSizes: ["S"],
  run: async (bench) => {
    const data = bench.data("S", { copies: 2, cut: bench.options.smoke ? 0.02 : 0.1 })
    const found = collector(data)
    const base = { items: data.facts.files, unit: "saves", bytes: data.facts.bytes }
    found.add(
      await runContest(bench, {
        ...base,
        name: "save one by one",
        contestants: [saving(bench, data, "loop"), laminIngest(bench, data.path, "loop")],
        targets: [
          {
            text: "at most 4 ms a save (250 a second), in milliseconds",
            atMost: 4,
            actual: (r) => {
              const elapsed = measured(r, "sheaf save")?.elapsed
              return elapsed === undefined ? undefined : (elapsed.median / r.items) * 1000
            }
          }
        ]
      })
    )
    found.add(
      await runContest(bench, {
        ...base,
        name: "save all in one call",
        contestants: [saving(bench, data, "many"), { ...managedIngest(bench, data), name: "sheaf ingest" }],
        targets: [{ text: "at most 2 x sheaf ingest", atMost: 2, actual: (r) => ratioOf(r, "sheaf saveMany", "sheaf ingest") }]
      })
    )
    return found.outcome()
  }
}

const saving = (bench: Bench, data: DataSet, mode: "loop" | "many"): Contestant => {
  const instance = join(bench.work, "w12")
  return {
    name: mode === "loop" ? "sheaf save" : "sheaf saveMany",
    kind: "sheaf",
    command: libraryProgram(bench, [join(import.meta.dirname, "../drivers/SaveFiles.ts"), instance, data.path, mode]),
    prepare: () => freshInstance(bench, instance),
    check: async ({ text }) => {
      const report = JSON.parse(text()) as { readonly saved: number; readonly failed: number }
      expectEqual("saves that failed", report.failed, 0)
      expectEqual("saves acknowledged", report.saved, data.facts.files)
      const keys = (await bench.quiet(sheafCommand(bench, instance, ["ls"]))).trim().split("\n")
      expectEqual("keys in the registry", keys.length, data.facts.files)
      rmSync(instance, { recursive: true, force: true })
    },
    teardown: () => rmSync(instance, { recursive: true, force: true })
  }
}
