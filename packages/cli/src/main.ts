/**
 * Entry point: one process, one command.
 */
import { Effect } from "effect"
import { INTERRUPTED_BY_CALLER, program } from "./Program.ts"
import { watchStreams } from "./StandardStreams.ts"
import { INTERRUPTED, watchSignals } from "./StopSignals.ts"

/** Exit code of a program whose reader went away, as the shell reports it for SIGPIPE. */
const READER_GONE = 141

const fiber = Effect.runFork(program(process.argv.slice(2)))

let readerGone = false
watchStreams(() => {
  readerGone = true
  fiber.interruptUnsafe()
})
watchSignals(fiber)

fiber.addObserver((exit) => {
  const isDone = exit._tag === "Success" && exit.value !== INTERRUPTED_BY_CALLER
  // An explicit end, since something may still hold the event loop. What a finished command wrote goes out first; a stopped one does not wait
  // for a reader that may never come back.
  if (isDone) process.stdout.write("", () => process.exit(exit.value))
  else process.exit(readerGone ? READER_GONE : INTERRUPTED)
})
