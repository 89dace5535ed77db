/** Runs a command and measures elapsed time, CPU time of it and everything it started, and the peak memory of the whole process tree. */
import { spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { memoryOf, sessionMembers } from "./ProcessTree.ts"

/** A command to run. */
export interface Command {
  readonly argv: readonly string[]
  readonly cwd?: string
  /** Added to the environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** How to print it, when its arguments alone would not say it. */
  readonly show?: string
}

/** A pipeline for bash; `$1`, `$2` … are the arguments, and a failure in any part fails the whole. */
export const shell = (script: string, args: readonly string[], show?: string): Command => ({
  argv: ["bash", "-o", "pipefail", "-c", script, "bash", ...args],
  show: show ?? script.replaceAll(/"?\$(\d)"?/g, (_, n: string) => args[Number(n) - 1] ?? "")
})

/** What one run cost. Times are in seconds, memory in bytes. */
export interface Measurement {
  readonly elapsed: number
  readonly user: number
  readonly system: number
  readonly peakMemory: number
  readonly exit: number
}

/** Where the two outputs of a command go, and when it is given up. */
export interface RunOptions {
  readonly stdout: string
  readonly stderr: string
  readonly timeoutSeconds: number
}

/** A command took longer than it was given. */
export class TimedOutError extends Error {
  override readonly name = "TimedOutError"
}

/** Runs a command in a session of its own; does not fail on its exit code, but on a time-out. */
export const measure = async (command: Command, options: RunOptions): Promise<Measurement> => {
  const out = openSync(options.stdout, "w")
  const err = openSync(options.stderr, "w")
  const env: NodeJS.ProcessEnv = { ...process.env }
  for (const [name, value] of Object.entries(command.env ?? {})) {
    if (value === undefined) delete env[name]
    else env[name] = value
  }
  // The shell stays as the parent because it alone can say, by `times`, what all its waited-for descendants used.
  const script = '"$@" 3>&-; code=$?; times >&3; exit $code'
  const started = performance.now()
  const child = spawn("sh", ["-c", script, "sh", ...command.argv], {
    cwd: command.cwd ?? "/",
    env,
    stdio: ["ignore", out, err, "pipe"],
    detached: true
  })
  closeSync(out)
  closeSync(err)
  let times = ""
  child.stdio[3]?.on("data", (data: Buffer) => (times += data.toString()))
  let peakMemory = 0
  const sample = () => {
    if (child.pid === undefined) return
    const members = sessionMembers(child.pid)
    if (members.length > 0) peakMemory = Math.max(peakMemory, memoryOf(members))
  }
  // Soon and often at first, so that a run of a few milliseconds has a sample too.
  const early = [5, 15, 30, 60].map((ms) => setTimeout(sample, ms))
  const sampler = setInterval(sample, SAMPLE_MS)
  let timedOut = false
  const stop = () => killGroup(child.pid)
  const deadline = setTimeout(() => {
    timedOut = true
    stop()
  }, options.timeoutSeconds * 1000)
  process.once("exit", stop)
  let elapsed = 0
  try {
    const exit = await new Promise<number>((resolve, reject) => {
      let code = -1
      child.once("error", reject)
      child.once("exit", (status) => {
        elapsed = (performance.now() - started) / 1000
        code = status ?? 137
      })
      child.once("close", () => resolve(code))
    })
    if (timedOut) throw new TimedOutError(`gave up after ${options.timeoutSeconds} s`)
    return { elapsed, ...parseTimes(times), peakMemory, exit }
  } finally {
    clearTimeout(deadline)
    clearInterval(sampler)
    for (const timer of early) clearTimeout(timer)
    process.removeListener("exit", stop)
  }
}

/** Runs a command that is not measured; throws with the end of its error output when it fails. Returns its output. */
export const runPlainly = async (command: Command, options: RunOptions): Promise<string> => {
  const { exit } = await measure(command, options)
  if (exit !== 0) throw new CommandFailedError(command, exit, tail(options.stderr))
  return readFileSync(options.stdout, "utf8")
}

/** A command ended with another code than 0. */
export class CommandFailedError extends Error {
  override readonly name = "CommandFailedError"
  constructor(command: Command, exit: number, errorOutput: string) {
    super(`${command.show ?? command.argv.join(" ")} ended with exit code ${exit}${errorOutput === "" ? "" : `: ${errorOutput}`}`)
  }
}

/** The last few lines of a file that say something, on one line. */
export const tail = (file: string): string => readFileSync(file, "utf8").split("\n").filter((line) => line.trim() !== "").slice(-4).join(" | ").slice(-600)

const SAMPLE_MS = 100

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // The group has ended by itself.
  }
}

/** Reads the second line of the shell's `times`: user and system time of its children, such as `0m1.230s 0m0.450s`. */
export const parseTimes = (text: string): { readonly user: number; readonly system: number } => {
  const match = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/.exec(text.trim().split("\n")[1] ?? "")
  if (match === null) return { user: 0, system: 0 }
  return { user: Number(match[1]) * 60 + Number(match[2]), system: Number(match[3]) * 60 + Number(match[4]) }
}
