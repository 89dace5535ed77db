/**
 * Deletion: into the trash and back, and for good. For good means records first, then the objects that nothing refers to any more.
 */
import { Context, Effect, Layer } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import {
  InvalidInput, InvalidKey, type InUse, type KeyConflict, MultipleResults, type NoGoodLocation, NotFound, type StorageRootProblem
} from "../domain/SheafError.ts"
import { objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Purge, type DoomedArtifact, type PurgePlan } from "../ports/Purge.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { Session } from "../ports/Session.ts"
import type { StorageError } from "../ports/Storage.ts"
import { type LeavingArtifact, Trash, type TrashedArtifact } from "../ports/Trash.ts"
import { Instance } from "./Instance.ts"
import { KeyedObjects } from "./KeyedObjects.ts"
import { type KeptObject, removeObjects, settleLeftAside } from "./ObjectRemoval.ts"
import { resolveReference } from "./References.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { hasKeysBelow } from "./Keys.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** How to trash or restore. */
export interface TrashOptions {
  /** Plan, change nothing. */
  readonly dryRun?: boolean
}

/** What was moved into the trash, or would be. The object that `--json` prints. */
export interface TrashReport {
  readonly dryRun: boolean
  readonly artifacts: ReadonlyArray<LeavingArtifact>
}

/** What came back from the trash, or would. */
export interface RestoreReport {
  readonly dryRun: boolean
  readonly artifacts: ReadonlyArray<TrashedArtifact>
}

/** How to delete for good. */
export interface DeleteOptions {
  /** Delete files that were registered where they stand, too. */
  readonly deleteSource?: boolean
  /** Look for references in the trash only; without any, everything in it. */
  readonly trashed?: boolean
}

/** What deleting for good is going to do. The object that `--json` prints. */
export interface DeletionPlan {
  readonly artifacts: ReadonlyArray<DoomedArtifact>
  /** Objects that go with them: absolute paths or URLs. */
  readonly objects: ReadonlyArray<{ readonly path: string; readonly storage: string; readonly size: number }>
  /** Of these objects. */
  readonly bytes: number
  /** Objects that nothing refers to afterwards and that stay all the same. */
  readonly kept: ReadonlyArray<KeptObject>
  readonly deleteSource: boolean
}

/** What was deleted. The object that `--json` prints. */
export interface DeletionReport {
  readonly artifacts: ReadonlyArray<DoomedArtifact>
  /** Objects that were removed, also those of earlier deletions that had not been finished. */
  readonly objects: number
  readonly bytes: number
  readonly kept: ReadonlyArray<KeptObject>
  /** Roots that could not be reached: their objects go with the next deletion or `sheaf gc`. */
  readonly pending: ReadonlyArray<{ readonly url: string; readonly reason: string; readonly objects: number }>
}

/** What finishing open deletions did. */
export type FinishReport = Omit<DeletionReport, "artifacts">

type SelectError = RegistryError | NotFound | MultipleResults | InvalidKey | InvalidInput
/** What trashing can fail with. */
export type TrashError = SelectError
/** What restoring can fail with. */
export type RestoreError = SelectError | KeyConflict | NoGoodLocation
/** What deleting for good can fail with. */
export type DeleteError = SelectError | InUse | StorageError | StorageRootProblem

