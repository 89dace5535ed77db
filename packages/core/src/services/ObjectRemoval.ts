/**
 * Removing objects that no record refers to, while others may be about to refer to them.
 *
 * Content placed by its hash shares its object: somebody who saves it may find the object there, and commit a row that refers to it a moment later. So such
 * an object is first moved aside; then it is looked whether a process has announced it or a record refers to it, and it is put back
 * or deleted. What a killed process left aside is treated the same way by the next.
 */
import { Effect, Stream } from "effect"
import { localPathOf, objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { announcedObjects } from "../workers/PendingObjects.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { DoomedObject, Purge } from "../ports/Purge.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { StorageError, type StorageHandle } from "../ports/Storage.ts"
import { CopyProblem, examineCopy } from "./CopyExamination.ts"

/** An object that was not removed. The object that `--json` prints. */
export interface KeptObject {
  /** Absolute path or URL. */
  readonly path: string
  readonly reason: string
}

export interface Removed {
  readonly objects: number
  readonly bytes: number
  readonly kept: ReadonlyArray<KeptObject>
}

export interface RemovalPorts {
  readonly purge: Purge["Service"]
  readonly hashing: Hashing["Service"]
}

type Removable = Omit<DoomedObject, "root">
type RemovalError = RegistryError | StorageError

const OWN = ".sheaf/"
/** Where objects stand on their way out. */
const ASIDE = ".sheaf/deleting/"
const asideOf = (key: string): string => ASIDE + key.slice(OWN.length)
const originOf = (aside: string): string => OWN + aside.slice(ASIDE.length)

const IN_USE = "it is in use again"

/** Objects taken together. */
const GROUP = 1000
const AT_ONCE = 8

/**
 * Removes objects of a root unless something refers to them now. A file of the user's goes only if it has the bytes that were registered. `wereRegistered`
 * tells objects that records referred to from those that may be on their way in.
 */
export const removeObjects = (
  root: StorageRoot,
  handle: StorageHandle,
  objects: ReadonlyArray<Removable>,
  wereRegistered: boolean,
  ports: RemovalPorts
): Effect.Effect<Removed, RemovalError> =>
  Effect.gen(function*() {
    let removed = 0
    let bytes = 0
    const kept: Array<KeptObject> = []
    for (let from = 0; from < objects.length; from += GROUP) {
      const group = objects.slice(from, from + GROUP)
      const free = yield* freeOf(root, group.map(({ objectKey }) => objectKey), wereRegistered, ports)
      for (const { objectKey } of group) if (!free.has(objectKey)) kept.push({ path: objectPath(root, objectKey), reason: IN_USE })
      const going = group.filter(({ objectKey }) => free.has(objectKey))
      const own = going.filter(({ inPlace, objectKey }) => !inPlace && hasOwnPlace(objectKey))
      yield* deleteAll(handle, own.map(({ objectKey }) => objectKey))
      removed += own.length
      bytes += own.reduce((sum, { size }) => sum + size, 0)
      const outcomes = yield* Effect.forEach(going.filter(({ inPlace, objectKey }) => inPlace || !hasOwnPlace(objectKey)), (object) =>
        Effect.map(object.inPlace ? removeSource(handle, object, ports.hashing) : takeAside(handle, object.objectKey), (outcome) => ({ object, outcome })), { concurrency: AT_ONCE })
      const back = yield* settleAside(root, handle, outcomes.flatMap(({ object, outcome }) => (outcome === "aside" ? [object.objectKey] : [])), wereRegistered, ports)
      for (const { object, outcome } of outcomes) {
        if (outcome === "gone") continue
        if (back.has(object.objectKey)) kept.push({ path: objectPath(root, object.objectKey), reason: IN_USE })
        else if (typeof outcome === "object") kept.push({ path: objectPath(root, object.objectKey), reason: outcome.reason })
        else {
          removed++
          bytes += object.size
        }
      }
    }
    return { objects: removed, bytes, kept }
  })

/** Deals with what a killed process left on its way out. */
export const settleLeftAside = (root: StorageRoot, handle: StorageHandle, ports: RemovalPorts): Effect.Effect<void, RemovalError> =>
  handle.list({ prefix: ASIDE }).pipe(
    Stream.grouped(GROUP),
    Stream.runForEach((found) => settleAside(root, handle, found.map(({ key }) => originOf(key)), false, ports))
  )

/** Which of these objects nothing refers to, nor is about to. Announcements are read first: what is announced no more is in the registry. */
const freeOf = (root: StorageRoot, keys: ReadonlyArray<string>, wereRegistered: boolean, { purge }: RemovalPorts): Effect.Effect<ReadonlySet<string>, RemovalError> =>
  Effect.gen(function*() {
    const path = localPathOf(root)
    const announced = path === null ? new Set<string>() : yield* Effect.try({
      try: () => announcedObjects(path, { sharedOnly: wereRegistered }),
      catch: (cause) => new StorageError({ kind: "Unavailable", driver: "local", operation: "list", key: ".sheaf/pending", retry: false, cause })
    })
    const referenced = yield* purge.referenced(root.uid, keys)
    return new Set(keys.filter((key) => !announced.has(key) && !referenced.has(key)))
  })

/** The place that policy `virtual` gives, named by a uid: nobody else can come to refer to it. */
const hasOwnPlace = (key: string): boolean => /^\.sheaf\/([0-9A-Za-z]{2})\/\1[0-9A-Za-z]{18}(?:\.[^/]*)?$/.test(key)

/** Several at once: a store takes its time for each. */
const deleteAll = (handle: StorageHandle, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> => {
  const share = Math.ceil(keys.length / AT_ONCE)
  const parts = Array.from({ length: AT_ONCE }, (_, i) => keys.slice(i * share, (i + 1) * share)).filter((part) => part.length > 0)
  return Effect.forEach(parts, handle.delete, { concurrency: AT_ONCE, discard: true })
}

type Outcome = "aside" | "removed" | "gone" | { readonly reason: string }

const takeAside = (handle: StorageHandle, key: string): Effect.Effect<Outcome, StorageError> => {
  if (!handle.capabilities.rename || !key.startsWith(OWN)) return Effect.as(handle.delete([key]), "removed")
  const aside = handle.rename(key, asideOf(key))
  return aside.pipe(
    // One that a killed process left there; it is the same object.
    Effect.catchTag("StorageError", (error) => (error.kind === "AlreadyExists" ? Effect.andThen(handle.delete([asideOf(key)]), aside) : Effect.fail(error))),
    Effect.as<Outcome>("aside"),
    Effect.catchTag("StorageError", (error): Effect.Effect<Outcome, StorageError> => (error.kind === "NotFound" ? Effect.succeed("gone") : Effect.fail(error)))
  )
}

/** Deletes what stands aside, or puts it back where it is referred to; gives what was put back. */
const settleAside = (
  root: StorageRoot,
  handle: StorageHandle,
  keys: ReadonlyArray<string>,
  wereRegistered: boolean,
  ports: RemovalPorts
): Effect.Effect<ReadonlySet<string>, RemovalError> =>
  Effect.gen(function*() {
    if (keys.length === 0) return new Set<string>()
    const free = yield* freeOf(root, keys, wereRegistered, ports)
    const back = keys.filter((key) => !free.has(key))
    yield* Effect.forEach(back, (key) =>
      handle.rename(asideOf(key), key).pipe(Effect.catchTag("StorageError", (error) =>
        // Somebody made the object anew, or put it back already.
        error.kind === "AlreadyExists" ? handle.delete([asideOf(key)]) : error.kind === "NotFound" ? Effect.void : Effect.fail(error))), { concurrency: AT_ONCE })
    yield* deleteAll(handle, keys.filter((key) => free.has(key)).map(asideOf))
    return new Set(back)
  })

const removeSource = (handle: StorageHandle, object: Removable, hashing: Hashing["Service"]): Effect.Effect<Outcome, StorageError> =>
  examineCopy(object, handle, hashing).pipe(
    Effect.andThen(handle.delete([object.objectKey])),
    Effect.as<Outcome>("removed"),
    Effect.catch((error): Effect.Effect<Outcome, StorageError> =>
      !(error instanceof CopyProblem) ? Effect.fail(error)
        : error.state === "missing" ? Effect.succeed("gone")
        : Effect.succeed({ reason: error.state === "damaged" ? "it has other content than was registered" : error.reason }))
  )
