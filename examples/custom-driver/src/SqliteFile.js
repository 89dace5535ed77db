/**
 * The file itself: its tables, opening it, transactions.
 *
 * An object is a row that names a version; the bytes of a version are its chunks. Nobody sees chunks that no object names, so a write can take its time
 * and still appear in one step, and a copy is one more row that names the same version.
 */
import { Effect } from "effect"
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { failure, fromThrown } from "./SqliteFailure.js"

/** Bytes of a chunk: what is held in memory of a body, and how long others wait for its transaction. */
export const CHUNK = 1024 * 1024
/** Milliseconds that a statement waits for another process. */
const BUSY_TIMEOUT = 5_000
/** An unfinished write is taken for abandoned after this many milliseconds without a chunk. */
const ABANDONED_AFTER = 24 * 3600 * 1000
/** Says in the header of the file whose it is: "SHQL". */
const APPLICATION_ID = 0x5348514c

// Names are bytes, so that every name is possible and their order is the bytewise one.
const TABLES = `
  CREATE TABLE object (name BLOB PRIMARY KEY, version TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, modified INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX object_version ON object (version);
  CREATE TABLE chunk (version TEXT NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (version, n)) STRICT;
  CREATE TABLE upload (version TEXT PRIMARY KEY, touched INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = 1;`

/**
 * @typedef {import("node:sqlite").DatabaseSync} Database
 *
 * @typedef {object} Store An open file.
 * @property {string} path
 * @property {boolean} readOnly
 * @property {Database} db The connection of everything but reading.
 * @property {() => Database} connect One more connection, for whoever needs to see the file as it is now for longer than one step.
 */

/**
 * Opens a file, and closes it with the scope.
 *
 * @param {string} path
 * @param {{ readonly create: boolean, readonly readOnly: boolean }} options
 */
export const openFile = (path, { create, readOnly }) =>
  Effect.gen(function*() {
    // Loaded here and not above: Node 22 prints a warning about node:sqlite, which then concerns only those who use such a root.
    const { DatabaseSync } = yield* Effect.tryPromise({
      try: () => import("node:sqlite"),
      catch: () => failure("Unsupported", "open", "", "this Node was built without node:sqlite")
    })
    const connect = () => {
      const db = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT })
      // A commit is on the disk when it is done.
      db.exec("PRAGMA synchronous = FULL")
      return db
    }
    const db = yield* Effect.acquireRelease(
      attempt("open", "", () => {
        if (existsSync(path)) {
          if (!statSync(path).isFile()) throw failure("Unsupported", "open", "", `${path} is not a file`)
          accessSync(path, constants.R_OK)
          // SQLite itself would open for reading what it may not write. Its journal stands beside the file.
          if (!readOnly) for (const place of [path, dirname(path)]) accessSync(place, constants.W_OK)
        } else {
          if (!create || readOnly) throw failure("Unavailable", "open", "", `there is no file ${path}`)
          mkdirSync(dirname(path), { recursive: true })
        }
        return connect()
      }),
      (db) => Effect.sync(() => db.close())
    )
    yield* attempt("open", "", () => {
      // `sheaf storage add` adds what is there and makes nothing; an empty file is there.
      if (!readOnly && (create || statSync(path).size === 0) && !isStore(db)) transaction(db, () => makeTables(db, path))
      if (!isStore(db)) throw failure("Unsupported", "open", "", `${path} is not a store of this driver, or one of another version of it`)
      if (readOnly) return
      // Readers and the writer do not wait for each other.
      db.exec("PRAGMA journal_mode = WAL")
      removeAbandoned(db)
    })
    return { path, readOnly, db, connect }
  })

/**
 * Runs one step on the database; it is short, and nothing comes between.
 *
 * @template A
 * @param {string} operation
 * @param {string} key
 * @param {() => A} step
 */
export const attempt = (operation, key, step) => Effect.try({ try: step, catch: (error) => fromThrown(operation, key, error) })

/**
 * All of `work` or nothing of it, with no other writer in between, of this process or another one.
 *
 * @template A
 * @param {Database} db
 * @param {() => A} work
 */
export const transaction = (db, work) => {
  db.exec("BEGIN IMMEDIATE")
  try {
    const result = work()
    db.exec("COMMIT")
    return result
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK")
    throw error
  }
}

/** @param {Database} db */
const isStore = (db) => db.prepare("PRAGMA application_id").get()?.["application_id"] === APPLICATION_ID && db.prepare("PRAGMA user_version").get()?.["user_version"] === 1

/**
 * @param {Database} db
 * @param {string} path
 */
const makeTables = (db, path) => {
  if (isStore(db)) return // another process has made them meanwhile
  if (db.prepare("SELECT 1 FROM sqlite_schema").get() !== undefined) throw failure("Unsupported", "open", "", `${path} is the database of another program`)
  db.exec(TABLES)
}

/**
 * What killed processes left behind.
 *
 * @param {Database} db
 */
const removeAbandoned = (db) => {
  const before = Date.now() - ABANDONED_AFTER
  if (db.prepare("SELECT 1 FROM upload WHERE touched < ?").get(before) === undefined) return
  transaction(db, () => {
    db.prepare("DELETE FROM chunk WHERE version IN (SELECT version FROM upload WHERE touched < ?)").run(before)
    db.prepare("DELETE FROM upload WHERE touched < ?").run(before)
  })
}
