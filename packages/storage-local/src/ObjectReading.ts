/**
 * Reading objects as streams of pieces.
 */
import type { ReadOptions, StorageError } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { failure, fromErrno } from "./LocalFailure.ts"
import { type LocalRoot, versionOf } from "./LocalRoot.ts"

/** Bytes of a piece. */
export const PIECE = 1024 * 1024

export const readObject = (root: LocalRoot, key: string, options: ReadOptions = {}): Stream.Stream<Uint8Array, StorageError> =>
  Stream.unwrap(Effect.gen(function*() {
    const range = yield* checkRange(key, options)
    const { file, stat } = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => root.open("read", key).catch(async (error) => { throw await root.explain("read", key, error) }), catch: (error) => fromErrno("read", key, error) }),
      ({ file }) => Effect.promise(() => file.close().catch(() => undefined))
    )
    if (options.ifMatch !== undefined && options.ifMatch !== versionOf(stat)) {
      return yield* failure("PreconditionFailed", "read", key, "the object is not the one that was asked for")
    }
    const size = Number(stat.size)
    if (range.start > size) return yield* failure("RangeInvalid", "read", key, `the range starts at ${range.start}, the object has ${size} bytes`)
    const end = Math.min(size, range.end)
    return Stream.unfold(range.start, (position) =>
      position >= end ? Effect.succeed(undefined) : Effect.tryPromise({
        try: async () => {
          // Whoever takes a piece may keep it, so the next one has a buffer of its own.
          const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(Math.min(PIECE, end - position)), 0, undefined, position)
          if (bytesRead === 0) throw failure("Corrupt", "read", key, `it ended after ${position} of ${size} bytes: something shortened the file meanwhile`)
          return [buffer.subarray(0, bytesRead) as Uint8Array, position + bytesRead] as const
        },
        catch: (error) => fromErrno("read", key, error)
      }))
  }))

const checkRange = (key: string, { range }: ReadOptions): Effect.Effect<{ readonly start: number; readonly end: number }, StorageError> => {
  const { end = Number.MAX_SAFE_INTEGER, start = 0 } = range ?? {}
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start
    ? Effect.succeed({ start, end })
    : Effect.fail(failure("RangeInvalid", "read", key, `from ${start} up to ${end} is no range of bytes`))
}
