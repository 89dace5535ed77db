/**
 * From a parsed command line to the code that answers it, which is loaded only then.
 */
import { Effect, Option } from "effect"
import { InstanceFlag, JsonFlag, LockTimeoutFlag, NdjsonFlag, NoColorFlag, QuietFlag, VerboseFlag } from "./GlobalFlags.ts"
import { makeShell, Shell } from "./Shell.ts"
import { setExitCode } from "./ExitCode.ts"
import { paintFor } from "./terminal/Paint.ts"
import { Usage } from "./UsageError.ts"

/** The module of one command: `run` gets what was parsed. */
export interface Action<Input> {
  readonly run: (input: Input) => Effect.Effect<void, unknown, Shell>
}

const currentShell = Effect.gen(function*() {
  const json = yield* JsonFlag
  const ndjson = yield* NdjsonFlag
  if (json && ndjson) {
    return yield* new Usage({ message: "--json and --ndjson exclude each other", hint: "--json prints one document, --ndjson a document a line." })
  }
  const noColor = yield* NoColorFlag
  return makeShell(
    {
      instance: Option.getOrNull(yield* InstanceFlag),
      format: json ? "json" : ndjson ? "ndjson" : "text",
      quiet: yield* QuietFlag,
      verbose: yield* VerboseFlag,
      lockTimeout: Option.getOrNull(yield* LockTimeoutFlag)
    },
    { paint: paintFor(process.stdout, noColor, process.env), errPaint: paintFor(process.stderr, noColor, process.env) },
    setExitCode
  )
})

/** A command handler that loads the command's code when it is called. */
export const lazily = <Input>(load: () => Promise<Action<Input>>) => (input: Input) =>
  Effect.gen(function*() {
    const shell = yield* currentShell
    const action = yield* Effect.promise(load)
    yield* Effect.provideService(action.run(input), Shell, shell)
  })
