/**
 * What can be done with objects: the operations of the storage contract.
 */
import { escapePath, unescapePath } from "@sheaf/core/domain/FileName"
import { Effect, Stream } from "effect"
import { createReadStream, existsSync } from "node:fs"
import { bytesOf, nameOf, rawOf } from "./ObjectNames.js"
import { attempt, CHUNK, transaction } from "./SqliteFile.js"
import { failure } from "./SqliteFailure.js"
import { checkMode, removeUnused, Upload } from "./Upload.js"

/**
 * @typedef {import("./SqliteFile.js").Store} Store
 * @typedef {import("node:sqlite").DatabaseSync} Database
 * @typedef {import("@sheaf/core/ports/Storage").StorageError} StorageError
 * @typedef {import("@sheaf/core/ports/Storage").StorageHandle} StorageHandle
 * @typedef {import("@sheaf/core/ports/Storage").StorageObject} StorageObject
 * @typedef {import("@sheaf/core/ports/Storage").ListOptions} ListOptions
 */

/** Objects of a page of a list, and keys that are deleted in one transaction. */
const PAGE = 500

/** @type {(store: Store) => StorageHandle["stat"]} */
export const stat = (store) => (key) =>
  attempt("stat", key, () => {
    checkThere(store, "stat", key)
    return objectOf(find(store.db, "stat", key))
  })

/** @type {(store: Store) => StorageHandle["read"]} */
export const read = (store) => (key, { ifMatch, range: { end = Number.MAX_SAFE_INTEGER, start = 0 } = {} } = {}) =>
  Stream.unwrap(Effect.gen(function*() {
    // On a connection of its own, in a transaction: it sees the file as it is now until the last piece, whoever replaces or deletes the object meanwhile.
    const db = yield* Effect.acquireRelease(
      attempt("read", key, () => {
        checkThere(store, "read", key)
        return store.connect()
      }),
      (db) => Effect.sync(() => db.close())
    )
    const { size, version } = yield* attempt("read", key, () => {
      db.exec("BEGIN")
      const { size, version } = find(db, "read", key)
      if (ifMatch !== undefined && ifMatch !== version) throw failure("PreconditionFailed", "read", key, "the object is not the one that was asked for")
      const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start && start <= size
      if (!isRange) throw failure("RangeInvalid", "read", key, `from ${start} up to ${end} is no range of its ${size} bytes`)
      return { size, version }
    })
    const chunk = db.prepare("SELECT bytes FROM chunk WHERE version = ? AND n = ?")
    const stop = Math.min(end, size)
    return Stream.unfold(start, (at) => at >= stop ? Effect.succeed(undefined) : attempt("read", key, () => {
      const n = Math.floor(at / CHUNK)
      const bytes = chunk.get(version, n)?.["bytes"]
      if (!(bytes instanceof Uint8Array) || bytes.length !== Math.min(CHUNK, size - n * CHUNK)) throw failure("Corrupt", "read", key, `its bytes from ${n * CHUNK} on are not what was stored`)
      const piece = bytes.subarray(at - n * CHUNK, stop - n * CHUNK)
      return /** @type {const} */ ([piece, at + piece.length])
    }))
  }))

/** @type {(store: Store) => StorageHandle["write"]} */
export const write = (store) => (key, body, options) =>
  Effect.gen(function*() {
    const { name, upload } = yield* attempt("write", key, () => {
      const name = nameOf("write", key)
      checkWritable(store, "write", key)
      checkMode(store.db, key, name, options.mode) // once more at the end; here to save the bytes the way
      return { name, upload: new Upload(store.db, key, options) }
    })
    return yield* Stream.runForEach(piecesOf(key, body), (piece) => attempt("write", key, () => upload.append(piece))).pipe(
      Effect.andThen(attempt("write", key, () => upload.finish(name))),
      // What cannot be taken back now is removed as abandoned later on.
      Effect.onError(() => Effect.ignore(attempt("write", key, () => upload.discard())))
    )
  })

/** @type {(store: Store) => StorageHandle["delete"]} */
export const remove = (store) => (keys) =>
  Effect.gen(function*() {
    for (let at = 0; at < keys.length; at += PAGE) {
      const page = keys.slice(at, at + PAGE)
      yield* attempt("delete", page[0] ?? "", () => {
        const names = page.map((key) => nameOf("delete", key))
        checkWritable(store, "delete", page[0] ?? "")
        const statement = store.db.prepare("DELETE FROM object WHERE name = ? RETURNING version")
        transaction(store.db, () => {
          for (const name of names) for (const { version } of statement.all(name)) removeUnused(store.db, String(version))
        })
      })
      // Others of this process, and other processes, may go in between.
      yield* Effect.yieldNow
    }
  })

/** @type {(store: Store) => StorageHandle["rename"]} */
export const rename = (store) => (from, to) =>
  attempt("rename", from, () => {
    const [source, target] = [nameOf("rename", from), nameOf("rename", to)]
    checkWritable(store, "rename", from)
    transaction(store.db, () => {
      find(store.db, "rename", from)
      checkMode(store.db, to, target, "create", "rename")
      store.db.prepare("UPDATE object SET name = ? WHERE name = ?").run(target, source)
    })
  })

