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
  const code = exit._tag === "Success" && exit.value !== INTERRUPTED_BY_CALLER ? exit.value : readerGone ? READER_GONE : INTERRUPTED
  // Ends also when something still holds the event loop; what was written is out first.
  process.stdout.write("", () => process.exit(code))
})
