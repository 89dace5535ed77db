/**
 * Content as what a parser of your own makes of it.
 */
import { Effect } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { CannotLoad } from "../domain/SheafError.ts"
import type { ContentParser } from "../ports/ContentParsers.ts"

/** Parses with it. That the content cannot be read stays that; everything else that the parser fails with is about the parser. */
export const parseWith = <E>(
  parser: ContentParser,
  artifact: Artifact,
  content: { readonly bytes: Effect.Effect<Uint8Array, E>; readonly path: Effect.Effect<string | Buffer, E> }
): Effect.Effect<unknown, E | CannotLoad> => {
  let unreadable: { readonly error: E } | null = null
  const remembered = <A>(read: Effect.Effect<A, E>): Effect.Effect<A, E> => Effect.tapError(read, (error) => Effect.sync(() => void (unreadable = { error })))
  const { suffix, uid } = artifact
  const failed = (cause: unknown): E | CannotLoad =>
    unreadable !== null && unreadable.error === cause
      ? unreadable.error
      : new CannotLoad({ uid, suffix, reason: `the parser for ${suffix} failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause })
  return Effect.mapError(Effect.suspend(() => parser({ artifact, bytes: remembered(content.bytes), path: remembered(content.path) })), failed)
}
