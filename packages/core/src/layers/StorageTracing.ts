/**
 * A span for every operation of a storage root, with what it moved. Attributes are the driver, the object key and numbers: no URL, no options, no error text.
 */
import { Effect, Layer, Stream } from "effect"
import { Storage, type StorageBody, type StorageHandle } from "../ports/Storage.ts"

/** The storage of a program that works on one root, with a span for each operation. */
export const layer: Layer.Layer<Storage, never, Storage> = Layer.effect(Storage, Effect.map(Storage, (handle) => traced(handle)))

/**
 * A handle with spans `storage.stat`, `storage.read` and so on. `storage.bytes` counts what was read or written, `storage.objects` what was listed or deleted,
 * `storage.attempts` is above 1 where something was repeated below.
 */
export const traced = (handle: StorageHandle): StorageHandle => {
  const span = (operation: string, key: string) => [`storage.${operation}`, {
    // Where in this file a span was begun tells nobody anything, and to find out costs more than the rest of it.
    kind: "client", captureStackTrace: false, attributes: { "storage.driver": handle.info.name, "storage.key": key, "storage.attempts": 1 }
  }] as const
  const one = <A, E>(operation: string, key: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> => Effect.withSpan(effect, ...span(operation, key))
  const all = <A, E>(operation: string, key: string, count: string, sizeOf: (one: A) => number, stream: Stream.Stream<A, E>): Stream.Stream<A, E> =>
    Stream.suspend(() => {
      let sum = 0
      return stream.pipe(
        Stream.tap((item) => Effect.sync(() => { sum += sizeOf(item) })),
        Stream.onExit(() => Effect.annotateCurrentSpan(count, sum)),
        Stream.withSpan(...span(operation, key))
      )
    })
  return {
    ...handle,
    stat: (key) => one("stat", key, handle.stat(key)),
    read: (key, options) => all("read", key, "storage.bytes", (piece) => piece.length, handle.read(key, options)),
    write: (key, body, options) => one("write", key, countingBytes(body, options.size, (counted) => handle.write(key, counted, options))),
    delete: (keys) => one("delete", keys.length === 1 ? keys[0]! : "", Effect.andThen(Effect.annotateCurrentSpan("storage.objects", keys.length), handle.delete(keys))),
    list: (options) => all("list", options?.prefix ?? "", "storage.objects", () => 1, handle.list(options)),
    probe: one("probe", "", handle.probe),
    rename: (from, to) => one("rename", from, handle.rename(from, to)),
    copy: (from, to) => one("copy", from, handle.copy(from, to)),
    flush: one("flush", "", handle.flush)
  }
}

const countingBytes = <A, E>(body: StorageBody, size: number | undefined, write: (body: StorageBody) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let sum = body.type === "bytes" ? body.bytes.length : body.type === "file" ? size ?? 0 : 0
    const counted: StorageBody = body.type !== "stream" ? body : {
      type: "stream", open: () => Stream.tap(body.open(), (piece) => Effect.sync(() => { sum += piece.length }))
    }
    return Effect.onExit(write(counted), () => Effect.annotateCurrentSpan("storage.bytes", sum))
  })
