/** W10: how long a command takes that has next to nothing to do, in a registry of a million artifacts. */
import { runContest, WrongResultError, type Contestant } from "../Contest.ts"
import type { Bench } from "../Bench.ts"
import type { Command } from "../Measure.ts"
import { absence, peer } from "../peers/Peer.ts"
import { measured } from "../Results.ts"
import { expectEqual, sheafCommand } from "../SheafCli.ts"
import { millionRegistry, type MillionRegistry } from "./MillionRegistry.ts"
import { collector, type Workload } from "./Workload.ts"

/** The workload. */
export const w10: Workload = {
  id: "W10",
  title: "start of a command",
  sizes: ["M"],
  defaultSizes: ["M"],
  run: async (bench) => {
    const registry: MillionRegistry | undefined = bench.sheaf === undefined ? undefined : await millionRegistry(bench)
    const found = collector(registry?.data ?? null)
    const instance = registry?.instance
    const key = registry?.key(Math.floor(registry.artifacts / 2)) ?? ""
    const sheaf = (name: string, args: readonly string[], check: (text: string) => void): Contestant => ({
      name,
      kind: "sheaf",
      command: sheafCommand(bench, instance, args),
      check: ({ text }) => check(text())
    })
    const folder = key.slice(0, key.lastIndexOf("/") + 1)
    const limits = { "sheaf --version": 0.15, "sheaf show": 0.4 }
    found.add(
      await runContest(bench, {
        name: "start",
        items: 1,
        unit: "runs",
        bytes: 0,
        rounds: Math.max(bench.options.rounds, bench.options.smoke ? 1 : 10),
        contestants: [
          sheaf("sheaf --version", ["--version"], (text) => expectMatch("version", text, /\d+\.\d+\.\d+/)),
          sheaf("sheaf show", ["show", key], (text) => expectMatch("key shown", text, new RegExp(key.replaceAll(".", "\\.")))),
          sheaf("sheaf ls FOLDER", ["ls", folder], (text) => expectEqual("keys listed", text.trim().split("\n").length, registry === undefined ? 0 : keysBelow(registry, folder))),
          sheaf("sheaf ls", ["ls"], (text) => {
            if (text.trim() === "") throw new WrongResultError("ls printed nothing")
          }),
          other(bench, "node -e 0", undefined, { argv: [process.execPath, "-e", "0"] }),
          other(bench, "git --version", "git", { argv: [peer(bench, "git").path, "--version"] }),
          other(bench, "dvc --version", "dvc", { argv: [peer(bench, "dvc").path, "--version"], env: { DVC_NO_ANALYTICS: "1" } })
        ],
        targets: Object.entries(limits).map(([name, atMost]) => ({ text: `${name} within ${atMost * 1000} ms`, atMost, actual: (r) => measured(r, name)?.elapsed?.median }))
      })
    )
    return found.outcome()
  }
}

const other = (bench: Bench, name: string, tool: string | undefined, command: Command): Contestant => ({
  name,
  kind: "peer",
  ...(tool === undefined ? {} : absence(peer(bench, tool))),
  command
})

const expectMatch = (what: string, text: string, pattern: RegExp): void => {
  if (!pattern.test(text)) throw new WrongResultError(`no ${what} in ${JSON.stringify(text.slice(0, 120))}`)
}

const keysBelow = (registry: MillionRegistry, folder: string): number => {
  let keys = 0
  for (let i = 0; i < registry.artifacts; i++) if (registry.key(i).startsWith(folder)) keys++
  return keys
}
