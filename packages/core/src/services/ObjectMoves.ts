/**
 * Moving objects within their storage root.
 *
 * Each object gets its second name, is recorded there, and loses the first; both names are in an intent file meanwhile (see `workers/PendingObjects`), so that
 * a crash at any moment leaves exactly the one that the registry refers to, and doing the same again does the rest.
 */
import { Effect } from "effect"
import { linkSync, mkdirSync } from "node:fs"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import type { KeyPolicyRules } from "../ports/KeyPolicy.ts"
import type { Registry, RegistryError, StoredCopy } from "../ports/Registry.ts"
import { StorageError, type StorageHandle } from "../ports/Storage.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { freePlaces, removeObject } from "../workers/PendingObjects.ts"
import type { Instance } from "./Instance.ts"
import { announced, clearLeftovers, clearLeftUploads } from "./PendingWork.ts"
import { uploadsFolder } from "./PendingUploads.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import type { StorageRoots } from "./StorageRoots.ts"

/** An object that was moved, or would be. */
export interface ObjectMove {
  readonly uid: string
  readonly key: string | null
  /** URL of the root. */
  readonly storage: string
  /** Object keys: paths below the root. */
  readonly from: string
  readonly to: string
}

/** An object that stays where it is, and why. */
export interface ObjectLeft {
  readonly uid: string
  readonly key: string | null
  readonly storage: string
  readonly objectKey: string
  readonly reason: string
}

/** What was moved, and what had to stay. */
export interface ObjectMoveReport {
  readonly moves: ReadonlyArray<ObjectMove>
  readonly left: ReadonlyArray<ObjectLeft>
}

/** An object that is to stand at another place. */
export interface WantedMove {
  readonly copy: StoredCopy
  readonly to: string
  readonly isVirtual: boolean
}

export interface ObjectMoverDependencies {
  readonly instance: Instance["Service"]
  readonly registry: Registry["Service"]
  readonly roots: StorageRoots["Service"]
  /** Where the key of an artifact asks for its object to be. */
  readonly rules: Pick<KeyPolicyRules, "place">
}

/** Objects moved in one transaction. */
const BATCH = 500

const TAKEN = "something else stands where it would go"
const GONE = "its file is gone"

/** What may keep one object from being moved, or null. */
export const reasonToStay = ({ hashType, inPlace, state }: StoredCopy, { readOnly }: StorageRoot): string | null => {
  if (hashType === "md5-d") return "it is a folder, which stays where it was put"
  if (inPlace) return "it is registered where it stands"
  if (readOnly) return "its storage root is read-only"
  return state === "ok" ? null : `its copy is recorded as ${state}`
}

/**
 * Moves objects of one root to places that are free, or that an object holds whose artifact has no claim to it any more, as the one of an older version: that
 * one goes to the place of its uid first.
 */
export const moveObjects = (
  root: StorageRoot, wanted: ReadonlyArray<WantedMove>, dependencies: ObjectMoverDependencies, { dryRun = false }: { readonly dryRun?: boolean } = {}
): Effect.Effect<ObjectMoveReport, RegistryError | StorageError | StorageRootProblem> =>
  Effect.gen(function*() {
    if (wanted.length === 0) return { moves: [], left: [] }
    const handle = dryRun ? null : yield* openedForMoves(root, dependencies)
    const before = yield* displaced(root, wanted, dependencies)
    const first = yield* moveAll(root, handle, before, new Set(), dependencies)
    const gone = new Map(first.moves.map((move) => [`${move.uid} ${move.from}`, move.to]))
    const now = wanted.map((move) => {
      const objectKey = gone.get(`${move.copy.uid} ${move.copy.objectKey}`)
      return objectKey === undefined ? move : { ...move, copy: { ...move.copy, objectKey, isVirtual: true } }
    })
    const second = yield* moveAll(root, handle, now, new Set(first.moves.map(({ from }) => from)), dependencies)
    return { moves: [...first.moves, ...second.moves], left: [...first.left, ...second.left] }
  })

