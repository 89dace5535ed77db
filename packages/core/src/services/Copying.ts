/**
 * Second copies: the verified bytes of an artifact, put into a further storage root. Those of a folder stand below the place that its uid gives.
 *
 * The new object is complete, compared with the hash and, with durability `full`, durable before it is recorded. In between an intent file knows it (see
 * `workers/PendingObjects`), so that a crash leaves nothing behind.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { mkdirSync } from "node:fs"
import type { Artifact } from "../domain/Artifact.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import { type Damaged, type InvalidInput, type NoGoodLocation, NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { KeyPolicy } from "../ports/KeyPolicy.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { type StorageBody, StorageError, type StorageHandle } from "../ports/Storage.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { freePlaces } from "../workers/PendingObjects.ts"
import { Instance } from "./Instance.ts"
import { announced } from "./PendingWork.ts"
import { Reading, type ReadingError } from "./Reading.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { uploadsFolder } from "./PendingUploads.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** What copying one artifact did. */
export interface CopyReport {
  readonly artifact: Artifact
  /** False when a good copy stood in the root already. */
  readonly copied: boolean
  /** Absolute path or URL of the copy in that root. */
  readonly path: string
  /** Bytes written. */
  readonly bytes: number
}

/** What copying can fail with; nothing is recorded then. */
export type CopyError = RegistryError | InvalidInput | NotFound | NoGoodLocation | Damaged | StorageError | StorageRootProblem

