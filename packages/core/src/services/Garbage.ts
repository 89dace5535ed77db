/**
 * Garbage: objects in the registry's own folders of its storage roots that no record refers to, as crashes and copies given up leave them.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { InvalidInput, type StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { announcedObjects, findLeftovers, removeLeftovers } from "../workers/PendingObjects.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Purge } from "../ports/Purge.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { StorageError, type StorageObject } from "../ports/Storage.ts"
import { Deletion, type FinishReport } from "./Deletion.ts"
import { Instance } from "./Instance.ts"
import { type KeptObject, removeObjects, settleLeftAside } from "./ObjectRemoval.ts"
import { clearLeftUploads } from "./PendingWork.ts"
import { uploadsFolder } from "./PendingUploads.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** What counts as garbage. */
export interface GarbageOptions {
  /** Hours that an object has to be old. Default 24. */
  readonly graceHours?: number
}

/** An object that nothing refers to. The object that `--json` prints. */
export interface GarbageObject {
  /** Absolute path or URL. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** ISO 8601, or null when the store does not say. */
  readonly modifiedAt: string | null
}

/** What was found. */
export interface GarbageFound {
  readonly objects: ReadonlyArray<GarbageObject>
  /** Sum of their sizes. */
  readonly bytes: number
  readonly graceHours: number
  /** Unreferenced objects that are not old enough yet. */
  readonly young: number
  /** Roots that were not looked at, and why. */
  readonly skipped: ReadonlyArray<{ readonly url: string; readonly reason: string }>
  /** The same objects by root, for `remove`. */
  readonly places: ReadonlyArray<{ readonly root: StorageRoot; readonly objects: ReadonlyArray<StorageObject> }>
}

/** What was removed, objects of deletions that had been cut short included. */
export type GarbageRemoved = FinishReport

