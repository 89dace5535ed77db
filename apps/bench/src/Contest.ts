/** Lets several programs do the same to the same data, in turns, and checks what each has done. */
import { spawnSync } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { shorten, type Bench } from "./Bench.ts"
import { limitOf, scoreOf, type UnavoidableWork } from "./Limit.ts"
import { CommandFailedError, measure, tail, type Command } from "./Measure.ts"
import type { CaseResult, ContestantResult, Sample } from "./Results.ts"
import { summarise } from "./Statistics.ts"

/** A program's output as a check sees it. */
interface Output {
  readonly round: number
  /** Standard output, read when first asked for. */
  readonly text: () => string
}

/** One program in a case. */
export interface Contestant {
  readonly name: string
  readonly kind: "sheaf" | "peer"
  /** Why it cannot run here. */
  readonly absent?: string
  /** Takes minutes: runs `--slow-rounds` times, and not at all with `--peers fast`. */
  readonly slow?: boolean
  readonly command: Command
  /** Seconds as the program itself has measured them, in place of those of the whole process. */
  readonly elapsedIn?: (text: string) => number
  /** Once before the first round, not measured. */
  readonly setup?: () => void | Promise<void>
  /** Before each round, not measured. */
  readonly prepare?: (round: number) => void | Promise<void>
  /** After each round: throws `WrongResultError`, or returns figures worth keeping. */
  readonly check?: (output: Output) => void | Readonly<Record<string, number>> | Promise<void | Readonly<Record<string, number>>>
  readonly teardown?: () => void | Promise<void>
}

/** A bound on something measured. */
export interface Target {
  readonly text: string
  readonly atMost: number
  /** Undefined when what it compares with was not measured. */
  readonly actual: (result: CaseResult) => number | undefined
}

/** One comparison. */
export interface CaseSpec {
  readonly name: string
  readonly items: number
  readonly unit: string
  readonly bytes: number
  readonly contestants: readonly Contestant[]
  readonly work?: UnavoidableWork
  readonly targets?: readonly Target[]
  readonly figures?: Readonly<Record<string, number>>
  readonly notes?: readonly string[]
  /** Rounds, when not those of the command line. */
  readonly rounds?: number
}

/** A program did not do what it should have done. */
export class WrongResultError extends Error {
  override readonly name = "WrongResultError"
}

/** A comparison under way. */
export interface Contest {
  readonly round: (n: number) => Promise<void>
  /** Ends the comparison; errors are those of sheaf itself. */
  readonly finish: () => Promise<{ readonly result: CaseResult; readonly errors: readonly string[] }>
}

/** Runs a comparison from its first round to its last. */
export const runContest = async (bench: Bench, spec: CaseSpec) => {
  const contest = await startContest(bench, spec)
  for (let round = 0; round < (spec.rounds ?? bench.options.rounds); round++) await contest.round(round)
  return contest.finish()
}

/** Starts a comparison whose rounds the caller calls for. */
export const startContest = async (bench: Bench, spec: CaseSpec): Promise<Contest> => {
  const entries = spec.contestants.filter((contestant) => isWanted(bench, contestant)).map((contestant) => ({
    contestant,
    samples: [] as Sample[],
    absent: contestant.absent,
    failure: undefined as string | undefined
  }))
  type Entry = (typeof entries)[number]
  const device = bench.inMemory ? undefined : deviceOf(bench.work)
  const fail = (entry: Entry, cause: unknown) => {
    entry.failure = shorten(cause instanceof Error ? cause.message : String(cause), bench.options, bench.work, bench.tools)
    bench.log(`  ${entry.contestant.name}: ${entry.failure}`)
  }
  for (const entry of entries) {
    if (entry.absent !== undefined) continue
    try {
      await entry.contestant.setup?.()
    } catch (cause) {
      fail(entry, cause)
    }
  }

  const runOnce = async (entry: Entry, round: number) => {
    const { contestant } = entry
    const files = { stdout: join(bench.work, "run.out"), stderr: join(bench.work, "run.err") }
    await contestant.prepare?.(round)
    // What the preparation wrote must not be written out during the measurement.
    if (device !== undefined) spawnSync("sync", ["-f", bench.work])
    const before = device === undefined ? undefined : sectorsWritten(device)
    const command = { ...contestant.command, env: { ...bench.environment, ...contestant.command.env } }
    const run = await measure(command, { ...files, timeoutSeconds: bench.options.timeoutSeconds })
    if (run.exit !== 0) throw new CommandFailedError({ ...command, show: bench.show(contestant.command) }, run.exit, tail(files.stderr))
    if (device !== undefined) spawnSync("sync", ["-f", bench.work])
    const after = device === undefined ? undefined : sectorsWritten(device)
    const text = () => readFileSync(files.stdout, "utf8")
    const elapsed = contestant.elapsedIn?.(text()) ?? run.elapsed
    const figures = await contestant.check?.({ round, text })
    entry.samples.push({
      round,
      elapsed,
      user: run.user,
      system: run.system,
      peakMemory: run.peakMemory,
      ...(before === undefined || after === undefined ? {} : { diskWritten: (after - before) * 512 }),
      ...(figures === undefined ? {} : { figures })
    })
    bench.log(`  ${spec.name}, round ${round + 1}: ${contestant.name} ${elapsed.toPrecision(3)} s`)
  }

  return {
    round: async (round) => {
      // Another one begins each time, so that no program always runs after the same one.
      const shift = round % Math.max(1, entries.length)
      for (const entry of [...entries.slice(shift), ...entries.slice(0, shift)]) {
        if (entry.absent !== undefined || entry.failure !== undefined) continue
        if (entry.contestant.slow === true && round >= bench.options.slowRounds) continue
        try {
          await runOnce(entry, round)
        } catch (cause) {
          fail(entry, cause)
        }
      }
    },
    finish: async () => {
      const errors: string[] = []
      for (const entry of entries) {
        if (entry.contestant.kind === "sheaf" && entry.failure !== undefined) errors.push(`${spec.name}: ${entry.contestant.name}: ${entry.failure}`)
        try {
          await entry.contestant.teardown?.()
        } catch (cause) {
          bench.log(`  cleaning up after ${entry.contestant.name}: ${String(cause)}`)
        }
      }
      const contestants = entries.map((entry) => summary(bench, spec, entry))
      return { result: await concluded(bench, spec, contestants), errors }
    }
  }
}

