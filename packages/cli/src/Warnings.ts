/**
 * What a command did differently from what might have been expected.
 */
import { Effect } from "effect"
import { Shell } from "./Shell.ts"
import { safeText } from "./terminal/SafeText.ts"

/** Prints warnings for people; the machine formats carry them in the document. */
export const printWarnings = (warnings: ReadonlyArray<{ readonly message: string }>) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    for (const { message } of warnings) yield* shell.note(`${shell.errPaint.yellow("warning:")} ${safeText(message)}`)
  })
