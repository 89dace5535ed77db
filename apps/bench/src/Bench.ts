/** What every workload works with: where it may write, which programs there are, and how to run one without measuring it. */
import { mkdirSync, rmSync, statfsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join, resolve } from "node:path"
import { provideDataSet, type DataSet, type DataSetName } from "./data/DataSets.ts"
import type { ProbeRates } from "./Limit.ts"
import { runPlainly, type Command } from "./Measure.ts"
import type { Options } from "./Options.ts"
import { FULL_PROBES, probeRates, TINY_PROBES } from "./probes/Probes.ts"
import type { Tools } from "./Tools.ts"

/** One run of the benchmark. */
export interface Bench {
  readonly options: Options
  readonly tools: Tools
  /** The CLI, unless it is left out. */
  readonly sheaf: string | undefined
  readonly cores: number
  /** An empty folder on the measured file system, removed at the end. */
  readonly work: string
  /** Whether that file system keeps its files in memory. */
  readonly inMemory: boolean
  readonly log: (line: string) => void
  /** The data set at the scale of this run, or `cut` of that. */
  readonly data: (name: DataSetName, options: { readonly copies: number; readonly cut?: number }) => DataSet
  /** The rates of this machine, measured once a run. */
  readonly rates: () => Promise<ProbeRates>
  /** The rates, when they have been measured. */
  readonly knownRates: () => ProbeRates | undefined
  /** Runs a command without measuring it and returns its output; throws when it fails. */
  readonly quiet: (command: Command) => Promise<string>
  /** The environment in which all programs run: a home of their own, so that neither settings nor caches of the user matter. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Writes a command with `$DATA` and `$WORK` in place of folders. */
  readonly show: (command: Command) => string
}

/** The root of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, "../../..")

/** Prepares a run; `close` removes its work folder. */
export const openBench = (options: Options, tools: Tools): { readonly bench: Bench; readonly close: () => void } => {
  mkdirSync(options.directory, { recursive: true })
  const work = join(options.directory, `work-${process.pid}`)
  const home = join(work, "home")
  mkdirSync(home, { recursive: true })
  const cores = availableParallelism()
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const environment = {
    HOME: home, XDG_CACHE_HOME: join(home, ".cache"), XDG_CONFIG_HOME: join(home, ".config"), XDG_DATA_HOME: join(home, ".local/share"),
    TMPDIR: undefined, SHEAF_INSTANCE: undefined, GIT_DIR: undefined, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null", LC_ALL: "C.UTF-8", NO_COLOR: "1"
  }
  let rates: ProbeRates | undefined
  const bench: Bench = {
    options,
    tools,
    sheaf: options.peersOnly ? undefined : join(REPOSITORY, "node_modules/.bin/sheaf"),
    cores,
    work,
    inMemory: statfsSync(options.directory).type === TMPFS,
    log,
    data: (name, { copies, cut }) =>
      provideDataSet(options.directory, { name, scale: Number(((options.scale ?? (options.smoke ? SMOKE_SCALES[name] : 1)) * (cut ?? 1)).toPrecision(6)), seed: options.seed }, { copies, log }),
    rates: async () => {
      if (rates === undefined) {
        log("measuring what this machine can do")
        rates = await probeRates(work, cores, options.smoke ? TINY_PROBES : FULL_PROBES)
      }
      return rates
    },
    knownRates: () => rates,
    quiet: (command) =>
      runPlainly({ ...command, env: { ...environment, ...command.env } }, { stdout: join(work, "quiet.out"), stderr: join(work, "quiet.err"), timeoutSeconds: options.timeoutSeconds }),
    environment,
    show: (command) => shorten(showEnvironment(command) + (command.show ?? command.argv.map(quoteForReading).join(" ")), options, work, tools)
  }
  return { bench, close: () => rmSync(work, { recursive: true, force: true }) }
}

/** Replaces the folders of this machine in a text by `$WORK`, `$DATA` and the names of programs. */
export const shorten = (text: string, options: Options, work: string, tools: Tools): string => {
  let out = text.replaceAll(work, "$WORK").replaceAll(options.directory, "$DIRECTORY").replaceAll(/\$DIRECTORY\/[A-Z]-x[^/]+\/root/g, "$DATA").replaceAll("$DIRECTORY", "$DATA")
  for (const { path } of Object.values(tools.found)) out = out.replaceAll(path, path.slice(path.lastIndexOf("/") + 1))
  // Where Python's packages lie, as their tracebacks show it.
  for (const { path } of Object.values(tools.found)) if (/python[\d.]*$/.test(path)) out = out.replaceAll(dirname(dirname(path)), "$PYTHON")
  return out.replaceAll(process.execPath, "node").replaceAll(join(REPOSITORY, "node_modules/.bin/"), "").replaceAll(`${REPOSITORY}/`, "")
}

const TMPFS = 0x01021994

/** Scales at which every workload takes about a second. */
const SMOKE_SCALES: Readonly<Record<DataSetName, number>> = { S: 0.01, M: 0.002, G: 0.002, L: 0.001, X: 0.01 }

const SHOWN_VARIABLES = ["SHEAF_INSTANCE"]

const showEnvironment = (command: Command): string =>
  Object.entries(command.env ?? {}).map(([name, value]) => (SHOWN_VARIABLES.includes(name) && value !== undefined ? `${name}=${value} ` : "")).join("")

const quoteForReading = (word: string): string => (/^[\w@%+=:,./$-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
