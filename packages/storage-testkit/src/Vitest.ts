/**
 * The suite as tests of `vitest`: what every storage driver has to hold, as numbered cases. Those behind a capability that is off are skipped with
 * the reason, or check that the operation says `Unsupported`.
 *
 * ```ts
 * import { conformance } from "@sheaf/storage-testkit/vitest"
 * conformance("my store", Layer.unwrap(Effect.map(freshBucket, (bucket) => layer({ bucket }))))
 * ```
 */
import { Storage } from "@sheaf/core/ports/Storage"
import { Cause, Effect, Exit, type Layer } from "effect"
import { describe, it } from "vitest"
import { conformanceCases } from "./ConformanceCases.ts"
import { CASE_TIMEOUT, type ConformanceOptions, judge } from "./ConformanceRun.ts"

/** Makes a test of every case. Each builds the layer anew, and it has to give an empty root each time. */
export const conformance = (name: string, layer: Layer.Layer<Storage, unknown>, options: ConformanceOptions = {}): void =>
  void describe(`storage ${name}`, () => {
    for (const one of conformanceCases) {
      it(`${one.number} ${one.title}`, { timeout: (options.timeout ?? CASE_TIMEOUT) + 5_000 }, async (context) => {
        const exit = await Effect.runPromiseExit(
          Effect.provide(Effect.flatMap(Storage, (storage) => judge(one, storage, options)), layer, { local: true }),
          { signal: context.signal }
        )
        if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
        if (exit.value !== null) context.skip(exit.value)
      })
    }
  })
