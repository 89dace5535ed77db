/**
 * What ingest is going to do with a directory: where its files are registered, under which keys, and whether they are copied.
 */
import { Effect } from "effect"
import { realpathSync, statSync } from "node:fs"
import { basename, resolve } from "node:path"
import { parseKey } from "../domain/ArtifactKey.ts"
import { escapePath, fromUserPath } from "../domain/FileName.ts"
import { FileError, InvalidInput, InvalidKey, StorageRootProblem } from "../domain/SheafError.ts"
import { containsPath, deepestRoot, localPathOf, relativeTo, type StorageRoot } from "../domain/StorageRoot.ts"

export interface IngestPlan {
  /** Absolute, symlinks resolved. */
  readonly directory: string
  /** As the user wrote it, for messages and reports. */
  readonly shown: string
  readonly root: StorageRoot
  /** Absolute path of the root. */
  readonly rootPath: string
  readonly mode: "in-place" | "managed"
  /** "" or without trailing `/`. */
  readonly keyPrefix: string
  /** Path of the directory below the root, escaped, "" or ending in `/`; in place only. */
  readonly objectPrefix: string
  /** Directories below that belong to other roots, relative, as latin1 strings of their bytes. */
  readonly otherRoots: ReadonlyArray<string>
}

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

/** Plans one path. Everything that can be wrong with the request is found here, before anything changes. */
export const planIngest = (
  path: string,
  request: { readonly key?: string; readonly storage?: string },
  roots: ReadonlyArray<StorageRoot>
): Effect.Effect<IngestPlan, FileError | InvalidInput | InvalidKey | StorageRootProblem> =>
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
    if (rootPath === null) {
      return yield* new StorageRootProblem({
        url: root.url, reason: "is not a local directory, and ingest copies into local roots only", advice: "Name a local root with --storage.", exit: 1
      })
    }
    if (inside === null && root.readOnly) {
      return yield* new StorageRootProblem({
        url: root.url, reason: "is read-only, so nothing can be copied into it", advice: "Name another root with --storage, or ingest a path inside it.", exit: 7
      })
    }
    const relative = inside === null ? null : relativeTo(rootPath, real)
    const otherRoots = roots.flatMap((other) => {
      const otherPath = localPathOf(other)
      return otherPath !== null && otherPath !== real && containsPath(real, otherPath) ? [fromUserPath(relativeTo(real, otherPath))] : []
    })
    const escaped = escapePath(fromUserPath(relative ?? basename(real)))
    const keyPrefix = request.key === undefined ? escaped : yield* parsePrefix(request.key)
    return {
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
