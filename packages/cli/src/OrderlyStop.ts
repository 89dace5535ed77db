/**
 * Long work that the first Ctrl-C ends in good order, and the second at once.
 */
import { Effect } from "effect"
import { Shell } from "./Shell.ts"
import { writeErr } from "./StandardStreams.ts"
import { onStopSignal } from "./StopSignals.ts"

/** A signal that the first Ctrl-C aborts, with a word of what happens now (`finishing the current batch`). */
export const orderlyStop = (what: string) =>
  Effect.gen(function*() {
    const { options } = yield* Shell
    return yield* Effect.acquireRelease(
      Effect.sync(() => {
        const controller = new AbortController()
        const release = onStopSignal(() => {
          if (!options.quiet && options.format === "text") writeErr(`sheaf: ${what}; Ctrl-C again stops at once\n`)
          controller.abort()
        })
        return { signal: controller.signal, release }
      }),
      ({ release }) => Effect.sync(release)
    ).pipe(Effect.map(({ signal }) => signal))
  })
