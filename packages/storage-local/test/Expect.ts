/** Small programs over a handle. */
import { assert } from "@effect/vitest"
import { type StorageBody, StorageError, type StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { readdirSync } from "node:fs"
import { join } from "node:path"

export const bytes = (text: string): StorageBody => ({ type: "bytes", bytes: Buffer.from(text) })

export const put = (storage: StorageHandle, key: string, text = "content") => storage.write(key, bytes(text), { mode: "create" })

export const textAt = (storage: StorageHandle, key: string): Effect.Effect<string, StorageError> =>
  Effect.map(Stream.runCollect(storage.read(key)), (pieces) => Buffer.concat([...pieces]).toString())

export const keysOf = (storage: StorageHandle, prefix = ""): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Stream.runCollect(storage.list({ prefix })), (objects) => objects.map((object) => object.key))

export const failsWith = <R>(effect: Effect.Effect<unknown, unknown, R>, kind: StorageErrorKind): Effect.Effect<StorageError, never, R> =>
  Effect.gen(function*() {
    const result = yield* Effect.result(effect)
    assert(result._tag === "Failure", `it succeeded, where ${kind} was expected`)
    assert(result.failure instanceof StorageError)
    assert.strictEqual(result.failure.kind, kind, result.failure.message)
    return result.failure
  })

/** Everything in a directory that is no directory, the driver's own folders included. */
export const filesIn = (path: string): ReadonlyArray<string> =>
  readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name)).sort()