/** Further copies in other storage roots. */
export class Copying extends Context.Service<Copying, {
  /** Makes a copy of an artifact in a storage root, given by name, uid, URL or path; nothing is written when a good one is there. */
  readonly copy: (artifact: Artifact | string, root: string) => Effect.Effect<CopyReport, CopyError>
}>()("@sheaf/core/Copying") {
  static readonly layer: Layer.Layer<Copying, never, Instance | Registry | FolderMembers | KeyPolicy | StorageRoots | Reading> = Layer.effect(
    Copying,
    Effect.gen(function*() {
      const { cacheFolder, config } = yield* Instance
      const registry = yield* Registry
      const folderMembers = yield* FolderMembers
      const policy = yield* KeyPolicy
      const roots = yield* StorageRoots
      const reading = yield* Reading

      const artifactOf = Effect.fnUntraced(function*(uid: string) {
        const [artifact] = yield* registry.artifacts([uid])
        return artifact ?? (yield* new NotFound({ what: "artifact", reference: uid, near: [] }))
      })

      /** The open root, known to be this instance's own. */
      const writable = Effect.fnUntraced(function*(root: StorageRoot) {
        if (root.readOnly) {
          return yield* new StorageRootProblem({ url: root.url, reason: "is read-only, so nothing can be copied into it", advice: "Name another root.", exit: 7 })
        }
        const handle = yield* roots.handle(root)
        yield* checkOwnRoot(handle, root, config.uid)
        return handle
      })

      /** Writes the bytes of an artifact, or of one file of a folder, as a new object. */
      const writeTo = (handle: StorageHandle, place: string, artifact: Artifact, member?: FolderMember): Effect.Effect<void, CopyError> => {
        const failure: { error: RegistryError | NotFound | NoGoodLocation | Damaged | null } = { error: null }
        const { hash, hashType, size } = member ?? artifact
        const body: StorageBody = { type: "stream", open: () => verified(reading.open(artifact, {}, member), handle, place, (error) => (failure.error = error)) }
        const checks = handle.capabilities.checksumsVerified.includes(hashType) ? { expect: { [hashType]: hash } } : {}
        return handle.write(place, body, { mode: "create", size, ...checks }).pipe(
          Effect.catchTag("StorageError", (error): Effect.Effect<never, CopyError> => Effect.fail(failure.error ?? error)),
          Effect.asVoid
        )
      }

      /** Writes the object at the first of some places that is free; gives the place. */
      const write = (artifact: Artifact, handle: StorageHandle, [place, ...others]: ReadonlyArray<string>): Effect.Effect<string, CopyError> =>
        writeTo(handle, place!, artifact).pipe(
          Effect.as(place!),
          Effect.catchTag("StorageError", (error) => (error.kind === "AlreadyExists" && others.length > 0 ? write(artifact, handle, others) : Effect.fail(error)))
        )

      /** Writes all files of a folder below a place, several at once; none that it made stays when one fails. What somebody else has put there is left. */
      const writeFolder = (folder: Artifact, members: ReadonlyArray<FolderMember>, handle: StorageHandle, place: string): Effect.Effect<string, CopyError> =>
        Effect.suspend(() => {
          const made: Array<string> = []
          const writeMember = (member: FolderMember) => {
            const key = `${place}/${member.path}`
            return Effect.tap(writeTo(handle, key, folder, member), () => Effect.sync(() => made.push(key)))
          }
          return Effect.forEach(members, writeMember, { concurrency: Math.max(1, handle.capabilities.concurrencyHint), discard: true }).pipe(
            Effect.as(place),
            Effect.onError(() => Effect.ignore(handle.delete(made)))
          )
        })

      const copy = Effect.fn("Copying.copy")(function*(wanted: Artifact | string, reference: string) {
        const artifact = yield* artifactOf(typeof wanted === "string" ? wanted : wanted.uid)
        const root = yield* roots.find(reference)
        const there = artifact.locations.find(({ state, storage }) => storage === root.url && state === "ok")
        if (there !== undefined) return { artifact, copied: false, path: there.path, bytes: 0 }
        const handle = yield* writable(root)
        const { hash, key, suffix, uid } = artifact
        const wish = policy.place({ key: key ?? artifact.formerKey, uid, suffix, hash })
        const spare = virtualPlace({ uid, suffix })
        const members = artifact.nFiles === null ? null : yield* folderMembers.of(uid)
        const places = members === null ? [...new Set([wish.objectKey, spare])] : [spare]
        const path = localPathOf(root)
        const objectsAt = (place: string): ReadonlyArray<string> => (members === null ? [place] : members.map((member) => `${place}/${member.path}`))
        const record = Effect.gen(function*() {
          const place = yield* members === null ? write(artifact, handle, places) : writeFolder(artifact, members, handle, spare)
          // A folder without files is an empty directory, and in a bucket nothing.
          if (members?.length === 0 && path !== null) mkdirSync(objectPath(root, place), { recursive: true })
          if (config.durability === "full") yield* handle.flush
          yield* registry.putLocation({ uid, root: root.uid, objectKey: place, isVirtual: place === wish.objectKey ? wish.isVirtual : true }).pipe(
            Effect.onError(() => Effect.ignore(handle.delete(objectsAt(place))))
          )
          return place
        })
        // What stands below `.sheaf/` under the uid is ours alone; any other place has to be free.
        const ours = members !== null || path === null ? objectsAt(spare) : freePlaces(path, places)
        const place = yield* Effect.uninterruptibleMask((restore) => announced(path ?? uploadsFolder(cacheFolder, root), ours, restore(record)))
        return { artifact: yield* artifactOf(uid), copied: true, path: objectPath(root, place), bytes: artifact.size }
      })
      return Copying.of({ copy })
    })
  )
}

/** The bytes, ending in an error of the storage when they turn out not to be those of the hash; why is told to `onFailure`. */
const verified = (
  bytes: Stream.Stream<Uint8Array, ReadingError | InvalidInput>,
  handle: StorageHandle,
  key: string,
  onFailure: (error: RegistryError | NotFound | NoGoodLocation | Damaged) => void
): Stream.Stream<Uint8Array, StorageError> =>
  Stream.mapError(bytes, (error) => {
    if (error._tag !== "InvalidInput") onFailure(error)
    return new StorageError({ kind: "Corrupt", driver: handle.info.name, operation: "write", key, retry: false, cause: error })
  })
