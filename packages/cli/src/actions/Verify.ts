/** `sheaf verify [PREFIX]` */
import { Effect, Option } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Integrity, type VerifyReport } from "@sheaf/core/services/Integrity"
import { withInstance } from "../OpenInstance.ts"
import { orderlyStop } from "../OrderlyStop.ts"
import { Shell } from "../Shell.ts"
import { progressDisplay } from "../terminal/ProgressBar.ts"
import { verifyText } from "../terminal/VerifyText.ts"

export interface VerifyInput {
  readonly prefix: Option.Option<string>
  /** Over 0 up to 1. */
  readonly sample: Option.Option<number>
  readonly seed: Option.Option<string>
  readonly artifacts: ReadonlyArray<string>
  readonly storage: Option.Option<string>
}

const exitCodeOf = ({ damaged, failed, interrupted, missing, unreachable }: VerifyReport): number =>
  damaged.length + missing.length > 0 ? EXIT.integrity
    : interrupted ? EXIT.interrupted
    : unreachable.length > 0 ? EXIT.storageUnavailable
    : failed.length > 0 ? EXIT.someFailed : EXIT.ok

export const run = (input: VerifyInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const display = progressDisplay(shell, "copies")
    const report = yield* (yield* Integrity).verify({
      ...(Option.isSome(input.prefix) ? { prefix: input.prefix.value } : {}),
      ...(Option.isSome(input.sample) ? { sample: input.sample.value } : {}),
      ...(Option.isSome(input.seed) ? { seed: input.seed.value } : {}),
      ...(Option.isSome(input.storage) ? { storage: input.storage.value } : {}),
      ...(input.artifacts.length > 0 ? { refs: input.artifacts } : {}),
      signal: yield* orderlyStop("finishing the copies that are being read"),
      onProgress: ({ bytes, checked, total }) => display.update({ done: checked, bytes, total, totalBytes: null, isTotalKnown: total !== null })
    }).pipe(Effect.ensuring(Effect.sync(display.end)))
    if (shell.options.format !== "text") yield* shell.document(report)
    else if (!shell.options.quiet || exitCodeOf(report) !== EXIT.ok) yield* shell.print(verifyText(report, shell.paint))
    yield* shell.exitWith(exitCodeOf(report))
  }).pipe(Effect.scoped))
