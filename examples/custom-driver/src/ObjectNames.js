/**
 * Object keys and the names they are stored under. A key is escaped text; a name is the bytes it stands for, so that every name has exactly one key.
 */
import { escapePath, unescapePath } from "@sheaf/core/domain/FileName"
import { failure } from "./SqliteFailure.js"

/** Bytes of the longest name. */
export const MAX_KEY_BYTES = 1024

/**
 * The name for a key; throws `KeyInvalid` for what is no normal relative path.
 *
 * @param {string} operation
 * @param {string} key
 */
export const nameOf = (operation, key) => {
  const raw = unescapePath(key)
  const isPath = raw.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
  if (!isPath || raw.length > MAX_KEY_BYTES || raw.includes("\0") || escapePath(raw) !== key) {
    throw failure("KeyInvalid", operation, key, `it is not the normal form of a relative path of at most ${MAX_KEY_BYTES} bytes`)
  }
  return bytesOf(raw)
}

/** @param {string} raw One character a byte. */
export const bytesOf = (raw) => Buffer.from(raw, "latin1")

/** @param {Uint8Array} name */
export const rawOf = (name) => Buffer.from(name).toString("latin1")
