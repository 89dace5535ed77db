/** Small programs over a handle. */
import { assert } from "@effect/vitest"
import type { PartDigests } from "@sheaf/core/domain/ObjectParts"
import { type StorageBody, StorageError, type StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import { partHashing } from "@sheaf/core/workers/PartHashing"
import { Effect, Stream } from "effect"
import { PARTS } from "../src/MultipartUpload.ts"

export const bytes = (content: string | Uint8Array): StorageBody => ({ type: "bytes", bytes: typeof content === "string" ? Buffer.from(content) : content })

/** Content that is different everywhere. */
export const contentOf = (size: number, seed = 1): Buffer => {
  const content = Buffer.allocUnsafe(size)
  for (let i = 0, x = seed * 2_654_435_761 + size; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) | 0
    content[i] = x >>> 16
  }
  return content
}

/** Content as a stream of pieces whose length is not announced. */
export const streamed = (content: Uint8Array, piece = 100_003): StorageBody => ({
  type: "stream",
  open: () => Stream.fromIterable(Array.from({ length: Math.ceil(content.length / piece) }, (_, n) => content.subarray(n * piece, (n + 1) * piece)))
})

/** What a reading of the content for its hash finds out about its parts. */
export const partDigestsOf = (content: Uint8Array, size: number): PartDigests => {
  const parts = partHashing({ size, maxParts: PARTS.maxParts }, content.length)!
  for (let at = 0; at < content.length; at += 777_777) parts.update(content.subarray(at, at + 777_777))
  return parts.digests()
}

export const put = (storage: StorageHandle, key: string, content: string | Uint8Array = "content") => storage.write(key, bytes(content), { mode: "create" })

export const contentAt = (storage: StorageHandle, key: string, options?: Parameters<StorageHandle["read"]>[1]): Effect.Effect<Buffer, StorageError> =>
  Effect.map(Stream.runCollect(storage.read(key, options)), (pieces) => Buffer.concat([...pieces]))

export const keysOf = (storage: StorageHandle, options?: Parameters<StorageHandle["list"]>[0]): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Stream.runCollect(storage.list(options)), (objects) => objects.map((object) => object.key))

export const failsWith = <R>(effect: Effect.Effect<unknown, unknown, R>, kind: StorageErrorKind): Effect.Effect<StorageError, never, R> =>
  Effect.gen(function*() {
    const result = yield* Effect.result(effect)
    assert(result._tag === "Failure", `it succeeded, where ${kind} was expected`)
    assert(result.failure instanceof StorageError)
    assert.strictEqual(result.failure.kind, kind, result.failure.message)
    return result.failure
  })
