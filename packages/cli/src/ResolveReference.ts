/**
 * What the user's reference means, said aloud when it is not exactly what was typed.
 */
import { Effect } from "effect"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Shell } from "./Shell.ts"
import { safeText } from "./terminal/SafeText.ts"

/** The uid that a reference stands for. */
export const resolveReference = (reference: string) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { note, uid } = yield* (yield* Artifacts).resolve(reference)
    if (note !== null) yield* shell.note(`sheaf: ${safeText(note)}`)
    return uid
  })