/** @type {(store: Store) => StorageHandle["copy"]} */
export const copy = (store) => (from, to) =>
  attempt("copy", from, () => {
    const target = nameOf("copy", to)
    checkWritable(store, "copy", from)
    transaction(store.db, () => {
      const { md5, size, version } = find(store.db, "copy", from)
      checkMode(store.db, to, target, "create", "copy")
      store.db.prepare("INSERT INTO object (name, version, size, md5, modified) VALUES (?, ?, ?, ?, ?)").run(target, version, size, md5, Date.now())
    })
  })

/** @type {(store: Store) => StorageHandle["list"]} */
export const list = (store) => (options = {}) =>
  Stream.unfold(/** @type {Uint8Array | null} */ (startOf(options)), (from) =>
    attempt("list", options.prefix ?? "", () => (from === null ? undefined : pageFrom(store, from, options)))
  ).pipe(Stream.flatMap((page) => Stream.fromIterable(page)))

/**
 * Fails when the file is gone: SQLite would go on with the one that has no name any more.
 *
 * @type {(store: Store, operation: string, key: string) => void}
 */
const checkThere = ({ path }, operation, key) => {
  if (!existsSync(path)) throw failure("Unavailable", operation, key, `there is no file ${path} any more`)
}

/** @type {(store: Store, operation: string, key: string) => void} */
const checkWritable = (store, operation, key) => {
  checkThere(store, operation, key)
  if (store.readOnly) throw failure("PermissionDenied", operation, key, "the storage root was opened for reading only")
}

/**
 * @param {Database} db
 * @param {string} operation
 * @param {string} key
 */
const find = (db, operation, key) => {
  const row = db.prepare("SELECT * FROM object WHERE name = ?").get(nameOf(operation, key))
  if (row === undefined) throw failure("NotFound", operation, key, "there is no such object")
  return rowOf(row)
}

/** @param {Readonly<Record<string, unknown>>} row */
const rowOf = ({ md5, modified, name, size, version }) => ({
  name: rawOf(/** @type {Uint8Array} */ (name)), version: String(version), size: Number(size), md5: String(md5), modified: Number(modified)
})

/** @type {(row: ReturnType<typeof rowOf>) => StorageObject} */
const objectOf = ({ md5, modified, name, size, version }) => ({ key: escapePath(name), size, modifiedAt: modified, version, digests: { md5 } })

/** @type {(key: string, body: import("@sheaf/core/ports/Storage").StorageBody) => Stream.Stream<Uint8Array, StorageError>} */
const piecesOf = (key, body) => {
  switch (body.type) {
    case "bytes":
      return Stream.succeed(body.bytes)
    case "stream":
      return Stream.suspend(body.open)
    case "file":
      return Stream.suspend(() => Stream.fromAsyncIterable(
        createReadStream(body.path, { highWaterMark: CHUNK }),
        (error) => failure("Unexpected", "write", key, `the file to be stored cannot be read: ${error instanceof Error ? error.message : String(error)}`)
      ))
  }
}

/**
 * The text that the names of all keys with a prefix begin with: up to the first `%`, which may be half of an escaped byte.
 *
 * @param {ListOptions} options
 */
const headOf = ({ prefix = "" }) => unescapePath(prefix.replace(/%.*$/s, ""))

/** The first name that may be wanted.
 *
 * @param {ListOptions} options
 */
const startOf = (options) => {
  const head = bytesOf(headOf(options))
  if (options.startAfter === undefined) return head
  const after = bytesOf(unescapePath(options.startAfter) + "\0") // the very next name
  return Buffer.compare(head, after) > 0 ? head : after
}

/**
 * The wanted objects of one page, and where the next page begins or null; `undefined` at the end.
 *
 * @param {Store} store
 * @param {Uint8Array} from
 * @param {ListOptions} options
 */
const pageFrom = (store, from, options) => {
  const { prefix = "" } = options
  const head = headOf(options)
  checkThere(store, "list", prefix)
  const rows = store.db.prepare("SELECT * FROM object WHERE name >= ? ORDER BY name LIMIT ?").all(from, PAGE).map(rowOf)
  /** @type {Array<StorageObject>} */
  const objects = []
  for (const row of rows) {
    if (!row.name.startsWith(head)) return /** @type {const} */ ([objects, null])
    const object = objectOf(row)
    const own = ownFolderOf(object.key, prefix)
    // Past all of the folder: "0" is what comes after "/".
    if (own !== null) return /** @type {const} */ ([objects, bytesOf(unescapePath(own.slice(0, -1)) + "0")])
    if (object.key.startsWith(prefix)) objects.push(object)
  }
  const last = rows.at(-1)
  return last === undefined ? undefined : /** @type {const} */ ([objects, bytesOf(last.name + "\0")])
}

/**
 * The registry's own folder that a key is in, unless the prefix names it: it is listed only to those who ask for it.
 *
 * @param {string} key
 * @param {string} prefix
 */
const ownFolderOf = (key, prefix) => {
  const found = /^(?:.*?\/)?\.sheaf\//.exec(key)
  return found === null || prefix.startsWith(found[0]) ? null : found[0]
}
