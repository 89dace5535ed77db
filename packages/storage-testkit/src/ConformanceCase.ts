/**
 * What the cases of the conformance suite are made of, and what they are written with.
 */
import { type StorageBody, type StorageCapabilities, StorageError, type StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { check, ConformanceFailure, sameKeys } from "./Expect.ts"

/** What a run of the suite may ask of the cases. */
export interface CaseSettings {
  /** Objects of the cases with many of them. */
  readonly many: number
}

/** One numbered case. It is given an empty root and fails with whatever it finds wrong. */
export interface ConformanceCase {
  /** Never given to another case. */
  readonly number: number
  readonly title: string
  readonly run: (storage: StorageHandle, settings: CaseSettings) => Effect.Effect<unknown, unknown>
  /** Why the case does not apply to a driver that can do this, or null. */
  readonly skipFor: (capabilities: StorageCapabilities) => string | null
}

/** Makes a case. */
export const conformanceCase = (
  number: number, title: string, run: ConformanceCase["run"], skipFor: ConformanceCase["skipFor"] = () => null
): ConformanceCase => ({ number, title, run, skipFor })

/** A capability that has to be on, or why the case is skipped. */
export const needs = (capability: keyof StorageCapabilities, reason: string): ConformanceCase["skipFor"] => (capabilities) =>
  capabilities[capability] === true ? null : reason

/** Bytes. */
export const MIB = 1024 * 1024

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

/** Creates objects, as many at once as is worthwhile. */
export const putAll = (storage: StorageHandle, keys: ReadonlyArray<string>, bytes: (n: number) => Uint8Array = () => bytesOf(10)): Effect.Effect<void, StorageError> =>
  Effect.forEach(keys, (key, n) => put(storage, key, bytes(n)), { concurrency: storage.capabilities.concurrencyHint, discard: true })

/** All bytes of a stream of pieces. */
export const joined = (stream: Stream.Stream<Uint8Array, StorageError>): Effect.Effect<Uint8Array, StorageError> =>
  Effect.map(Stream.runCollect(stream), (pieces) => Uint8Array.from(Buffer.concat([...pieces])))

/** All bytes of an object or a range of it. */
export const bytesAt = (storage: StorageHandle, key: string, options?: Parameters<StorageHandle["read"]>[1]): Effect.Effect<Uint8Array, StorageError> =>
  joined(storage.read(key, options))

export const keysOf = (storage: StorageHandle, options?: Parameters<StorageHandle["list"]>[0]): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Stream.runCollect(storage.list(options)), (objects) => objects.map((object) => object.key))

/** That an operation fails, with one of these meanings. */
export const failsWith = (effect: Effect.Effect<unknown, unknown>, ...kinds: ReadonlyArray<StorageErrorKind>): Effect.Effect<StorageError> =>
  Effect.gen(function*() {
    const result = yield* Effect.result(effect)
    check(result._tag === "Failure", `it succeeded, where ${kinds.join(" or ")} was expected`)
    const error = result.failure
    check(error instanceof StorageError, `it failed with ${String(error)}, not with a StorageError`)
    if (!kinds.includes(error.kind)) throw new ConformanceFailure(`it failed with kind ${error.kind}, where ${kinds.join(" or ")} was expected: ${error.message}`, error.kind, kinds[0])
    return error
  })

/** That exactly these objects are in the root, the registry's own folder included. */
export const holdsOnly = (storage: StorageHandle, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    const found = [...(yield* keysOf(storage, { prefix: ".sheaf/" })), ...(yield* keysOf(storage))]
    sameKeys([...found].sort(), [...keys].sort(), "the objects in the root")
  })
