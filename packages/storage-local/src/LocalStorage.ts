/**
 * A storage root that is a directory.
 */
import { localPathOf, localRootUrl } from "@sheaf/core/domain/StorageRoot"
import { STORAGE_CONTRACT, Storage, type StorageCapabilities, type StorageDriver, type StorageError, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Config, Effect, Layer, Schema, type Scope } from "effect"
import { constants, type BigIntStats } from "node:fs"
import { access, lstat, mkdir, realpath, stat, statfs } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { VERIFIABLE } from "@sheaf/core/workers/BodyDigests"
import { Durability } from "./Durability.ts"
import { DRIVER, errnoOf, failure, fromErrno } from "./LocalFailure.ts"
import { LocalRoot } from "./LocalRoot.ts"
import { normalizePath } from "./LocalUrl.ts"
import { listObjects, toObject } from "./ObjectListing.ts"
import { readObject } from "./ObjectReading.ts"
import { copyObject, deleteObjects, renameObject, writeObject } from "./ObjectWriting.ts"
import { removeLeftovers } from "./TemporaryFiles.ts"

const VERSION = "0.0.0"

/** How to open a directory as a storage root. */
export const Options = Schema.Struct({
  /** Path of the directory, relative to the working directory or absolute, or its `file:` URL. */
  path: Schema.NonEmptyString,
  /** Make the directory when it does not exist. Default false. */
  create: Schema.optionalKey(Schema.Boolean),
  /** Refuse every write. Default false. */
  readOnly: Schema.optionalKey(Schema.Boolean)
})
export type Options = typeof Options.Type

/** Opens a directory. Fails with `Unavailable` when it is not there. */
export const make = (options: Options): Effect.Effect<StorageHandle, StorageError, Scope.Scope> =>
  Effect.flatMap(normalizePath(options.path), (path) => openRoot(path, { create: options.create ?? false, readOnly: options.readOnly ?? false }))

/** A directory as the storage of a program that works on one root. */
export const layer = (options: Options): Layer.Layer<Storage, StorageError> => Layer.effect(Storage, make(options))

/** The same with its options from the configuration. */
export const layerConfig = (config: Config.Wrap<Options>): Layer.Layer<Storage, StorageError | Config.ConfigError> =>
  Layer.effect(Storage, Effect.flatMap(Config.unwrap(config), make))

/** Directories as storage roots: paths and `file:` URLs. */
export const driver: StorageDriver = {
  scheme: "file",
  name: DRIVER,
  normalize: (url) => Effect.map(normalizePath(url), localRootUrl),
  open: (url, options) => Effect.flatMap(Effect.try({ try: () => localPathOf({ url }), catch: () => null }).pipe(Effect.orElseSucceed(() => null)), (path) =>
    path === null ? Effect.fail(failure("KeyInvalid", "open", "", `${url} is not the URL of a directory`)) : openRoot(path, options))
}

const openRoot = (path: string, options: { readonly create: boolean; readonly readOnly: boolean }): Effect.Effect<StorageHandle, StorageError> =>
  Effect.uninterruptible(Effect.tryPromise({
    try: async () => {
      const found = await statOrCreate(path, options.create && !options.readOnly)
      if (!found.isDirectory()) throw failure("Unsupported", "open", "", `${path} is not a directory`)
      // Registered in normal form, but a folder above may have become a symlink since.
      const root = new LocalRoot(await realpath(path), found, options.readOnly)
      if (!root.readOnly) await removeLeftovers(root)
      return handleOf(root, await isCaseSensitive(root))
    },
    catch: (error) => fromErrno("open", "", error)
  }))

const statOrCreate = async (path: string, create: boolean): Promise<BigIntStats> => {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR") throw failure("Unsupported", "open", "", `a part of ${path} is not a directory`, error)
    if (errnoOf(error) !== "ENOENT") throw error
    if (!create) throw failure("Unavailable", "open", "", `there is no directory ${path}`, error)
    await mkdir(path, { recursive: true })
    return stat(path, { bigint: true })
  }
}

/** Looks for the registry's own folder under another spelling; without one it goes by what is usual. */
const isCaseSensitive = async (root: LocalRoot): Promise<boolean> => {
  const identity = (name: string) => lstat(`${root.path}/${name}`, { bigint: true }).then((s) => s.ino, () => null)
  const own = await identity(".sheaf")
  return own === null ? process.platform === "linux" : own !== (await identity(".SHEAF"))
}

const handleOf = (root: LocalRoot, caseSensitive: boolean): StorageHandle => {
  const durability = new Durability(root)
  const capabilities: StorageCapabilities = {
    atomicCreate: true,
    atomicReplace: true,
    conditionalReplace: false,
    rangeRead: true,
    listOrdered: true,
    listStartAfter: true,
    emptyObject: true,
    copy: true,
    rename: true,
    multipart: null,
    maxObjectSize: null,
    maxKeyBytes: root.maxKeyBytes,
    keyCharset: process.platform === "linux" ? "any-bytes" : "unicode",
    caseSensitive,
    checksumsReturned: [],
    checksumsVerified: VERIFIABLE,
    presign: false,
    localPath: true,
    hardLink: true,
    reflink: false,
    fsync: true,
    readOnly: root.readOnly,
    concurrencyHint: 2 * availableParallelism()
  }
  const look = <A>(operation: string, key: string, run: () => Promise<A>): Effect.Effect<A, StorageError> =>
    Effect.tryPromise({
      try: () => run().catch(async (error) => { throw await root.explain(operation, key, error) }),
      catch: (error) => fromErrno(operation, key, error)
    })
  return {
    info: { name: DRIVER, version: VERSION, contract: STORAGE_CONTRACT },
    capabilities,
    stat: (key) => look("stat", key, async () => toObject(key, (await root.find("stat", key)).stat)),
    read: (key, options) => readObject(root, key, options),
    write: (key, body, options) => writeObject(root, durability, key, body, options),
    delete: (keys) => deleteObjects(root, keys),
    list: (options) => listObjects(root, options),
    probe: look("probe", "", async () => {
      const reachable = await root.isThere()
      const writable = reachable && !root.readOnly && (await access(root.path, constants.W_OK | constants.X_OK).then(() => true, () => false))
      const space = reachable ? await statfs(root.path).catch(() => null) : null
      return { reachable, writable, freeBytes: space === null ? null : space.bavail * space.bsize, clockSkew: null }
    }),
    rename: (from, to) => renameObject(root, durability, from, to),
    copy: (from, to) => copyObject(root, durability, from, to),
    localPath: (key) => look("localPath", key, async () => {
      await root.find("localPath", key)
      return root.pathOf("localPath", key)
    }),
    flush: durability.flush
  }
}