/** Deleting: the trash, and for good. */
export class Deletion extends Context.Service<Deletion, {
  /**
   * Moves artifacts into the trash, all or none: those that references mean, and those with a key below a prefix (written with a `/` at its end). Every key
   * of such an artifact is released.
   */
  readonly trash: (references: ReadonlyArray<string>, options?: TrashOptions) => Effect.Effect<TrashReport, TrashError>
  /** Puts artifacts back, all or none: by uid or its beginning, by a key that they had, or by a prefix of one. */
  readonly restore: (references: ReadonlyArray<string>, options?: TrashOptions) => Effect.Effect<RestoreReport, RestoreError>
  /** What is in the trash, newest first. */
  readonly trashed: Effect.Effect<ReadonlyArray<TrashedArtifact>, RegistryError>
  /** What deleting for good would do. References are looked for among live artifacts, then in the trash. */
  readonly plan: (references: ReadonlyArray<string>, options?: DeleteOptions) => Effect.Effect<DeletionPlan, DeleteError>
  /** Deletes what a plan names; of objects that something refers to by now none. */
  readonly deletePermanently: (plan: DeletionPlan) => Effect.Effect<DeletionReport, DeleteError>
  /** Finishes deletions that were cut short between records and objects. */
  readonly finish: Effect.Effect<FinishReport, RegistryError>
}>()("@sheaf/core/Deletion") {
  static readonly layer: Layer.Layer<Deletion, never, Instance | KeyedObjects | Registry | Trash | Purge | Hashing | StorageRoots> = Layer.effect(
    Deletion,
    Effect.gen(function*() {
      const { config } = yield* Instance
      const registry = yield* Registry
      const trash = yield* Trash
      const purge = yield* Purge
      const roots = yield* StorageRoots
      const keyedObjects = yield* KeyedObjects
      const removal = { purge, hashing: yield* Hashing }

      const ownHandle = Effect.fnUntraced(function*(root: StorageRoot) {
        const handle = yield* roots.reach(root)
        yield* checkOwnRoot(handle, root, config.uid)
        return handle
      })

      const live = Effect.fnUntraced(function*(references: ReadonlyArray<string>) {
        const uids: Array<string> = []
        const prefixes: Array<string> = []
        for (const reference of references) {
          if (reference.endsWith("/")) prefixes.push(yield* acceptPrefix(reference))
          else uids.push((yield* liveReference(reference, registry)).uid)
        }
        return { uids, prefixes }
      })

      const inTrash = Effect.fnUntraced(function*(reference: string) {
        const wanted = reference.endsWith("/") ? yield* acceptPrefix(reference) : normalKey(reference)
        const uids = yield* trash.find(wanted)
        if (uids.length > 1 && !wanted.endsWith("/")) return yield* new MultipleResults({ what: "artifact", reference, candidates: uids })
        return uids
      })

      const restorable = Effect.fnUntraced(function*(references: ReadonlyArray<string>) {
        const uids: Array<string> = []
        for (const reference of references) {
          const found = yield* inTrash(reference)
          if (found.length === 0) return yield* new NotFound({ what: "artifact in the trash", reference, near: [] })
          uids.push(...found)
        }
        return uids
      })

      const doomed = Effect.fnUntraced(function*(references: ReadonlyArray<string>, trashedOnly: boolean) {
        if (trashedOnly) return references.length === 0 ? (yield* trash.list).map(({ uid }) => uid) : yield* restorable(references)
        const uids: Array<string> = []
        for (const reference of references) {
          const found = yield* Effect.result(Effect.flatMap(live([reference]), (selection) => trash.move(selection, { dryRun: true, account: null })))
          if (found._tag === "Success") uids.push(...found.success.map(({ uid }) => uid))
          else if (found.failure._tag !== "NotFound") return yield* Effect.fail(found.failure)
          else {
            const gone = yield* inTrash(reference)
            if (gone.length === 0) return yield* Effect.fail(found.failure)
            uids.push(...gone)
          }
        }
        return uids
      })

      const shownPlan = Effect.fnUntraced(function*({ artifacts, objects }: PurgePlan, deleteSource: boolean) {
        const byUid = new Map((yield* registry.roots).map((root) => [root.uid, root]))
        const going: Array<DeletionPlan["objects"][number]> = []
        const kept: Array<KeptObject> = []
        for (const { inPlace, objectKey, root: uid, size } of objects) {
          const root = byUid.get(uid)
          if (root === undefined) continue
          const path = objectPath(root, objectKey)
          if (inPlace && !deleteSource) kept.push({ path, reason: "it was registered in place" })
          else if (root.readOnly) kept.push({ path, reason: "its storage root is read-only" })
          else going.push({ path, storage: root.url, size })
        }
        return { artifacts, objects: going, bytes: going.reduce((sum, { size }) => sum + size, 0), kept, deleteSource }
      })

      const finish = Effect.gen(function*() {
        const open = yield* purge.open
        if (open.length === 0) return { objects: 0, bytes: 0, kept: [], pending: [] }
        const byUid = new Map((yield* registry.roots).map((root) => [root.uid, root]))
        let [objects, bytes] = [0, 0]
        const kept: Array<KeptObject> = []
        const pending: Array<DeletionReport["pending"][number]> = []
        for (const [uid, removals] of Map.groupBy(open, ({ root }) => root)) {
          const root = byUid.get(uid)
          // A root that was given up keeps its files.
          const removed = root === undefined ? Effect.succeed({ objects: 0, bytes: 0, kept: [] }) : Effect.flatMap(ownHandle(root), (handle) =>
            Effect.andThen(settleLeftAside(root, handle, removal), removeObjects(root, handle, removals.flatMap((one) => one.objects), true, removal)))
          const result = yield* Effect.result(removed)
          if (result._tag === "Success") {
            objects += result.success.objects
            bytes += result.success.bytes
            kept.push(...result.success.kept)
            yield* purge.close(removals.map((removal) => removal.uid))
          } else if (result.failure._tag === "StorageError" || result.failure._tag === "StorageRootProblem") {
            pending.push({ url: root!.url, reason: result.failure.message, objects: removals.reduce((sum, one) => sum + one.objects.length, 0) })
          } else {
            return yield* Effect.fail(result.failure)
          }
        }
        return { objects, bytes, kept, pending }
      })

      return Deletion.of({
        trash: Effect.fn("Deletion.trash")(function*(references: ReadonlyArray<string>, { dryRun = false }: TrashOptions = {}) {
          const selection = yield* live(references)
          const account = dryRun ? null : yield* registry.account((yield* Session).account)
          return { dryRun, artifacts: yield* trash.move(selection, { dryRun, account }) }
        }),
        restore: Effect.fn("Deletion.restore")(function*(references: ReadonlyArray<string>, { dryRun = false }: TrashOptions = {}) {
          const artifacts = yield* trash.restore(yield* restorable(references), { dryRun })
          if (!dryRun) yield* keyedObjects.settle({ uids: artifacts.map(({ uid }) => uid), isVirtual: true })
          return { dryRun, artifacts }
        }),
        trashed: trash.list,
        plan: Effect.fn("Deletion.plan")(function*(references: ReadonlyArray<string>, { deleteSource = false, trashed = false }: DeleteOptions = {}) {
          return yield* shownPlan(yield* purge.plan(yield* doomed(references, trashed)), deleteSource)
        }),
        deletePermanently: Effect.fn("Deletion.deletePermanently")(function*({ artifacts, deleteSource, objects }: DeletionPlan) {
          const all = yield* registry.roots
          // Before anything changes: what cannot be reached now could not be removed afterwards.
          for (const root of all) {
            if (!root.readOnly && objects.some(({ storage }) => storage === root.url)) yield* ownHandle(root)
          }
          const gone = yield* purge.apply(artifacts.map(({ uid }) => uid), { sources: deleteSource, keepRoots: all.filter((root) => root.readOnly).map(({ uid }) => uid) })
          const { kept } = yield* shownPlan({ artifacts, objects: gone }, deleteSource)
          const finished = yield* finish
          return { ...finished, artifacts, kept: [...kept, ...finished.kept] }
        }),
        finish: Effect.withSpan(finish, "Deletion.finish")
      })
    })
  )
}

/** A key prefix in normal form, with a `/` at its end. */
const acceptPrefix = (prefix: string): Effect.Effect<string, InvalidKey | InvalidInput> => {
  if (/^[/.]*$/.test(prefix)) {
    return Effect.fail(new InvalidInput({ what: prefix, reason: "would be every key", advice: "Nothing was changed. Name the prefixes: sheaf tree shows them." }))
  }
  const parsed = parseKey(prefix)
  return parsed.ok ? Effect.succeed(`${parsed.key}/`) : Effect.fail(new InvalidKey({ key: prefix, reason: parsed.reason }))
}

const normalKey = (reference: string): string => {
  const parsed = parseKey(reference)
  return parsed.ok ? parsed.key : reference
}

/** A prefix is meant only when it is written as one: too much would go otherwise. */
const liveReference = (reference: string, registry: Registry["Service"]) =>
  resolveReference(reference, registry).pipe(Effect.catchTag("NotFound", (error) =>
    Effect.gen(function*() {
      const parsed = parseKey(reference)
      return yield* parsed.ok && (yield* hasKeysBelow(parsed.key, registry))
        ? new NotFound({ what: error.what, reference, near: [`${parsed.key}/`] })
        : error
    })))
