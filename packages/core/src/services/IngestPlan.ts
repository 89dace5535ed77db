/**
 * What ingest is going to do with a directory: where its files are registered, under which keys, and whether they are copied.
 */
import { Effect } from "effect"
import { realpathSync, statSync } from "node:fs"
import { basename, resolve } from "node:path"
import { parseKey } from "../domain/ArtifactKey.ts"
import { escapePath, fromUserPath } from "../domain/FileName.ts"
import { FileError, InvalidInput, InvalidKey, StorageRootProblem } from "../domain/SheafError.ts"
import { StorageDrivers, type StorageError } from "../ports/Storage.ts"
import { containsPath, deepestRoot, localPathOf, relativeTo, type StorageRoot } from "../domain/StorageRoot.ts"

/** A directory whose files are registered where they stand, or copied into a root. */
export interface DirectoryPlan {
  readonly source: "directory"
  /** Absolute, symlinks resolved. */
  readonly directory: string
  /** As the user wrote it, for messages and reports. */
  readonly shown: string
  readonly root: StorageRoot
  /** Absolute path of the root; null when it is no directory of this machine. */
  readonly rootPath: string | null
  readonly mode: "in-place" | "managed"
  /** "" or without trailing `/`. */
  readonly keyPrefix: string
  /** Path of the directory below the root, escaped, "" or ending in `/`; in place only. */
  readonly objectPrefix: string
  /** Directories below that belong to other roots, relative, as latin1 strings of their bytes. */
  readonly otherRoots: ReadonlyArray<string>
}

/** Objects of a store, registered where they are from what its listing says about them. */
export interface ListingPlan {
  readonly source: "listing"
  readonly shown: string
  readonly root: StorageRoot
  readonly mode: "in-place"
  readonly keyPrefix: string
  /** Of the object keys, "" or ending in `/`. */
  readonly objectPrefix: string
}

export type IngestPlan = DirectoryPlan | ListingPlan

const inspect = (path: string) =>
  Effect.try({
    try: () => {
      const real = realpathSync(resolve(path))
      return { real, isDirectory: statSync(real).isDirectory() }
    },
    catch: (error) => new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot ingest" })
  })

const findRoot = (roots: ReadonlyArray<StorageRoot>, reference: string | undefined): StorageRoot | undefined =>
  reference === undefined
    ? roots.find((root) => root.isDefault)
    : roots.find((root) => root.name === reference || root.url === reference || root.uid === reference) ??
      roots.find((root) => localPathOf(root) === resolve(reference))

type PlanRequest = { readonly key?: string; readonly storage?: string }
type PlanError = FileError | InvalidInput | InvalidKey | StorageRootProblem | StorageError

/** Plans one path or URL. Everything that can be wrong with the request is found here, before anything changes. */
export const planIngest = (path: string, request: PlanRequest, roots: ReadonlyArray<StorageRoot>): Effect.Effect<IngestPlan, PlanError, StorageDrivers> =>
  isRemoteUrl(path) ? planListing(path, request, roots) : planDirectory(path, request, roots)

/** Whether a text is a URL of a store that is no directory. */
export const isRemoteUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(text) && !/^file:/i.test(text)

const planListing = (url: string, request: PlanRequest, roots: ReadonlyArray<StorageRoot>): Effect.Effect<ListingPlan, PlanError, StorageDrivers> =>
  Effect.gen(function*() {
    const driver = yield* (yield* StorageDrivers).forUrl(url)
    // Not every kind of store has URLs of places within a root.
    const normal = splitUrl(yield* Effect.orElseSucceed(driver.normalize(url), () => url))
    // A driver may add settings from its environment, and the root has its own.
    const root = containingRoot(roots, url.includes("?") ? normal : { ...normal, settings: "" })
    if (root === null) {
      return yield* new InvalidInput({ what: url, reason: "lies in no storage root of this instance", advice: `Objects are registered where they are: add the place first with: sheaf storage add ${url}` })
    }
    if (request.storage !== undefined && findRoot(roots, request.storage)?.uid !== root.uid) {
      return yield* new InvalidInput({ what: url, reason: `lies inside the storage root ${root.url}, so its objects are registered where they are`, advice: "Leave --storage out." })
    }
    const below = escapePath(fromUserPath(decoded(relativeTo(splitUrl(root.url).base, normal.base))))
    return {
      source: "listing", shown: url, root, mode: "in-place",
      keyPrefix: request.key === undefined ? below : yield* parsePrefix(request.key),
      objectPrefix: below === "" ? "" : below + "/"
    }
  })

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** A URL without its settings, and these. */
interface SplitUrl {
  readonly base: string
  readonly settings: string
}

