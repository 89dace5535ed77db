/** W9: metadata in a registry of a million artifacts, through the library, against the same question put to the engine alone. */
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import type { Bench } from "../Bench.ts"
import { runContest, WrongResultError, type Contestant } from "../Contest.ts"
import { OPERATIONS, type Operation, type OperationReport, type OperationRequest } from "../drivers/Operations.ts"
import { shell } from "../Measure.ts"
import { absence, peer } from "../peers/Peer.ts"
import { makePrng } from "../Prng.ts"
import { measured, ratioOf } from "../Results.ts"
import { expectEqual, libraryProgram, sheafCommand } from "../SheafCli.ts"
import { summarise } from "../Statistics.ts"
import { millionRegistry, type MillionRegistry } from "./MillionRegistry.ts"
import { collector, type Workload } from "./Workload.ts"

/** The workload. */
export const w9: Workload = {
  id: "W9",
  title: "metadata in a registry of a million artifacts",
  sizes: ["M"],
  defaultSizes: ["M"],
  run: async (bench) => {
    if (bench.sheaf === undefined) return collector(null).outcome()
    const registry = await millionRegistry(bench)
    const found = collector(registry.data)
    const inputs = await prepareInputs(bench, registry)
    for (const operation of OPERATIONS) {
      const contestants = contestantsFor(bench, registry, operation, inputs)
      found.add(
        await runContest(bench, {
          name: TITLES[operation],
          items: operation === "list" ? inputs.folderKeys : operation === "dedupe" ? inputs.stagedRows : 1,
          unit: operation === "dedupe" ? "rows" : operation === "list" ? "keys" : "calls",
          bytes: 0,
          contestants,
          targets: LOOKUPS.includes(operation) ? [{ text: "at most 1.5 x DuckDB alone", atMost: 1.5, actual: (r) => ratioOf(r, "sheaf registry", "DuckDB alone") }] : []
        })
      )
    }
    found.add(await renameContest(bench, registry))
    return found.outcome()
  }
}

const TITLES: Readonly<Record<Operation, string>> = {
  key: "find by key",
  hash: "find by hash",
  uidPrefix: "find by beginning of uid",
  list: "list a folder",
  count: "count",
  dedupe: "find copies among staged rows"
}
const LOOKUPS: readonly Operation[] = ["key", "hash", "uidPrefix"]
const STAGED_ROWS = 100_000

interface Inputs {
  readonly sample: string
  readonly staged: string
  readonly stagedRows: number
  /** Of those, how many have a content that is registered. */
  readonly stagedKnown: number
  readonly folder: string
  readonly folderKeys: number
}

const registryFile = ({ instance }: MillionRegistry) => join(instance, ".sheaf/registry.duckdb")

const prepareInputs = async (bench: Bench, registry: MillionRegistry): Promise<Inputs> => {
  const stagedRows = Math.min(STAGED_ROWS, Math.max(100, Math.round(registry.artifacts / 10)))
  const stagedKnown = Math.floor(stagedRows / 2)
  const database = await DuckDBInstance.create(registryFile(registry), { access_mode: "READ_ONLY" })
  const connection = await database.connect()
  const rows = (await connection.runAndReadAll(`SELECT key, uid, hash, size FROM artifact ORDER BY hash LIMIT ${stagedKnown}`)).getRows()
  connection.closeSync()
  database.closeSync()
  const sample = join(bench.work, "w9-sample.tsv")
  writeFileSync(sample, rows.slice(0, 1000).map(([key, uid, hash]) => `${String(key)}\t${String(uid)}\t${String(hash)}\n`).join(""))
  const prng = makePrng(bench.options.seed, "staged")
  const text = (length: number) => Array.from({ length }, () => "0123456789abcdefghijklmnopqrstuvwxyz"[prng.below(36)]).join("")
  const staged = join(bench.work, "w9-staged.tsv")
  const line = (i: number, hash: unknown, size: unknown) => `o\tfile${i}.dat\t${String(hash)}\tmd5\t${String(size)}\t.dat\t${text(16)}0000\t\\N\t\\N\t\\N\n`
  writeFileSync(staged, Array.from({ length: stagedRows }, (_, i) => (i % 2 === 1 ? line(i, rows[i >> 1]![2], rows[i >> 1]![3]) : line(i, text(22), 256))).join(""))
  const middle = registry.key(Math.floor(registry.artifacts / 2))
  const folder = middle.slice(0, middle.lastIndexOf("/") + 1)
  let folderKeys = 0
  for (let i = 0; i < registry.artifacts; i++) if (registry.key(i).startsWith(folder)) folderKeys++
  return { sample, staged, stagedRows, stagedKnown, folder, folderKeys }
}

