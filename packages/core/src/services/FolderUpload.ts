/**
 * The files of a folder on their way into a root that is no directory of this machine: each becomes an object below the place that the folder's uid gives.
 */
import { Effect, Stream } from "effect"
import { displayPath, escapePath, fromUserPath, toFsPath } from "../domain/FileName.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { StorageError, type StorageHandle } from "../ports/Storage.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { ContentReader } from "./ContentReader.ts"
import { Instance } from "./Instance.ts"
import { pendingUploads, uploadsFolder } from "./PendingUploads.ts"

/** Members whose bytes are where they are going to stay. */
export interface WrittenFolder {
  readonly members: ReadonlyArray<FolderMember>
  readonly objectKey: string
  readonly isVirtual: boolean
  /** The registry refers to them now. */
  readonly settle: Effect.Effect<void>
  /** It does not. */
  readonly remove: Effect.Effect<void>
}

export interface FolderUploadOptions {
  readonly root: StorageRoot
  readonly handle: StorageHandle
  /** Absolute path of the directory. */
  readonly directory: string
  /** Its files, as latin1 paths relative to it. */
  readonly files: ReadonlyArray<string>
  /** Uid and suffix that the folder is going to have. */
  readonly uid: string
  readonly suffix: string
}

/** Uploads all files, several at once. An intent file names the objects until they are registered. A failure leaves none of them. */
export const uploadMembers = ({ directory, files, handle, root, suffix, uid }: FolderUploadOptions) =>
  Effect.gen(function*() {
    const { cacheFolder } = yield* Instance
    const registry = yield* Registry
    const reader = new ContentReader(yield* Hashing)
    const promise = Effect.runPromiseWith(yield* Effect.context())
    const pending = yield* Effect.tryPromise({
      try: () => pendingUploads(uploadsFolder(cacheFolder, root), {
        known: (keys) => promise(registry.knownObjects(root.uid, keys)),
        remove: (keys) => promise(handle.delete(keys))
      }),
      catch: (error) => error as RegistryError | StorageError
    })
    // What cannot be removed now is by the next process that writes into the root.
    const remove = Effect.ignore(Effect.tryPromise(() => pending.abandon()))
    const objectKey = virtualPlace({ uid, suffix })
    const base = fromUserPath(directory)
    const upload = Effect.forEach(files, (file) =>
      Effect.gen(function*() {
        const path = escapePath(file)
        const key = `${objectKey}/${path}`
        const { hash, size, type } = yield* reader.large(toFsPath(`${base}/${file}`), displayPath(path), (source) =>
          handle.write(key, {
            type: "stream",
            open: () => Stream.fromAsyncIterable(source.pieces(), (cause) => new StorageError({ kind: "Unexpected", driver: "file", operation: "read", key, retry: false, cause }))
          }, { mode: "create" }))
        return { path, size, hash, hashType: type } satisfies FolderMember
      }), { concurrency: Math.max(1, handle.capabilities.concurrencyHint) })
    const announce = Effect.sync(() => pending.announce(files.map((file) => `${objectKey}/${escapePath(file)}`)))
    const members = yield* Effect.onError(Effect.andThen(announce, upload), () => remove)
    return { members, objectKey, isVirtual: true, settle: Effect.sync(() => pending.close()), remove } satisfies WrittenFolder
  })
