/**
 * Errors: what SQLite and the operating system report, by its meaning in the storage contract. They are told apart by code; a message is for people.
 */
import { StorageError } from "@sheaf/core/ports/Storage"

/** Name of this driver in errors and in `info`. */
export const DRIVER = "sqlite"

/** By primary result code of SQLite (https://sqlite.org/rescode.html). */
const KIND_OF_RESULT = /** @type {const} */ ({
  3: "PermissionDenied", // SQLITE_PERM
  5: "Unavailable", //      SQLITE_BUSY: another process has been writing for longer than we wait
  6: "Unavailable", //      SQLITE_LOCKED
  8: "PermissionDenied", // SQLITE_READONLY
  10: "Unavailable", //     SQLITE_IOERR
  11: "Corrupt", //         SQLITE_CORRUPT
  13: "NoSpace", //         SQLITE_FULL
  14: "Unavailable", //     SQLITE_CANTOPEN
  18: "TooLarge", //        SQLITE_TOOBIG
  26: "Unsupported" //      SQLITE_NOTADB
})

/** By code of the operating system, for what is done to the file as a whole. */
const KIND_OF_ERRNO = /** @type {const} */ ({
  ENOENT: "Unavailable", EACCES: "PermissionDenied", EPERM: "PermissionDenied", EROFS: "PermissionDenied", ENOSPC: "NoSpace", ENOTDIR: "KeyInvalid", EEXIST: "KeyInvalid"
})

/**
 * A failure by its meaning; `detail` is shown after it.
 *
 * @param {import("@sheaf/core/ports/Storage").StorageErrorKind} kind
 * @param {string} operation
 * @param {string} key
 * @param {string} detail
 */
export const failure = (kind, operation, key, detail) =>
  new StorageError({ kind, driver: DRIVER, operation, key, retry: kind === "Unavailable", cause: new Error(detail) })

/**
 * A failure from whatever was thrown.
 *
 * @param {string} operation
 * @param {string} key
 * @param {unknown} cause
 */
export const fromThrown = (operation, key, cause) => {
  if (cause instanceof StorageError) return cause
  const { code, errcode = 0 } = /** @type {{ code?: string, errcode?: number }} */ (cause ?? {})
  const kind = code === "ERR_SQLITE_ERROR"
    ? KIND_OF_RESULT[/** @type {keyof typeof KIND_OF_RESULT} */ (errcode & 0xff)] // the rest of an extended code says which detail
    : KIND_OF_ERRNO[/** @type {keyof typeof KIND_OF_ERRNO} */ (code)]
  return new StorageError({ kind: kind ?? "Unexpected", driver: DRIVER, operation, key, retry: kind === "Unavailable", cause })
}
