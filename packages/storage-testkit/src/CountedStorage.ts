/**
 * What a storage root is asked for, counted.
 */
import type { StorageBody, StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { statSync } from "node:fs"

/** Requests and bytes so far. */
export interface StorageCounts {
  /** About as many as an object store is sent: a list and a delete are one for each 1,000 objects. */
  requests: number
  /** Bytes of bodies that were taken. */
  bytesWritten: number
  /** Bytes of pieces that were given. */
  bytesRead: number
}

/** Objects of one request to list or to delete, as object stores have it. */
const PAGE = 1000

/** The handle, and what it has been asked for. */
export const counted = (handle: StorageHandle): { readonly handle: StorageHandle; readonly counts: Readonly<StorageCounts> } => {
  const counts: StorageCounts = { requests: 0, bytesWritten: 0, bytesRead: 0 }
  const one = <A, E>(effect: Effect.Effect<A, E>, requests = 1): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      counts.requests += requests
      return effect
    })
  return {
    counts,
    handle: {
      ...handle,
      stat: (key) => one(handle.stat(key)),
      read: (key, options) => Stream.suspend(() => {
        counts.requests++
        return Stream.tap(handle.read(key, options), (piece) => Effect.sync(() => { counts.bytesRead += piece.length }))
      }),
      write: (key, body, options) => one(Effect.suspend(() => handle.write(key, countedBody(body, options.size, counts), options))),
      delete: (keys) => one(handle.delete(keys), Math.ceil(keys.length / PAGE)),
      list: (options) => Stream.suspend(() => {
        let seen = 0
        counts.requests++
        return Stream.tap(handle.list(options), () => Effect.sync(() => { if (++seen % PAGE === 0) counts.requests++ }))
      }),
      probe: one(handle.probe),
      rename: (from, to) => one(handle.rename(from, to)),
      copy: (from, to) => one(handle.copy(from, to)),
      flush: one(handle.flush)
    }
  }
}

const countedBody = (body: StorageBody, size: number | undefined, counts: StorageCounts): StorageBody => {
  switch (body.type) {
    case "bytes":
      counts.bytesWritten += body.bytes.length
      return body
    case "file":
      counts.bytesWritten += size ?? statSync(body.path, { throwIfNoEntry: false })?.size ?? 0
      return body
    case "stream":
      return { type: "stream", open: () => Stream.tap(body.open(), (piece) => Effect.sync(() => { counts.bytesWritten += piece.length })) }
  }
}
