/**
 * A command as a child of this one: it has our terminal, our streams and our signals.
 */
import { spawn } from "node:child_process"
import { constants } from "node:os"
import { Effect } from "effect"
import { passSignalsTo } from "./StopSignals.ts"

/** How a command ended. */
export interface ChildEnd {
  /** As a shell reports it: 128 and the number of the signal that ended it, 127 when there is no such program, 126 when it cannot be run. */
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started: the operating system's code, such as ENOENT. */
  readonly failure: string | null
}

/** Runs a command to its end. Signals reach it; one that the terminal sends to all of us at once is not sent a second time. */
export const runChild = (
  [program = "", ...args]: ReadonlyArray<string>,
  { env, outToErr }: { readonly env: NodeJS.ProcessEnv; readonly outToErr: boolean }
): Effect.Effect<ChildEnd> =>
  Effect.callback<ChildEnd>((resume) => {
    let release = (): void => {}
    const end = (value: ChildEnd): void => {
      release()
      resume(Effect.succeed(value))
    }
    const fail = (error: NodeJS.ErrnoException): void =>
      end({ exitCode: error.code === "ENOENT" || error.code === "ENOTDIR" ? 127 : 126, signal: null, failure: error.code ?? "EUNKNOWN" })
    try {
      const child = spawn(program, args, { env, stdio: ["inherit", outToErr ? 2 : "inherit", "inherit"] })
      release = passSignalsTo((signal) => {
        if (signal === "SIGINT" && (process.stdin.isTTY || process.stderr.isTTY)) return
        child.kill(signal)
      })
      child.once("error", (error: NodeJS.ErrnoException) => { if (child.pid === undefined) fail(error) })
      child.once("exit", (code, signal) => end({ exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal] ?? 0), signal, failure: null }))
    } catch (error) {
      // Such as a NUL in an argument.
      fail(error as NodeJS.ErrnoException)
    }
  })
