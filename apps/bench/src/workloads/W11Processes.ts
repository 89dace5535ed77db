/** W11: eight processes save into one instance at once; nothing may be lost, and it should not take longer than one process that saves as much. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { runContest, WrongResultError, type Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { shell } from "../Measure.ts"
import { ratioOf } from "../Results.ts"
import { expectEqual, freshInstance, libraryProgram, sheafCommand } from "../SheafCli.ts"
import { collector, type Workload } from "./Workload.ts"

/** The workload. */
export const w11: Workload = {
  id: "W11",
  title: "eight processes on one instance",
  sizes: ["S"],
  defaultSizes: ["S"],
  run: async (bench) => {
    if (bench.sheaf === undefined) return collector(null).outcome()
    const many = bench.options.smoke ? 2 : 8
    const library = bench.data("S", { copies: 1, cut: (many * 500) / 100_000 })
    const command = bench.data("S", { copies: 1, cut: (many * 10) / 100_000 })
    const target = {
      text: "several processes take at most as long as one",
      atMost: 1,
      actual: (r: Parameters<typeof ratioOf>[0]) => ratioOf(r, nameOf(many), nameOf(1))
    }
    const found = collector(library)
    found.add(
      await runContest(bench, {
        name: "save one by one through the library",
        ...describe(library),
        contestants: [saving(bench, library, many, "library"), saving(bench, library, 1, "library")],
        targets: [target]
      })
    )
    found.add(
      await runContest(bench, {
        name: "add one by one through the command",
        ...describe(command),
        contestants: [saving(bench, command, many, "command"), saving(bench, command, 1, "command")],
        targets: [target]
      })
    )
    return found.outcome()
  }
}

const describe = (data: DataSet) => ({ items: data.facts.files, unit: "saves", bytes: data.facts.bytes })

const nameOf = (processes: number) => (processes === 1 ? "sheaf, 1 process" : `sheaf, ${processes} processes`)

/** Runs so many processes, each with its share of the files, and waits for all; one that fails fails the whole. */
const TOGETHER = 'pids=(); for ((i = 0; i < $1; i++)); do bash -c "$2" bash "$i" "$1" "${@:3}" & pids+=($!); done; code=0; for pid in "${pids[@]}"; do wait "$pid" || code=$?; done; exit $code'

/** One process of the library: `$1` its number, `$2` of how many, then node, the program, the instance and the folder. */
const LIBRARY = '"$3" "$4" "$5" "$6" loop "$1" "$2"'

/** One process that runs the command for each of its files: `$3` the command, `$4` the folder. Files are taken by the order of their paths. */
const COMMAND =
  'cd "$4/.." && find "$(basename "$4")" -type f | LC_ALL=C sort | awk -v part="$1" -v parts="$2" "(NR - 1) % parts == part" | while read -r file; do "$3" add "$file" --key "$file" --json > /dev/null < /dev/null || exit 1; done'

const saving = (bench: Bench, data: DataSet, processes: number, way: "library" | "command"): Contestant => {
  const instance = join(bench.work, `w11-${processes}`)
  const args =
    way === "library"
      ? [String(processes), LIBRARY, process.execPath, join(import.meta.dirname, "../drivers/SaveFiles.ts"), instance, data.path]
      : [String(processes), COMMAND, bench.sheaf ?? "sheaf", data.path]
  const show = way === "library" ? `${processes} x node apps/bench/src/drivers/SaveFiles.ts ${instance} ${data.path} loop` : `${processes} x (for each file: sheaf add FILE --key KEY --json)`
  return {
    name: nameOf(processes),
    kind: "sheaf",
    command: { ...shell(TOGETHER, args, show), env: { ...libraryProgram(bench, []).env, SHEAF_INSTANCE: instance } },
    prepare: () => freshInstance(bench, instance),
    check: async ({ text }) => {
      if (way === "library") {
        const reports = text().trim().split("\n").map((line) => JSON.parse(line) as { readonly saved: number; readonly failed: number; readonly firstFailure: string | null })
        const failure = reports.find((report) => report.failed > 0)
        if (failure !== undefined) throw new WrongResultError(`${failure.failed} saves of a process failed, the first with ${failure.firstFailure}`)
        expectEqual("saves acknowledged", reports.reduce((sum, report) => sum + report.saved, 0), data.facts.files)
      }
      const keys = (await bench.quiet(sheafCommand(bench, instance, ["ls"]))).trim().split("\n")
      expectEqual("keys in the registry", keys.length, data.facts.files)
      rmSync(instance, { recursive: true, force: true })
    },
    teardown: () => rmSync(instance, { recursive: true, force: true })
  }
}
