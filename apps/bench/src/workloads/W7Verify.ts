/** W7: read everything back and compare, all of it and a sample of 5 %. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { runContest, WrongResultError, type Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import { absence } from "../peers/Peer.ts"
import { resticRepository } from "../peers/Restic.ts"
import { ratioOf } from "../Results.ts"
import { checkVerify, expectEqual, freshInstance, sheafCommand } from "../SheafCli.ts"
import { collector, type Workload } from "./Workload.ts"

/** The workload. */
export const w7: Workload = {
  id: "W7",
  title: "verify everything, and a 5 % sample",
  sizes: ["S", "M", "G", "X"],
  defaultSizes: ["S"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 2 })
    const found = collector(data)
    const instance = join(bench.work, "w7")
    const restic = resticRepository(bench, "w7-restic")
    const artifacts = expectedArtifacts(data.facts)
    let prepared = false
    const prepare = async () => {
      if (prepared) return
      prepared = true
      await freshInstance(bench, instance)
      await bench.quiet(sheafCommand(bench, instance, ["ingest", data.path, "--json"]))
    }
    let backedUp = false
    const backUp = async () => {
      if (backedUp) return
      backedUp = true
      await restic.create()
      await bench.quiet(restic.backup(data.path))
    }
    const sheaf = (args: readonly string[], check: (checked: number) => void): Contestant => ({
      name: "sheaf",
      kind: "sheaf",
      command: sheafCommand(bench, instance, ["verify", ...args, "--json"]),
      setup: prepare,
      check: ({ text }) => {
        const checked = checkVerify(text())
        check(checked)
        return { checked }
      }
    })
    const peer = (args: readonly string[]): Contestant => ({
      name: "restic check",
      kind: "peer",
      ...absence(restic),
      command: restic.command(["check", ...args]),
      setup: backUp
    })
    const target = { text: "at most restic check", atMost: 1, actual: (r: Parameters<typeof ratioOf>[0]) => ratioOf(r, "sheaf", "restic check") }
    found.add(
      await runContest(bench, {
        ...describe(data, `verify all of ${size}`, artifacts),
        contestants: [sheaf([], (checked) => expectEqual("artifacts checked", checked, artifacts)), peer(["--read-data"])],
        targets: [target]
      })
    )
    found.add(
      await runContest(bench, {
        ...describe(data, `verify 5 % of ${size}`, Math.round(artifacts * 0.05)),
        contestants: [sheaf(["--sample", "5%"], (checked) => checkSample(checked, artifacts)), peer(["--read-data-subset=5%"])],
        targets: [target]
      })
    )
    rmSync(instance, { recursive: true, force: true })
    restic.remove()
    return found.outcome()
  }
}

const describe = (data: DataSet, name: string, items: number) => ({ name, items, unit: "artifacts", bytes: Math.round((data.facts.bytes * items) / data.facts.files) })

/** A random sample may miss its size a little: by five standard deviations of a binomial draw, and one for rounding. */
const checkSample = (checked: number, artifacts: number): void => {
  const expected = artifacts * 0.05
  const spread = 5 * Math.sqrt(artifacts * 0.05 * 0.95) + 1
  if (Math.abs(checked - expected) > spread) throw new WrongResultError(`a sample of 5 % of ${artifacts} artifacts checked ${checked}`)
}