const splitUrl = (url: string): SplitUrl => {
  const at = url.indexOf("?")
  return at < 0 ? { base: url.replace(/\/+$/, ""), settings: "" } : { base: url.slice(0, at).replace(/\/+$/, ""), settings: url.slice(at + 1) }
}

/** The deepest root that contains the place. Settings, such as an endpoint, have to be the root's only where they are given. */
const containingRoot = (roots: ReadonlyArray<StorageRoot>, place: SplitUrl): StorageRoot | null => {
  const candidates = roots.map((root) => ({ root, url: splitUrl(root.url) }))
    .filter(({ url }) => containsPath(url.base, place.base) && (place.settings === "" || url.settings === place.settings))
    .sort((a, b) => b.url.base.length - a.url.base.length)
  return candidates[0]?.root ?? null
}

const planDirectory = (path: string, request: PlanRequest, roots: ReadonlyArray<StorageRoot>): Effect.Effect<DirectoryPlan, PlanError> =>
  Effect.gen(function*() {
    const { isDirectory, real } = yield* inspect(path)
    if (!isDirectory) {
      return yield* new InvalidInput({ what: path, reason: "is a file, and a directory is needed", advice: `Register a single file with: sheaf add ${path}` })
    }
    const inside = deepestRoot(roots, real)
    const named = findRoot(roots, request.storage)
    if (request.storage !== undefined && named === undefined) {
      return yield* new InvalidInput({
        what: `--storage ${request.storage}`, reason: "is not a storage root of this instance", advice: "sheaf storage list shows them; add one with: sheaf storage add URL."
      })
    }
    if (inside !== null && request.storage !== undefined && named!.uid !== inside.uid) {
      return yield* new InvalidInput({
        what: path,
        reason: `lies inside the storage root ${inside.url}, so its files are registered where they stand and are not copied to ${named!.url}`,
        advice: "Leave --storage out."
      })
    }
    const root = inside ?? named
    if (root === undefined) {
      return yield* new InvalidInput({ what: path, reason: "the instance has no storage root to copy into", advice: "Add one with: sheaf storage add URL." })
    }
    const rootPath = localPathOf(root)
    if (inside === null && root.readOnly) {
      return yield* new StorageRootProblem({
        url: root.url, reason: "is read-only, so nothing can be copied into it", advice: "Name another root with --storage, or ingest a path inside it.", exit: 7
      })
    }
    const relative = inside === null ? null : relativeTo(rootPath!, real)
    const otherRoots = roots.flatMap((other) => {
      const otherPath = localPathOf(other)
      return otherPath !== null && otherPath !== real && containsPath(real, otherPath) ? [fromUserPath(relativeTo(real, otherPath))] : []
    })
    const escaped = escapePath(fromUserPath(relative ?? basename(real)))
    const keyPrefix = request.key === undefined ? escaped : yield* parsePrefix(request.key)
    return {
      source: "directory",
      directory: real,
      shown: path,
      root,
      rootPath,
      mode: inside === null ? "managed" : "in-place",
      keyPrefix,
      objectPrefix: relative === null || relative === "" ? "" : escaped + "/",
      otherRoots
    }
  })

const parsePrefix = (key: string): Effect.Effect<string, InvalidKey> => {
  if (/^[/.]*$/.test(key) && !key.includes("..")) return Effect.succeed("")
  const parsed = parseKey(key)
  return parsed.ok ? Effect.succeed(parsed.key) : Effect.fail(new InvalidKey({ key, reason: parsed.reason }))
}
