/** The command line of the benchmark. */
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { DATA_SET_NAMES, type DataSetName } from "./data/DataSets.ts"

/** A command line that cannot be carried out; the message says what is possible. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** What to measure, and how. */
export interface Options {
  readonly mode: "run" | "help" | "list"
  /** Ids in upper case; empty for all. */
  readonly workloads: readonly string[]
  readonly size: DataSetName | undefined
  /** Undefined when not given: 1, or the tiny scales of a smoke run. */
  readonly scale: number | undefined
  readonly seed: number
  readonly rounds: number
  readonly slowRounds: number
  /** Folder for data sets and work. */
  readonly directory: string
  readonly out: string | undefined
  readonly json: boolean
  readonly smoke: boolean
  readonly peers: "all" | "fast" | "none" | readonly string[]
  readonly peersOnly: boolean
  /** Interpreter that has the Python peers. */
  readonly python: string | undefined
  readonly timeoutSeconds: number
}

/** The text of `--help`. */
export const HELP = `Usage: npm run bench -- [WORKLOAD…] [OPTIONS]

Measures sheaf against other programs on the same data, in turns, in the same run. Without a workload all are run.

  npm run bench -- W2 --size S                  managed ingest of 100,000 files
  npm run bench -- W1 W3 --scale 0.1 --fs tmpfs a tenth of them, in memory
  npm run bench -- --smoke                      everything at a tiny scale; fails on wrong results, never on speed

Options
  --size NAME        data set for the workloads named: ${DATA_SET_NAMES.join(", ")}; each workload has its own default (see --list)
  --scale X          part of the data set, such as 0.01 (default 1)
  --seed N           seed of the data (default 1)
  --rounds N         times each program runs, taking turns (default 3)
  --slow-rounds N    the same for programs that take minutes (default 1)
  --fs tmpfs|disk    where the data lie: /dev/shm, or the folder of --data (default: a folder below the system's temporary one)
  --data DIR         folder for data sets, which stay there, and for work, which does not
  --peers LIST       all (default; quick ones in a smoke run), fast (without those that take minutes), none, or names such as restic,cp
  --peers-only       leave sheaf itself out
  --python FILE      Python interpreter of an environment with dvc, lamindb or oxenai
  --timeout SECONDS  when to give up on one run of one program (default 3600)
  --out FILE         results file (default apps/bench/results/<time>.json; a smoke run writes none)
  --json             print the results as JSON instead of a table
  --smoke            tiny scale, one round
  --list             list workloads and data sets
  --help             this text

The table goes to standard output, progress to standard error. Draw the chart with: node apps/bench/src/chart.ts RESULTS.json
Exit code: 0 when all results are right, 1 when one is wrong, 2 for a mistake on the command line.
`

/** Reads the command line; throws `UsageError`. */
export const parseOptions = (argv: readonly string[]): Options => {
  const { values, positionals } = parse(argv)
  const number = (name: "scale" | "seed" | "rounds" | "slow-rounds" | "timeout", least: number, whole: boolean) => {
    const text = values[name]
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() === "" || !Number.isFinite(value) || value < least || (whole && !Number.isInteger(value))) {
      throw new UsageError(`--${name} takes a ${whole ? "whole number" : "number"} of at least ${least}, not ${JSON.stringify(text)}`)
    }
    return value
  }
  const scale = number("scale", 1e-6, false)
  if (scale !== undefined && scale > 10) throw new UsageError(`--scale is a factor, at most 10, not ${scale}`)
  const size = values.size?.toUpperCase()
  if (size !== undefined && !isDataSetName(size)) throw new UsageError(`There is no data set ${JSON.stringify(values.size)}; the data sets are ${DATA_SET_NAMES.join(", ")}`)
  return {
    mode: values.help === true ? "help" : values.list === true ? "list" : "run",
    workloads: positionals.map((id) => id.toUpperCase()),
    size,
    scale,
    seed: number("seed", 0, true) ?? 1,
    rounds: number("rounds", 1, true) ?? (values.smoke === true ? 1 : 3),
    slowRounds: number("slow-rounds", 1, true) ?? 1,
    directory: dataDirectory(values.fs, values.data),
    out: values.out === undefined ? undefined : resolve(values.out),
    json: values.json === true,
    smoke: values.smoke === true,
    peers: parsePeers(values.peers ?? (values.smoke === true ? SMOKE_PEERS : "all")),
    peersOnly: values["peers-only"] === true,
    python: values.python === undefined ? undefined : resolve(values.python),
    timeoutSeconds: number("timeout", 1, false) ?? 3600
  }
}

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        size: { type: "string" }, scale: { type: "string" }, seed: { type: "string" }, rounds: { type: "string" }, "slow-rounds": { type: "string" },
        fs: { type: "string" }, data: { type: "string" }, peers: { type: "string" }, "peers-only": { type: "boolean" }, python: { type: "string" },
        timeout: { type: "string" }, out: { type: "string" }, json: { type: "boolean" }, smoke: { type: "boolean" }, list: { type: "boolean" }, help: { type: "boolean", short: "h" }
      }
    })
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split(". To specify")[0]}. --help lists the options`)
  }
}

const isDataSetName = (name: string): name is DataSetName => (DATA_SET_NAMES as readonly string[]).includes(name)

const dataDirectory = (fs: string | undefined, data: string | undefined): string => {
  if (fs !== undefined && fs !== "tmpfs" && fs !== "disk") throw new UsageError(`--fs is tmpfs or disk, not ${JSON.stringify(fs)}`)
  if (data !== undefined) return resolve(data)
  if (fs === "tmpfs") {
    if (!existsSync("/dev/shm")) throw new UsageError("There is no /dev/shm here; name a folder on a tmpfs with --data DIR")
    return "/dev/shm/sheaf-bench"
  }
  if (fs === "disk") throw new UsageError("--fs disk needs the folder to use: --data DIR")
  return join(tmpdir(), "sheaf-bench")
}

/** Programs that start at once. */
const SMOKE_PEERS = "find,cp,git,openssl,node,DuckDB"

const parsePeers = (text: string): Options["peers"] => (text === "all" || text === "fast" || text === "none" ? text : text.split(",").map((name) => name.trim()))
