/**
 * Storage roots in a SQLite file: `sqlite:///absolute/path/store.db`.
 */
import { STORAGE_CONTRACT, Storage } from "@sheaf/core/ports/Storage"
import { Config, Effect, Layer, Schema } from "effect"
import { accessSync, constants, existsSync, realpathSync, statfsSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { MAX_KEY_BYTES } from "./ObjectNames.js"
import { copy, list, read, remove, rename, stat, write } from "./Objects.js"
import { attempt, openFile } from "./SqliteFile.js"
import { DRIVER, failure } from "./SqliteFailure.js"
import { VERIFIABLE } from "./Upload.js"

/** How to open a file as a storage root: its path, or its `sqlite:` URL; whether to make it, whether to refuse every write. */
export const Options = Schema.Struct({
  path: Schema.NonEmptyString,
  create: Schema.optionalKey(Schema.Boolean),
  readOnly: Schema.optionalKey(Schema.Boolean)
})

/**
 * Opens a file. Fails with `Unavailable` when it is not there.
 *
 * @param {typeof Options.Type} options
 */
export const make = ({ create = false, path, readOnly = false }) =>
  Effect.flatMap(attempt("open", "", () => realPath(path.startsWith("sqlite:") ? pathOf("open", path) : resolve(path))), (real) => openRoot(real, { create, readOnly }))

/**
 * A file as the storage of a program that works on one root.
 *
 * @param {typeof Options.Type} options
 */
export const layer = (options) => Layer.effect(Storage, make(options))

/**
 * The same with its options from the configuration.
 *
 * @param {Config.Wrap<typeof Options.Type>} config
 */
export const layerConfig = (config) => Layer.effect(Storage, Effect.flatMap(Config.unwrap(config), make))

/** @type {import("@sheaf/core/ports/Storage").StorageDriver} */
export const driver = {
  scheme: "sqlite",
  name: DRIVER,
  contract: STORAGE_CONTRACT,
  normalize: (url) => attempt("normalize", "", () => pathToFileURL(realPath(pathOf("normalize", url))).href.replace(/^file:/, "sqlite:")),
  open: (url, options) => Effect.flatMap(attempt("open", "", () => pathOf("open", url)), (path) => openRoot(path, options))
}

/**
 * @param {string} path
 * @param {{ readonly create: boolean, readonly readOnly: boolean }} options
 */
const openRoot = (path, options) => Effect.map(openFile(path, options), handleOf)

/** @type {(store: import("./SqliteFile.js").Store) => import("@sheaf/core/ports/Storage").StorageHandle} */
const handleOf = (store) => ({
  info: { name: DRIVER, version: "1.0.0", contract: STORAGE_CONTRACT },
  capabilities: {
    atomicCreate: true,
    atomicReplace: true,
    conditionalReplace: true,
    rangeRead: true,
    listOrdered: true,
    listStartAfter: true,
    emptyObject: true,
    copy: true,
    rename: true,
    multipart: null,
    maxObjectSize: null,
    maxKeyBytes: MAX_KEY_BYTES,
    keyCharset: "any-bytes",
    caseSensitive: true,
    checksumsReturned: ["md5"],
    checksumsVerified: VERIFIABLE,
    presign: false,
    localPath: false,
    hardLink: false,
    reflink: false,
    fsync: true,
    readOnly: store.readOnly,
    concurrencyHint: 4
  },
  stat: stat(store),
  read: read(store),
  write: write(store),
  delete: remove(store),
  list: list(store),
  rename: rename(store),
  copy: copy(store),
  localPath: (key) => Effect.fail(failure("Unsupported", "localPath", key, "objects in a database have no path")),
  // Every commit is on the disk when it is done.
  flush: Effect.void,
  probe: attempt("probe", "", () => {
    if (!existsSync(store.path)) return { reachable: false, writable: false, freeBytes: null, clockSkew: null }
    store.db.prepare("SELECT 1 FROM object LIMIT 1").get()
    const { bavail, bsize } = statfsSync(dirname(store.path))
    return { reachable: true, writable: !store.readOnly && mayWrite(store.path), freeBytes: bavail * bsize, clockSkew: null }
  })
})

/** @param {string} path */
const mayWrite = (path) => {
  try {
    accessSync(path, constants.W_OK)
    accessSync(dirname(path), constants.W_OK) // beside the file stands its journal
    return true
  } catch {
    return false
  }
}

/**
 * @param {string} operation
 * @param {string} url
 */
const pathOf = (operation, url) => {
  const refuse = () => failure("KeyInvalid", operation, "", `${JSON.stringify(url)} is not of the form sqlite:///absolute/path/store.db`)
  if (!/^sqlite:\/\/\/[^?#]*[^?#/]$/.test(url)) throw refuse()
  try {
    const path = fileURLToPath(url.replace(/^sqlite:/, "file:"))
    if (!path.includes("\0")) return path
  } catch {
    // Said below.
  }
  throw refuse()
}

/**
 * The path without symlinks, as far as it exists.
 *
 * @type {(path: string) => string}
 */
const realPath = (path) => existsSync(path) || dirname(path) === path ? realpathSync(path) : join(realPath(dirname(path)), basename(path))
