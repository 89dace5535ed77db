/** Processes for tests, by what they print. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process"
import { join } from "node:path"

export interface Child {
  readonly process: ChildProcess
  /** Complete lines so far. */
  readonly lines: ReadonlyArray<string>
  /** Resolves when there are this many lines, or the process has ended. */
  readonly hasLines: (n: number) => Promise<void>
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts `RegistryProcess.ts`. */
export const startRegistryProcess = (args: ReadonlyArray<string>, options: SpawnOptions = {}): Child =>
  startProcess(process.execPath, [join(import.meta.dirname, "RegistryProcess.ts"), ...args], options)

export const startProcess = (command: string, args: ReadonlyArray<string>, options: SpawnOptions = {}): Child => {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "inherit"] })
  const lines: Array<string> = []
  let rest = ""
  const waiting = new Set<() => void>()
  const wake = () => waiting.forEach((resolve) => resolve())
  let hasEnded = false
  child.stdout!.setEncoding("utf8").on("data", (data: string) => {
    const parts = (rest + data).split("\n")
    rest = parts.pop()!
    lines.push(...parts)
    wake()
  })
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on("close", (code, signal) => {
      hasEnded = true
      wake()
      resolve(code ?? signal!)
    }))
  const hasLines = async (n: number): Promise<void> => {
    while (lines.length < n && !hasEnded) {
      await new Promise<void>((resolve) => {
        waiting.add(resolve)
      })
      waiting.clear()
    }
  }
  return { process: child, lines, hasLines, ended }
}

/** Kills a process that is meant to be running, and waits for its end. */
export const kill = async (child: Child): Promise<void> => {
  child.process.kill("SIGKILL")
  await child.ended
}
