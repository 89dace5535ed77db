/**
 * What the cases of the storage conformance suite are written with.
 */
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type StorageBody, type StorageCapabilities, StorageError, type StorageErrorKind, type StorageHandle } from "../ports/Storage.ts"

/** Registers one numbered case. */
export type StorageCase = (
  number: number,
  title: string,
  run: (storage: StorageHandle) => Effect.Effect<unknown, unknown>,
  /** Why the case does not apply to a driver that can do this, or null. */
  skipFor?: (capabilities: StorageCapabilities) => string | null
) => void

/** Content that is different everywhere, made from a number. */
export const bytesOf = (size: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0, x = seed * 2_654_435_761 + size; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) | 0
    bytes[i] = x >>> 16
  }
  return bytes
}

export const bodyOf = (bytes: Uint8Array): StorageBody => ({ type: "bytes", bytes })

/** A stream of pieces of about this many bytes. */
export const streamOf = (bytes: Uint8Array, piece: number): StorageBody => ({
  type: "stream",
  open: () => {
    const pieces = []
    for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece))
    return Stream.fromIterable(pieces)
  }
})

/** Creates an object. */
export const put = (storage: StorageHandle, key: string, bytes: Uint8Array = bytesOf(10)): Effect.Effect<void, StorageError> =>
  Effect.asVoid(storage.write(key, bodyOf(bytes), { mode: "create" }))

/** All bytes of an object or a range of it. */
export const bytesAt = (storage: StorageHandle, key: string, options?: Parameters<StorageHandle["read"]>[1]): Effect.Effect<Uint8Array, StorageError> =>
  Effect.map(Stream.runCollect(storage.read(key, options)), (chunks) => Uint8Array.from(Buffer.concat([...chunks])))

export const keysOf = (storage: StorageHandle, options?: Parameters<StorageHandle["list"]>[0]): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Stream.runCollect(storage.list(options)), (objects) => objects.map((object) => object.key))

/** That an operation fails, with one of these meanings. */
export const failsWith = (effect: Effect.Effect<unknown, unknown>, ...kinds: ReadonlyArray<StorageErrorKind>): Effect.Effect<StorageError> =>
  Effect.gen(function*() {
    const result = yield* Effect.result(effect)
    assert(result._tag === "Failure", `it succeeded, where ${kinds.join(" or ")} was expected`)
    const error = result.failure
    assert(error instanceof StorageError, `it failed with ${String(error)}, not with a StorageError`)
    assert.include(kinds, error.kind, error.message)
    return error
  })

/** That exactly these objects are in the root, the registry's own folder included. */
export const holdsOnly = (storage: StorageHandle, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    const found = [...(yield* keysOf(storage, { prefix: ".sheaf/" })), ...(yield* keysOf(storage))]
    assert.deepStrictEqual([...found].sort(), [...keys].sort())
  })
