/**
 * Entry point: one process, one command.
 */
import { Effect } from "effect"
import { FileError } from "@sheaf/core/domain/SheafError"
import { hasSwitch } from "./Argv.ts"
import { INTERRUPTED_BY_CALLER, program, reportFailure } from "./Program.ts"
import { watchStreams } from "./StandardStreams.ts"
import { INTERRUPTED, watchSignals } from "./StopSignals.ts"

/** Exit code of a program whose reader went away, as the shell reports it for SIGPIPE. */
const READER_GONE = 141

const argv = process.argv.slice(2)
// Nobody sees the spans of a command, beside what they add to a stack.
const fiber = Effect.runFork(Effect.withTracerEnabled(program(argv), hasSwitch(argv, "verbose")))

/** Why stdout cannot be written any more; a destroyed stream repeats itself in other words. */
let outputFailure: string | null = null
watchStreams((code) => {
  outputFailure ??= code
  fiber.interruptUnsafe()
})
watchSignals(fiber)

// What goes wrong outside the fiber, in a callback of a thread for instance, is reported like any other defect.
process.on("uncaughtException", (error) => {
  process.exit(reportFailure(argv, error, hasSwitch(argv, "verbose") ? error.stack ?? null : null))
})

const exitCodeOfStopped = (): number => {
  if (outputFailure === null) return INTERRUPTED
  if (outputFailure === "EPIPE") return READER_GONE
  return reportFailure(argv, new FileError({ path: "stdout", code: outputFailure, operation: "cannot write to" }))
}

fiber.addObserver((exit) => {
  const code = exit._tag === "Success" ? exit.value : INTERRUPTED_BY_CALLER
  // An explicit end, since something may still hold the event loop. What a finished command wrote goes out first; a stopped one does not wait
  // for a reader that may never come back.
  if (code === INTERRUPTED_BY_CALLER) process.exit(exitCodeOfStopped())
  process.stdout.write("", () => process.exit(outputFailure === null ? code : exitCodeOfStopped()))
})