/** The open root, without what a process that was killed has left in it. */
const openedForMoves = (root: StorageRoot, { instance, registry, roots }: ObjectMoverDependencies) =>
  Effect.gen(function*() {
    const handle = yield* roots.handle(root)
    yield* checkOwnRoot(handle, root, instance.config.uid)
    const path = localPathOf(root)
    yield* path === null ? clearLeftUploads(registry, root, handle, uploadsFolder(instance.cacheFolder, root)) : clearLeftovers(registry, root.uid, path)
    return handle
  })

/** Objects that stand where others belong: each goes to the place of its uid, unless its own artifact's key asks for that place. */
const displaced = (
  root: StorageRoot, wanted: ReadonlyArray<WantedMove>, { registry, rules }: ObjectMoverDependencies
): Effect.Effect<ReadonlyArray<WantedMove>, RegistryError> =>
  Effect.gen(function*() {
    const filter = { root: root.uid, objectKeys: wanted.flatMap(({ isVirtual, to }) => (isVirtual ? [] : [to])) }
    if (filter.objectKeys.length === 0) return []
    const holders = yield* registry.objects({ ...filter, withTrash: true, withInPlace: true })
    if (holders.length === 0) return []
    const live = new Set((yield* registry.objects(filter)).map(({ uid }) => uid))
    const users = new Set(holders.flatMap(({ inPlace, objectKey }) => (inPlace ? [objectKey] : [])))
    return holders.flatMap((copy): ReadonlyArray<WantedMove> => {
      if (users.has(copy.objectKey)) return []
      const hasClaim = live.has(copy.uid) && copy.key !== null && rules.place(copy).objectKey === copy.objectKey
      const to = virtualPlace(copy)
      return hasClaim || to === copy.objectKey ? [] : [{ copy, to, isVirtual: true }]
    })
  })

/** `freed` are places that are free although something stands there: in a plan nothing has been moved away. */
const moveAll = (
  root: StorageRoot, handle: StorageHandle | null, wanted: ReadonlyArray<WantedMove>, freed: ReadonlySet<string>, dependencies: ObjectMoverDependencies
): Effect.Effect<ObjectMoveReport, RegistryError | StorageError> =>
  Effect.gen(function*() {
    const moves: Array<ObjectMove> = []
    const left: Array<ObjectLeft> = []
    const targets = new Set<string>()
    for (let at = 0; at < wanted.length; at += BATCH) {
      const batch = wanted.slice(at, at + BATCH)
      const free = new Set(yield* freeAt(root, handle, batch.map(({ to }) => to)))
      const problems = batch.map(({ to }) => {
        const isTaken = targets.has(to) || !(free.has(to) || (handle === null && freed.has(to)))
        targets.add(to)
        return isTaken ? TAKEN : null
      })
      const ready = batch.filter((_, i) => problems[i] === null)
      const failed = handle === null ? new Map<WantedMove, string>() : yield* moveBatch(root, handle, ready, dependencies)
      for (const [i, move] of batch.entries()) {
        const { key, objectKey, uid } = move.copy
        const reason = problems[i] ?? failed.get(move) ?? null
        if (reason === null) moves.push({ uid, key, storage: root.url, from: objectKey, to: move.to })
        else left.push({ uid, key, storage: root.url, objectKey, reason })
      }
    }
    return { moves, left }
  })