/** Objects that no record refers to. */
export class Garbage extends Context.Service<Garbage, {
  /** Looks through the writable roots; changes nothing. */
  readonly find: (options?: GarbageOptions) => Effect.Effect<GarbageFound, RegistryError | StorageError | InvalidInput>
  /** Removes what was found, unless something refers to it by now; and what killed processes left, deletions that were cut short included. */
  readonly remove: (found: GarbageFound) => Effect.Effect<GarbageRemoved, RegistryError | StorageError | StorageRootProblem>
}>()("@sheaf/core/Garbage") {
  static readonly layer: Layer.Layer<Garbage, never, Instance | Registry | Purge | Hashing | StorageRoots | Deletion> = Layer.effect(
    Garbage,
    Effect.gen(function*() {
      const { cacheFolder, config } = yield* Instance
      const registry = yield* Registry
      const roots = yield* StorageRoots
      const deletion = yield* Deletion
      const removal = { purge: yield* Purge, hashing: yield* Hashing }

      const ownHandle = Effect.fnUntraced(function*(root: StorageRoot) {
        const handle = yield* roots.reach(root)
        yield* checkOwnRoot(handle, root, config.uid)
        return handle
      })

      /** Objects of one root that look like the registry's own and that it does not know. */
      const unknownIn = Effect.fnUntraced(function*(root: StorageRoot) {
        const handle = yield* ownHandle(root)
        const path = localPathOf(root)
        const unknown: Array<StorageObject> = []
        yield* handle.list({ prefix: ".sheaf/" }).pipe(
          Stream.filter(({ key }) => isOwnObject(key)),
          Stream.grouped(GROUP),
          Stream.runForEach((objects) => Effect.gen(function*() {
            // In this order: what is announced no more is in the registry.
            const announced = yield* announcedIn(path ?? uploadsFolder(cacheFolder, root))
            const known = yield* registry.knownObjects(root.uid, objects.map(({ key }) => key))
            for (const object of objects) if (!known.has(object.key) && !announced.has(object.key)) unknown.push(object)
          }))
        )
        return unknown
      })

      const find = Effect.fn("Garbage.find")(function*({ graceHours = 24 }: GarbageOptions = {}) {
        if (!(graceHours >= 0 && Number.isFinite(graceHours))) {
          return yield* new InvalidInput({ what: `grace period ${graceHours}`, reason: "is no number of hours", advice: "Give a number from 0, such as 24." })
        }
        const until = Date.now() - graceHours * 3_600_000
        const places: Array<GarbageFound["places"][number]> = []
        const skipped: Array<GarbageFound["skipped"][number]> = []
        let young = 0
        for (const root of yield* registry.roots) {
          if (root.readOnly) continue
          const looked = yield* Effect.result(unknownIn(root))
          if (looked._tag === "Failure") {
            const error = looked.failure
            if (error._tag !== "StorageError" && error._tag !== "StorageRootProblem") return yield* Effect.fail(error)
            skipped.push({ url: root.url, reason: error.message })
            continue
          }
          const old = looked.success.filter(({ modifiedAt }) => modifiedAt !== null && modifiedAt <= until)
          young += looked.success.length - old.length
          if (old.length > 0) places.push({ root, objects: old })
        }
        const objects = places.flatMap(({ objects, root }) => objects.map(({ key, modifiedAt, size }): GarbageObject => ({
          path: objectPath(root, key), size, modifiedAt: modifiedAt === null ? null : new Date(modifiedAt).toISOString()
        })))
        return { objects, bytes: objects.reduce((sum, { size }) => sum + size, 0), graceHours, young, skipped, places }
      })

      const remove = Effect.fn("Garbage.remove")(function*({ places }: GarbageFound) {
        const finished = yield* deletion.finish
        let { bytes, objects: count } = finished
        const kept: Array<KeptObject> = [...finished.kept]
        for (const root of yield* registry.roots) {
          if (root.readOnly) continue
          const objects = places.find((place) => place.root.uid === root.uid)?.objects ?? []
          const opened = yield* Effect.result(ownHandle(root))
          if (opened._tag === "Failure") {
            if (objects.length > 0) return yield* Effect.fail(opened.failure)
            continue
          }
          const handle = opened.success
          const path = localPathOf(root)
          yield* path === null ? clearLeftUploads(registry, root, handle, uploadsFolder(cacheFolder, root)) : tidy(root, path, registry)
          yield* settleLeftAside(root, handle, removal)
          const removable = objects.map(({ key, size }) => ({ objectKey: key, inPlace: false, size, hash: "", hashType: "md5" as const }))
          const removed = yield* removeObjects(root, handle, removable, false, removal)
          count += removed.objects
          bytes += removed.bytes
          kept.push(...removed.kept)
        }
        return { objects: count, bytes, kept, pending: finished.pending }
      })
      return Garbage.of({ find, remove })
    })
  )
}

/** Objects looked up together. */
const GROUP = 20_000

/** `.sheaf/<first 2 characters>/<uid>…` and `.sheaf/cas/<first 2 characters>/<hash>`: what policies `virtual` and `content` make. */
const isOwnObject = (key: string): boolean =>
  /^\.sheaf\/([0-9A-Za-z]{2})\/\1[0-9A-Za-z]{18}(?:\.[^/]*)?$/.test(key) || /^\.sheaf\/cas\/([0-9A-Za-z_-]{2})\/\1[0-9A-Za-z_-]{14,}$/.test(key)

const announcedIn = (path: string): Effect.Effect<ReadonlySet<string>, StorageError> =>
  Effect.try({ try: () => announcedObjects(path, { sharedOnly: false }), catch: unreadable })

const unreadable = (cause: unknown): StorageError =>
  new StorageError({ kind: "Unavailable", driver: "local", operation: "list", key: ".sheaf/pending", retry: false, cause })

/** Removes what processes that have ended announced and did not register. */
const tidy = (root: StorageRoot, path: string, registry: Registry["Service"]): Effect.Effect<void, RegistryError | StorageError> =>
  Effect.gen(function*() {
    const known = Effect.runPromiseWith(yield* Effect.context())
    yield* Effect.tryPromise({
      try: () => removeLeftovers(path, findLeftovers(path), (keys) => known(registry.knownObjects(root.uid, keys))),
      catch: (error) => (typeof error === "object" && error !== null && "_tag" in error ? (error as RegistryError) : unreadable(error))
    })
  })
