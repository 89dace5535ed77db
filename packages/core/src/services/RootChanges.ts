/**
 * Adding a storage root: everything that can be wrong is found before anything changes. Then the registry comes first and the marker second, so that
 * no marker names a root that nobody knows.
 */
import { Effect, type Scope } from "effect"
import { readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { EXIT, InvalidInput, type NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { StorageDrivers, type StorageError, type StorageHandle } from "../ports/Storage.ts"
import { UidSource } from "../ports/UidSource.ts"
import { Instance, INSTANCE_FOLDER, isInstance } from "./Instance.ts"
import { claimRoot, MARKER_KEY, readMarker, type RootMarker } from "./RootMarker.ts"
import type { AddRootOptions } from "./StorageRoots.ts"

/** What was added, or mended. */
export interface ChangedRoot {
  readonly uid: string
  readonly notes: ReadonlyArray<string>
}

type Problem = RegistryError | NotFound | InvalidInput | StorageRootProblem | StorageError

export const addRoot = (
  location: string,
  options: AddRootOptions
): Effect.Effect<ChangedRoot, Problem, Scope.Scope | Instance | Registry | StorageDrivers | UidSource> =>
  Effect.gen(function*() {
    const { config, directory } = yield* Instance
    const registry = yield* Registry
    const readOnly = options.readOnly ?? false
    if (readOnly && options.default === true) {
      return yield* new InvalidInput({ what: location, reason: "a read-only root cannot be the default one, which new files are copied into", advice: "Leave --default or --read-only out." })
    }
    const roots = yield* registry.roots
    const driver = yield* (yield* StorageDrivers).forUrl(location)
    const url = yield* driver.normalize(location)
    const path = localPathOf({ url })
    if (path !== null) yield* checkDirectory(url, path)
    const known = roots.find((root) => root.url === url)
    yield* checkName(options.name, roots, known)
    const handle = yield* driver.open(url, { create: false, readOnly })
    const marker = yield* readMarker(handle, url)
    if (known !== undefined) return yield* restoreMarker(handle, known, marker, options)
    const own = marker?.instance === config.uid ? marker : null
    const twin = roots.find((root) => root.uid === own?.root)
    if (twin !== undefined) return yield* copiedRoot(url, twin)
    const foreign = path === null ? (own === null && marker !== null ? marker.instance : null) : foreignInstance(path, config.uid, directory)
    if (!readOnly) yield* checkMayWrite(handle, url, foreign)
    const root: StorageRoot = {
      uid: own?.root ?? (yield* UidSource).next("storageRoot"),
      url,
      scheme: driver.scheme,
      name: options.name ?? null,
      isDefault: roots.length === 0 && !readOnly,
      readOnly,
      createdAt: new Date().toISOString()
    }
    yield* Effect.uninterruptible(Effect.andThen(
      registry.addRoot(root),
      readOnly ? Effect.void : Effect.onError(claimRoot(handle, root, config.uid), () => Effect.ignore(registry.removeRoot(root.uid)))
    ))
    if (options.default === true) yield* registry.setDefaultRoot(root.uid)
    return { uid: root.uid, notes: foreign === null ? [] : [`another instance (${foreign}) manages this place; it is only read here`] }
  })

/** Takes the marker away from a root that is forgotten, so that others may manage the place. */
export const removeMarker = (handle: StorageHandle, root: StorageRoot, instance: string): Effect.Effect<void, StorageError | StorageRootProblem> =>
  Effect.flatMap(readMarker(handle, root.url), (marker) =>
    marker !== null && marker.instance === instance && marker.root === root.uid ? handle.delete([MARKER_KEY]) : Effect.void)

/** Whether the place can be a root at all. */
const checkDirectory = (url: string, path: string): Effect.Effect<void, StorageRootProblem> =>
  Effect.suspend(() => {
    if (path.split("/").includes(INSTANCE_FOLDER)) {
      return Effect.fail(new StorageRootProblem({ url, reason: `lies inside a folder ${INSTANCE_FOLDER}, which holds the registry's own files`, advice: "Choose another place.", exit: EXIT.conflict }))
    }
    try {
      if (statSync(path).isDirectory()) return Effect.void
      return Effect.fail(new StorageRootProblem({ url, reason: "is not a directory", advice: "Add the directory that the file lies in.", exit: EXIT.failure }))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== "ENOENT" && code !== "ENOTDIR") return Effect.void
      return Effect.fail(new StorageRootProblem({ url, reason: "does not exist", advice: "Create the directory first, then add it again.", exit: EXIT.notFound }))
    }
  })

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u

const checkName = (name: string | undefined, roots: ReadonlyArray<StorageRoot>, known: StorageRoot | undefined): Effect.Effect<void, InvalidInput> => {
  if (name === undefined) return Effect.void
  if (!NAME.test(name)) {
    return Effect.fail(new InvalidInput({ what: `the name "${name}"`, reason: "is not one for a storage root", advice: "Use up to 64 letters, digits, dots, dashes and underscores, such as instrument-2." }))
  }
  const holder = roots.find((root) => root !== known && (root.name === name || root.uid === name))
  return holder === undefined ? Effect.void : Effect.fail(new InvalidInput({ what: `the name "${name}"`, reason: `is taken by the storage root ${holder.url}`, advice: "Nothing was changed. Choose another name." }))
}

/** A registered root is added again only to get its lost marker back. */
const restoreMarker = (
  handle: StorageHandle,
  root: StorageRoot,
  marker: RootMarker | null,
  options: AddRootOptions
): Effect.Effect<ChangedRoot, Problem, Instance | Registry> =>
  Effect.gen(function*() {
    const isSame = options.readOnly !== true && (options.name === undefined || options.name === root.name)
    if (root.readOnly || marker !== null || !isSame) {
      const advice = options.default === true && !root.readOnly ? `Make it the default one with: sheaf storage default ${root.name ?? root.uid}` : "Nothing was changed. sheaf storage list shows the roots."
      return yield* new StorageRootProblem({ url: root.url, reason: `is registered already${root.name === null ? "" : ` as ${root.name}`} (${root.uid})`, advice, exit: EXIT.conflict })
    }
    yield* claimRoot(handle, root, (yield* Instance).config.uid)
    if (options.default === true) yield* (yield* Registry).setDefaultRoot(root.uid)
    return { uid: root.uid, notes: [`the root was registered already; its lost marker ${MARKER_KEY} was restored`] }
  })

const copiedRoot = (url: string, twin: StorageRoot): StorageRootProblem =>
  new StorageRootProblem({
    url,
    reason: `carries the marker of the storage root ${twin.url}, so it is a copy of that one, or that one was moved here`,
    advice: `If it is a copy that shall be a root of its own, delete its ${MARKER_KEY} and add it again.`,
    exit: EXIT.conflict
  })

const checkMayWrite = (handle: StorageHandle, url: string, foreign: string | null): Effect.Effect<void, StorageRootProblem | StorageError> =>
  Effect.gen(function*() {
    if (foreign !== null) {
      return yield* new StorageRootProblem({
        url,
        reason: `is managed by another instance (${foreign}), so nothing is written into it`,
        advice: "Choose another place, or register it for reading only: sheaf storage add URL --read-only.",
        exit: EXIT.conflict
      })
    }
    if (!(yield* handle.probe).writable) {
      return yield* new StorageRootProblem({
        url, reason: "cannot be written", advice: "Give yourself permission to write there, or register it for reading only: sheaf storage add URL --read-only.", exit: EXIT.permission
      })
    }
  })

/** The other instance that manages the directory or one above it, by its uid where that can be read; or null. `home` is the directory of this one. */
const foreignInstance = (path: string, instance: string, home: string): string | null => {
  for (let at = path; ; at = dirname(at)) {
    const manager = uidIn(join(at, ...MARKER_KEY.split("/")), "instance")
    if (manager !== null && manager !== instance) return manager
    if (at === path && at !== home && isInstance(at)) return uidIn(join(at, INSTANCE_FOLDER, "config.json"), "uid")
    if (dirname(at) === at) return null
  }
}

const uidIn = (file: string, field: string): string | null => {
  try {
    const value = (JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>)[field]
    return typeof value === "string" ? value : "unknown"
  } catch (error) {
    return error instanceof SyntaxError ? "unknown" : null
  }
}
