/** A root in memory, and what is done with it most. */
import { Storage, StorageError, type StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"

/** A fresh one. */
export const memoryRoot: Effect.Effect<StorageHandle> = Effect.provide(Effect.gen(function*() { return yield* Storage }), MemoryStorage.layer, { local: true })

/** A driver around the one in memory, as a layer. */
export const around = (wrap: (handle: StorageHandle) => StorageHandle): Layer.Layer<Storage> =>
  Layer.effect(Storage, Effect.map(Storage, wrap)).pipe(Layer.provide(MemoryStorage.layer))

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const put = (handle: StorageHandle, key: string, text = "abc") => handle.write(key, { type: "bytes", bytes: bytes(text) }, { mode: "create" })

/** The content of an object as text. */
export const textOf = (handle: StorageHandle, key: string, options?: Parameters<StorageHandle["read"]>[1]): Effect.Effect<string, StorageError> =>
  Effect.map(Stream.runCollect(handle.read(key, options)), (pieces) => Buffer.concat([...pieces]).toString())

/** All keys, those of the registry's own folder first. */
export const allKeys = (handle: StorageHandle): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Effect.all([Stream.runCollect(handle.list({ prefix: ".sheaf/" })), Stream.runCollect(handle.list())]), (all) => all.flat().map(({ key }) => key))

export const trouble = (kind: StorageErrorKind = "Unavailable", retry = true): StorageError => new StorageError({ kind, driver: "memory", operation: "test", key: "", retry })

/** Runs with a clock that goes on by itself whenever everybody waits, so that a wait takes no time. */
export const quickly = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Effect.provide(Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (;;) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return yield* exit
      yield* TestClock.adjust("100 millis")
    }
  }), TestClock.layer()))