/** Of places, those where nothing stands: only these may be announced, since what is announced and not registered gets deleted. */
const freeAt = (root: StorageRoot, handle: StorageHandle | null, places: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, StorageError> => {
  const path = localPathOf(root)
  if (path !== null) return Effect.sync(() => freePlaces(path, places))
  // A plan does not go to the store.
  if (handle === null) return Effect.succeed(places)
  return Effect.map(
    Effect.forEach(places, (place) => handle.stat(place).pipe(
      Effect.as<ReadonlyArray<string>>([]),
      Effect.catchTag("StorageError", (error) => (error.kind === "NotFound" ? Effect.succeed([place]) : Effect.fail(error)))
    ), { concurrency: handle.capabilities.concurrencyHint }),
    (found) => found.flat()
  )
}

/** Moves objects to free places; gives those that stay, with the reason. */
const moveBatch = (
  root: StorageRoot, handle: StorageHandle, batch: ReadonlyArray<WantedMove>, { instance, registry }: ObjectMoverDependencies
): Effect.Effect<ReadonlyMap<WantedMove, string>, RegistryError | StorageError> => {
  const path = localPathOf(root)
  const failed = new Map<WantedMove, string>()
  if (path === null && !handle.capabilities.copy) return Effect.succeed(new Map(batch.map((move) => [move, "this kind of storage cannot copy objects"])))
  const made: Array<WantedMove> = []
  const link = Effect.forEach(batch, (move) => {
    const { copy: { objectKey: from }, to } = move
    return (path === null ? handle.copy(from, to) : linked(path, from, to, handle)).pipe(
      Effect.tap(() => Effect.sync(() => void made.push(move))),
      Effect.catchTag("StorageError", (error): Effect.Effect<void, StorageError> => {
        const reason = error.kind === "AlreadyExists" ? TAKEN : error.kind === "NotFound" ? GONE : null
        return reason === null ? Effect.fail(error) : Effect.sync(() => void failed.set(move, reason))
      })
    )
  }, { discard: true, concurrency: path === null ? handle.capabilities.concurrencyHint : 1 })
  const remove = (places: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
    path === null ? handle.delete(places) : Effect.try({ try: () => places.forEach((place) => removeObject(path, place)), catch: (cause) => localFailure(handle, "delete", "", cause) })
  /** Removes of these places those that the registry does not refer to. */
  const sweep = (places: ReadonlyArray<string>) =>
    Effect.flatMap(registry.knownObjects(root.uid, places), (known) => remove(places.filter((place) => !known.has(place))))
  const record = Effect.gen(function*() {
    yield* link
    if (instance.config.durability === "full" && made.length > 0) yield* handle.flush
    yield* registry.moveLocations(root.uid, made.map(({ copy, isVirtual, to }) => ({ uid: copy.uid, from: copy.objectKey, to, isVirtual })))
  })
  const steps = record.pipe(
    Effect.onError(() => Effect.ignore(sweep(made.map(({ to }) => to)))),
    // Under policy `content` several artifacts can share an object; and what was removed meanwhile is not to stay under its new name.
    // A name that cannot be taken away stays beside the one that the registry knows.
    Effect.andThen(Effect.suspend(() => sweep(made.flatMap(({ copy, to }) => [copy.objectKey, to])).pipe(Effect.catchTag("StorageError", () => Effect.void)))),
    Effect.as(failed)
  )
  return batch.length === 0 ? Effect.succeed(failed) : Effect.uninterruptible(
    announced(path ?? uploadsFolder(instance.cacheFolder, root), batch.flatMap(({ copy, to }) => [copy.objectKey, to]), steps)
  )
}

const pathOf = (rootPath: string, objectKey: string): string => `${rootPath === "/" ? "" : fromUserPath(rootPath)}/${unescapePath(objectKey)}`

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"))

const KIND_OF: Readonly<Record<string, StorageError["kind"]>> = {
  EEXIST: "AlreadyExists", ENOTDIR: "AlreadyExists", EACCES: "PermissionDenied", EPERM: "PermissionDenied", EROFS: "PermissionDenied", ENOENT: "NotFound", ENOSPC: "NoSpace", EDQUOT: "NoSpace"
}

const localFailure = (handle: StorageHandle, operation: string, key: string, cause: unknown): StorageError =>
  new StorageError({ kind: KIND_OF[(cause as NodeJS.ErrnoException).code ?? ""] ?? "Unexpected", driver: handle.info.name, operation, key, retry: false, cause })

const linked = (rootPath: string, from: string, to: string, handle: StorageHandle): Effect.Effect<void, StorageError> =>
  Effect.try({
    try: () => {
      const target = pathOf(rootPath, to)
      mkdirSync(toFsPath(folderOf(target)), { recursive: true })
      linkSync(toFsPath(pathOf(rootPath, from)), toFsPath(target))
    },
    catch: (cause) => localFailure(handle, "rename", to, cause)
  }).pipe(Effect.catchTag("StorageError", (error) =>
    // A file system without hard links.
    ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "") ? handle.copy(from, to) : Effect.fail(error)))
