/**
 * The bytes of a body of any type.
 */
import { Effect, Stream } from "effect"
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { type StorageBody, StorageError, type StorageHandle } from "../ports/Storage.ts"

/** The bytes of a body in pieces. A file that cannot be read is `Unexpected`, as it is for every driver. */
export const bodyBytes = (handle: Pick<StorageHandle, "info">, key: string, body: StorageBody): Stream.Stream<Uint8Array, StorageError> => {
  switch (body.type) {
    case "bytes":
      return body.bytes.length === 0 ? Stream.empty : Stream.succeed(body.bytes)
    case "file":
      return Stream.suspend(() => Stream.fromAsyncIterable<Uint8Array, StorageError>(createReadStream(body.path), (cause) =>
        new StorageError({ kind: "Unexpected", driver: handle.info.name, operation: "write", key, retry: false, cause })))
    case "stream":
      return body.open()
  }
}

/** Length of a body in bytes, or null where only reading it tells. */
export const bodyLength = (body: StorageBody): Effect.Effect<number | null> => {
  switch (body.type) {
    case "bytes":
      return Effect.succeed(body.bytes.length)
    case "file":
      return Effect.promise(() => stat(body.path).then(({ size }) => size, () => null))
    case "stream":
      return Effect.succeed(null)
  }
}
