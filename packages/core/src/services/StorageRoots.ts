/**
 * Storage roots: adding, naming and opening the places that bytes live in.
 */
import { Context, Effect, Exit, Layer, Option, Scope, Stream } from "effect"
import { realpathSync } from "node:fs"
import { resolve } from "node:path"
import { EXIT, FileError, type InvalidInput, NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import { deepestRoot, localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { StorageDrivers, type StorageError, type StorageHandle } from "../ports/Storage.ts"
import type { UidSource } from "../ports/UidSource.ts"
import { Instance } from "./Instance.ts"
import { addRoot, removeMarker } from "./RootChanges.ts"
import { checkRoot, type RootCheck } from "./RootCheck.ts"
import { readMarker } from "./RootMarker.ts"
import { findRoot } from "./SavePlan.ts"

/** A storage root and what it holds. The object that `--json` prints. */
export interface RootListing {
  readonly uid: string
  readonly url: string
  readonly scheme: string
  readonly name: string | null
  readonly default: boolean
  readonly readOnly: boolean
  /** Artifacts that have a good copy here. */
  readonly artifacts: number
  /** Sum of their sizes. */
  readonly bytes: number
}

/** What is to be known about a new root. */
export interface AddRootOptions {
  /** A short name: letters, digits, `.`, `_` and `-`; unique in the instance. */
  readonly name?: string
  /** Never write into it, not even a marker. */
  readonly readOnly?: boolean
  /** Copy new files into it from now on. */
  readonly default?: boolean
}

/** The new root. */
export interface AddedRoot {
  readonly root: RootListing
  /** What the user should know, such as that another instance manages the place. */
  readonly notes: ReadonlyArray<string>
}

/** What adding a root can fail with; nothing is registered then. */
export type AddRootError = RegistryError | NotFound | InvalidInput | StorageRootProblem | StorageError

/** The storage roots of an instance. */
export class StorageRoots extends Context.Service<StorageRoots, {
  /** All roots, the default one first, then by age. */
  readonly list: Effect.Effect<ReadonlyArray<RootListing>, RegistryError>
  /**
   * Registers a place, given by its URL or path, and puts the marker of this instance there unless it is only to be read. The directory has to exist. A
   * root that is registered already is refused, except to restore its lost marker.
   */
  readonly add: (location: string, options?: AddRootOptions) => Effect.Effect<AddedRoot, AddRootError>
  /** Copies new files into this root from now on. */
  readonly setDefault: (reference: string) => Effect.Effect<RootListing, RegistryError | NotFound | StorageRootProblem>
  /** The root that a name, a uid, a URL or a path means. */
  readonly show: (reference: string) => Effect.Effect<RootListing, RegistryError | NotFound>
  /**
   * Forgets a root; its files stay. Refused for the default root, and while it holds the only copy of an artifact. Gives the root as it was.
   */
  readonly remove: (reference: string) => Effect.Effect<RootListing, RegistryError | NotFound | StorageRootProblem>
  /** Finds out what a root can do now: reaches it, writes into it unless it is read-only, and reads back what was written. */
  readonly check: (reference: string) => Effect.Effect<RootCheck, RegistryError | NotFound | StorageError | StorageRootProblem>

  /** The root with this name, uid, URL or path. */
  readonly find: (reference: string) => Effect.Effect<StorageRoot, RegistryError | NotFound>
  /** The deepest local root that contains this path of a file or directory, or null. */
  readonly deepest: (path: string) => Effect.Effect<StorageRoot | null, RegistryError | FileError>
  /** The open root. It is opened once and stays open as long as this service. */
  readonly handle: (root: StorageRoot) => Effect.Effect<StorageHandle, StorageError>
  /**
   * The root, opened again when it was lost meanwhile, and known to be the place that it was: it carries a marker, or has files when it is one that has none.
   * Only then is an object that is not there missing.
   */
  readonly reach: (root: StorageRoot) => Effect.Effect<StorageHandle, StorageError | StorageRootProblem>
}>()("@sheaf/core/StorageRoots") {
  static readonly layer: Layer.Layer<StorageRoots, never, Instance | Registry | StorageDrivers | UidSource> = Layer.effect(
    StorageRoots,
    Effect.gen(function*() {
      const { config } = yield* Instance
      const registry = yield* Registry
      const drivers = yield* StorageDrivers
      const context = yield* Effect.context<Instance | Registry | StorageDrivers | UidSource>()
      const { handle, release } = yield* openHandles(drivers)

      const list = Effect.map(registry.rootUsage, (usage) =>
        usage.map(({ artifacts, bytes, root }): RootListing => ({
          uid: root.uid, url: root.url, scheme: root.scheme, name: root.name, default: root.isDefault, readOnly: root.readOnly, artifacts, bytes
        })).sort((a, b) => Number(b.default) - Number(a.default)))
      const find = Effect.fn("StorageRoots.find")(function*(reference: string) {
        const roots = yield* registry.roots
        const found = findRoot(roots, reference) ?? (yield* Effect.map(normalUrl(reference, drivers), (url) => roots.find((root) => root.url === url)))
        return found ?? (yield* new NotFound({ what: "storage root", reference, near: roots.slice(0, NEAR).map((root) => root.name ?? localPathOf(root) ?? root.url) }))
      })
      const listed = (uid: string): Effect.Effect<RootListing, RegistryError | NotFound> =>
        Effect.flatMap(list, (roots) => {
          const root = roots.find((one) => one.uid === uid)
          return root === undefined ? Effect.fail(new NotFound({ what: "storage root", reference: uid, near: [] })) : Effect.succeed(root)
        })
      const show = Effect.fn("StorageRoots.show")(function*(reference: string) {
        return yield* listed((yield* find(reference)).uid)
      })
      const add = Effect.fn("StorageRoots.add")(function*(location: string, options: AddRootOptions = {}) {
        const { notes, uid } = yield* Effect.scoped(addRoot(location, options)).pipe(Effect.provide(context))
        return { root: yield* listed(uid), notes }
      })
      const setDefault = Effect.fn("StorageRoots.setDefault")(function*(reference: string) {
        const root = yield* find(reference)
        if (root.readOnly) {
          return yield* new StorageRootProblem({ url: root.url, reason: "is read-only, so nothing can be copied into it", advice: "Choose another root.", exit: EXIT.permission })
        }
        yield* registry.setDefaultRoot(root.uid)
        return yield* listed(root.uid)
      })
      const remove = Effect.fn("StorageRoots.remove")(function*(reference: string) {
        const root = yield* find(reference)
        const before = yield* listed(root.uid)
        yield* registry.removeRoot(root.uid)
        // Others may manage the place from now on; one that cannot be reached keeps the marker.
        if (!root.readOnly) yield* Effect.ignore(Effect.flatMap(handle(root), (open) => removeMarker(open, root, config.uid)))
        yield* release(root)
        return before
      })
      const reach = Effect.fn("StorageRoots.reach")(function*(root: StorageRoot) {
        const open = yield* handle(root)
        const reachable = yield* Effect.map(open.probe, (probe) => probe.reachable)
        if (!reachable) yield* release(root)
        const again = reachable ? open : yield* handle(root)
        yield* checkPlace(again, root)
        return again
      })
      const check = Effect.fn("StorageRoots.check")(function*(reference: string) {
        const root = yield* find(reference)
        yield* release(root)
        return yield* checkRoot(yield* handle(root), root, config.uid)
      })
      const deepest = Effect.fn("StorageRoots.deepest")(function*(path: string) {
        const real = yield* Effect.try({
          try: () => realpathSync(resolve(path)),
          catch: (error) => new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot find" })
        })
        return deepestRoot(yield* registry.roots, real)
      })
      return StorageRoots.of({ list, add, setDefault, show, remove, check, find, deepest, handle, reach })
    })
  )
}

/** Roots named in advice. */
const NEAR = 3

/** The normal form of a URL, or null for a text that is none. */
const normalUrl = (text: string, drivers: StorageDrivers["Service"]): Effect.Effect<string | null> =>
  Effect.orElseSucceed(Effect.flatMap(drivers.forUrl(text), (driver) => driver.normalize(text)), () => null)

/** Handles by uid of their root, each with a scope of its own, so that one can be given up. */
const openHandles = Effect.fnUntraced(function*(drivers: StorageDrivers["Service"]) {
  const scope = yield* Effect.scope
  const open = new Map<string, { readonly handle: StorageHandle; readonly scope: Scope.Closeable }>()
  const handle = (root: StorageRoot): Effect.Effect<StorageHandle, StorageError> =>
    Effect.suspend(() => {
      const known = open.get(root.uid)
      if (known !== undefined) return Effect.succeed(known.handle)
      return Effect.uninterruptible(Effect.gen(function*() {
        const driver = yield* drivers.forUrl(root.url)
        const own = yield* Scope.fork(scope)
        const opened = yield* Effect.onError(
          Scope.provide(driver.open(root.url, { create: false, readOnly: root.readOnly }), own),
          (cause) => Scope.close(own, Exit.failCause(cause))
        )
        // Somebody else may have opened it meanwhile.
        const first = open.get(root.uid)
        if (first === undefined) open.set(root.uid, { handle: opened, scope: own })
        else yield* Scope.close(own, Exit.void)
        return first?.handle ?? opened
      }))
    })
  const release = (root: StorageRoot): Effect.Effect<void> =>
    Effect.suspend(() => {
      const known = open.get(root.uid)
      open.delete(root.uid)
      return known === undefined ? Effect.void : Scope.close(known.scope, Exit.void)
    })
  return { handle, release }
})

const isEmpty = (handle: StorageHandle): Effect.Effect<boolean, StorageError> => Effect.map(Stream.runHead(handle.list()), Option.isNone)

/** Fails where this may be an empty mount point instead of the root. */
const checkPlace = (handle: StorageHandle, root: StorageRoot): Effect.Effect<void, StorageError | StorageRootProblem> =>
  Effect.gen(function*() {
    if ((yield* readMarker(handle, root.url)) !== null) return
    if (root.readOnly && !(yield* isEmpty(handle))) return
    return yield* new StorageRootProblem({
      url: root.url,
      reason: root.readOnly ? "is empty, so this may not be the place it was" : "has no marker .sheaf/root.json, so this may not be the place it was",
      advice: "Check that the right disk is mounted there.",
      exit: EXIT.storageUnavailable
    })
  })