/** Whether the command line asks for this contestant. */
export const isWanted = ({ options }: Bench, { kind, slow, name }: Pick<Contestant, "kind" | "slow" | "name">): boolean => {
  if (kind === "sheaf") return !options.peersOnly
  if (options.peers === "all") return true
  if (options.peers === "none") return false
  if (options.peers === "fast") return slow !== true
  return options.peers.some((wish) => name.toLowerCase().startsWith(wish.toLowerCase()))
}

const summary = (
  bench: Bench,
  spec: CaseSpec,
  { contestant, samples, absent, failure }: { readonly contestant: Contestant; readonly samples: readonly Sample[]; readonly absent: string | undefined; readonly failure: string | undefined }
): ContestantResult => {
  const base = {
    name: contestant.name,
    kind: contestant.kind,
    command: bench.show(contestant.command),
    samples,
    ...(absent === undefined ? {} : { absent }),
    ...(failure === undefined ? {} : { failure })
  }
  if (samples.length === 0) return base
  const elapsed = summarise(samples.map((s) => s.elapsed))
  const written = samples.flatMap((s) => (s.diskWritten === undefined ? [] : [s.diskWritten]))
  return {
    ...base,
    elapsed,
    cpu: summarise(samples.map((s) => s.user + s.system)),
    peakMemory: summarise(samples.map((s) => s.peakMemory)),
    ...(written.length === 0 ? {} : { diskWritten: summarise(written) }),
    rate: spec.items / elapsed.median
  }
}

const concluded = async (bench: Bench, spec: CaseSpec, contestants: readonly ContestantResult[]): Promise<CaseResult> => {
  const ours = contestants.find((contestant) => contestant.kind === "sheaf" && contestant.elapsed !== undefined)
  const limit = spec.work === undefined ? undefined : limitOf(await bench.rates(), spec.work)
  const result: CaseResult = {
    name: spec.name,
    items: spec.items,
    unit: spec.unit,
    bytes: spec.bytes,
    contestants,
    ...(spec.work === undefined || limit === undefined ? {} : { work: spec.work, limit }),
    ...(limit === undefined || ours?.elapsed === undefined ? {} : { score: scoreOf(limit, ours.elapsed.median) }),
    targets: [],
    figures: spec.figures ?? {},
    notes: spec.notes ?? []
  }
  return { ...result, targets: evaluateTargets(result, spec.targets ?? []) }
}

/** Compares targets with what was measured; those that compare with something absent are left out. */
export const evaluateTargets = (result: CaseResult, targets: readonly Target[]): CaseResult["targets"] =>
  targets.flatMap((target) => {
    const actual = target.actual(result)
    return actual === undefined ? [] : [{ text: target.text, bound: target.atMost, actual, met: actual <= target.atMost }]
  })

/** The block device of a folder as `major minor`, when the kernel counts what is written to it. */
const deviceOf = (folder: string): string | undefined => {
  const dev = statSync(folder).dev
  const id = `${(dev >> 8) & 0xfff} ${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
  return sectorsWritten(id) === undefined ? undefined : id
}

const sectorsWritten = (device: string): number | undefined => {
  for (const line of readFileSync("/proc/diskstats", "utf8").split("\n")) {
    const fields = line.trim().split(/\s+/)
    if (`${fields[0]} ${fields[1]}` === device) return Number(fields[9])
  }
  return undefined
}
