/** The benchmark: measures sheaf against other programs on the same data, in the same run. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { openBench, REPOSITORY, shorten, type Bench } from "./Bench.ts"
import { DATA_SET_NAMES, DATA_SET_TITLES, NoRoomError, type DataSetName } from "./data/DataSets.ts"
import { currentCommit, describeMachine } from "./Machine.ts"
import { HELP, parseOptions, UsageError, type Options } from "./Options.ts"
import { renderResults } from "./report/ConsoleTable.ts"
import type { Results, WorkloadResult } from "./Results.ts"
import { sheafCommand } from "./SheafCli.ts"
import { findTools } from "./Tools.ts"
import { toResult, type Workload } from "./workloads/Workload.ts"
import { WORKLOADS } from "./workloads/Workloads.ts"

const main = async (): Promise<number> => {
  const options = parseOptions(process.argv.slice(2))
  if (options.mode === "help") return print(HELP)
  if (options.mode === "list") return print(listing())
  const chosen = choose(options)
  const tools = findTools(options.python)
  const { bench, close } = openBench(options, tools)
  const stop = () => {
    close()
    process.exit(130)
  }
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  try {
    const results = await run(bench, chosen)
    print(options.json ? `${JSON.stringify(results, null, 2)}\n` : renderResults(results))
    const out = options.out ?? (options.smoke ? undefined : join(REPOSITORY, "apps/bench/results", `${results.startedAt.replaceAll(":", "-")}.json`))
    if (out !== undefined) {
      mkdirSync(dirname(out), { recursive: true })
      writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`)
      bench.log(`results written to ${relative(process.cwd(), out)}`)
    }
    return results.workloads.some((workload) => workload.errors.length > 0) ? 1 : 0
  } finally {
    process.removeListener("SIGINT", stop)
    process.removeListener("SIGTERM", stop)
    close()
  }
}

const run = async (bench: Bench, chosen: readonly (readonly [Workload, DataSetName])[]): Promise<Results> => {
  const started = new Date()
  const version = bench.sheaf === undefined ? undefined : await sheafVersion(bench)
  const workloads: WorkloadResult[] = []
  for (const [workload, size] of chosen) {
    bench.log(`${workload.id} on ${size}: ${workload.title}`)
    try {
      workloads.push(toResult(workload, await workload.run(bench, size)))
    } catch (cause) {
      if (cause instanceof NoRoomError) throw cause
      const message = shorten(cause instanceof Error ? cause.message : String(cause), bench.options, bench.work, bench.tools)
      bench.log(`  ${message}`)
      workloads.push({ id: workload.id, title: workload.title, data: null, cases: [], errors: [message] })
    }
  }
  return {
    format: 1,
    startedAt: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    commit: currentCommit(),
    machine: describeMachine(bench.options.directory),
    versions: {
      node: process.version,
      ...(version === undefined ? {} : { sheaf: version }),
      ...Object.fromEntries(Object.entries(bench.tools.found).map(([name, tool]) => [name, tool.version]))
    },
    absent: bench.tools.absent,
    // Folders and files say nothing about the figures.
    arguments: process.argv.slice(2).filter((argument, i, all) => !FOLDER_OPTIONS.some((name) => argument.startsWith(name) || all[i - 1] === name)),
    probes: bench.knownRates() ?? null,
    workloads
  }
}

/** Also lets the compile cache of the CLI fill before anything is measured. */
const sheafVersion = async (bench: Bench): Promise<string> => {
  try {
    return (await bench.quiet(sheafCommand(bench, undefined, ["--version"]))).trim()
  } catch (cause) {
    throw new UsageError(`The sheaf command does not run: ${(cause as Error).message}. Build it with \`npm run build\`, or measure only the others with --peers-only`)
  }
}

const FOLDER_OPTIONS = ["--data", "--out", "--python"]

const choose = (options: Options): readonly (readonly [Workload, DataSetName])[] => {
  const wanted = options.workloads.length === 0 ? WORKLOADS : options.workloads.map(find)
  return wanted.flatMap((workload) => {
    const { size } = options
    if (size === undefined) return workload.defaultSizes.map((name) => [workload, name] as const)
    if (workload.sizes.includes(size)) return [[workload, size] as const]
    if (options.workloads.length === 0) return []
    throw new UsageError(`${workload.id} is measured on ${workload.sizes.join(", ")}, not on ${size}`)
  })
}

const find = (id: string): Workload => {
  const workload = WORKLOADS.find((candidate) => candidate.id === id)
  if (workload !== undefined) return workload
  throw new UsageError(`There is no workload ${JSON.stringify(id)}; there are ${WORKLOADS.map((w) => w.id).join(", ")}`)
}

const listing = (): string =>
  [
    "Workloads",
    ...WORKLOADS.map((w) => `  ${w.id.padEnd(4)} ${w.title} (data: ${w.sizes.map((size) => (w.defaultSizes.includes(size) ? `${size}*` : size)).join(", ")})`),
    "Data sets (* taken when --size names none)",
    ...DATA_SET_NAMES.map((name) => `  ${name.padEnd(4)} ${DATA_SET_TITLES[name]}`),
    ""
  ].join("\n")

const print = (text: string): number => {
  process.stdout.write(text)
  return 0
}

try {
  process.exitCode = await main()
} catch (cause) {
  if (!(cause instanceof UsageError) && !(cause instanceof NoRoomError)) throw cause
  process.stderr.write(`bench: ${cause.message}\n`)
  process.exitCode = 2
}