const contestantsFor = (bench: Bench, registry: MillionRegistry, operation: Operation, inputs: Inputs): Contestant[] => {
  const calls = bench.options.smoke ? 3 : LOOKUPS.includes(operation) ? 50 : operation === "dedupe" ? 3 : 20
  const expected = { key: 1, hash: 1, uidPrefix: 1, list: inputs.folderKeys, count: registry.artifacts, dedupe: inputs.stagedKnown }[operation]
  const contestant = (name: string, kind: "sheaf" | "peer", file: string, target: string, more: readonly string[] = []): Contestant => {
    const request: OperationRequest = { operation, target, calls, sample: inputs.sample, folder: inputs.folder, staged: inputs.staged }
    const driver = join(import.meta.dirname, "../drivers", file)
    return {
      name,
      kind,
      command: { ...libraryProgram(bench, [driver, JSON.stringify(request), ...more]), show: `node ${driver} ${operation} ${more.join(" ")}`.trim() },
      elapsedIn: (text) => summarise((JSON.parse(text) as OperationReport).seconds).median,
      check: ({ text }) => {
        const report = JSON.parse(text()) as OperationReport
        expectEqual(`found in ${calls} calls`, report.found, expected * calls)
        return { calls, slowest: Math.max(...report.seconds) }
      }
    }
  }
  return [
    contestant("sheaf registry", "sheaf", "SheafOperations.ts", registry.instance),
    ...(LOOKUPS.includes(operation) ? [contestant("sheaf get", "sheaf", "SheafOperations.ts", registry.instance, ["get"])] : []),
    contestant("DuckDB alone", "peer", "RawOperations.ts", registryFile(registry))
  ]
}

/** Renames a tree of many keys there and back again, as git does with as many files. */
const renameContest = async (bench: Bench, registry: MillionRegistry) => {
  const data = bench.data("S", { copies: 3 })
  const git = peer(bench, "git")
  const tree = join(bench.work, "w9-git")
  const target = join(import.meta.dirname, "../drivers/RenamePrefix.ts")
  const contest = await runContest(bench, {
    name: "rename a tree of keys",
    items: data.facts.files,
    unit: "keys",
    bytes: 0,
    contestants: [
      {
        name: "sheaf mv",
        kind: "sheaf",
        command: libraryProgram(bench, [target, registry.instance, "bulk/", "renamed/"]),
        setup: async () => void (await bench.quiet(sheafCommand(bench, registry.instance, ["ingest", data.path, "--key", "bulk", "--json"]))),
        elapsedIn: (text) => (JSON.parse(text) as { readonly seconds: number }).seconds,
        check: ({ text }) => {
          const { moves } = JSON.parse(text()) as { readonly moves?: number }
          if (moves === undefined) throw new WrongResultError("the rename reports no moves")
          expectEqual("keys renamed", moves, data.facts.files)
        }
      },
      {
        name: "git mv",
        kind: "peer",
        ...absence(git),
        command: { ...shell('if [ -d bulk ]; then git mv bulk renamed; else git mv renamed bulk; fi', [], "git mv bulk renamed"), cwd: tree },
        setup: async () => {
          rmSync(tree, { recursive: true, force: true })
          await bench.quiet(shell('git init --quiet "$1" && cp -r "$2" "$1/bulk" && git -C "$1" add -A', [tree, data.path]))
        },
        teardown: () => rmSync(tree, { recursive: true, force: true })
      }
    ],
    targets: [{ text: "sheaf mv within 2 s", atMost: 2, actual: (r) => measured(r, "sheaf mv")?.elapsed?.median }]
  })
  return contest
}
