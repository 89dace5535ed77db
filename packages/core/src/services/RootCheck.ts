/**
 * What a storage root can do at the moment, found out by doing it.
 */
import { Effect, Stream } from "effect"
import { randomBytes } from "node:crypto"
import type { StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { type StorageCapabilities, StorageError, type StorageHandle } from "../ports/Storage.ts"
import { checkOwnRoot } from "./RootMarker.ts"

/** What a storage root can do, as it was tried. */
export interface RootCheck {
  readonly uid: string
  readonly url: string
  readonly name: string | null
  readonly readOnly: boolean
  readonly driver: { readonly name: string; readonly version: string; readonly contract: number }
  /** Bytes, or null when the store does not say. */
  readonly freeBytes: number | null
  /** Milliseconds that the store's clock is ahead of ours, or null. */
  readonly clockSkew: number | null
  /** Whether an object was written, read back and removed; false for a read-only root, which is only reached. */
  readonly wrote: boolean
  readonly capabilities: StorageCapabilities
}

/** Bytes written and read back: enough to be more than one page of memory. */
const SAMPLE = 64 * 1024

/** Reaches the root, and unless it is read-only writes an object, reads it back and removes it. */
export const checkRoot = (handle: StorageHandle, root: StorageRoot, instance: string): Effect.Effect<RootCheck, StorageError | StorageRootProblem> =>
  Effect.gen(function*() {
    const { clockSkew, freeBytes, reachable } = yield* handle.probe
    if (!reachable) return yield* problem(handle, "Unavailable", "probe", "", "the storage root is not there")
    if (!root.readOnly) {
      yield* checkOwnRoot(handle, root, instance)
      const key = `.sheaf/check-${randomBase62(12)}`
      yield* Effect.ensuring(writeAndRead(handle, key, randomBytes(SAMPLE)), Effect.ignore(handle.delete([key])))
    }
    return { uid: root.uid, url: root.url, name: root.name, readOnly: root.readOnly, driver: handle.info, freeBytes, clockSkew, wrote: !root.readOnly, capabilities: handle.capabilities }
  })

const writeAndRead = (handle: StorageHandle, key: string, bytes: Uint8Array): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    yield* handle.write(key, { type: "bytes", bytes }, { mode: "create", size: bytes.length })
    const { size } = yield* handle.stat(key)
    const read = Buffer.concat([...(yield* Stream.runCollect(handle.read(key)))])
    if (size !== bytes.length || !read.equals(bytes)) return yield* problem(handle, "Corrupt", "read", key, "what was read back is not what was written")
  })

const problem = (handle: StorageHandle, kind: "Unavailable" | "Corrupt", operation: string, key: string, detail: string): StorageError =>
  new StorageError({ kind, driver: handle.info.name, operation, key, retry: kind === "Unavailable", cause: new Error(detail) })
