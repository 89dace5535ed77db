/**
 * One object on its way in: its chunks are stored as they fill, under a version that no object names yet.
 */
import { hasherForType } from "@sheaf/core/workers/HashAlgorithms"
import { randomUUID } from "node:crypto"
import { CHUNK, transaction } from "./SqliteFile.js"
import { failure } from "./SqliteFailure.js"

/** Digest types that a write can verify. */
export const VERIFIABLE = /** @type {const} */ (["md5", "sha256", "sha256-tree"])

/** `append` each piece of the body, then `finish`; otherwise `discard`. */
export class Upload {
  #version = randomUUID()
  /** @type {Array<Uint8Array>} The parts of the chunk that is being filled. */
  #parts = []
  #filled = 0
  #stored = 0
  #size = 0
  /** @type {Map<string, { readonly update: (bytes: Uint8Array) => void, readonly digest: () => string }>} */
  #hashers = new Map()
  #db
  #key
  #options

  /**
   * @param {import("node:sqlite").DatabaseSync} db
   * @param {string} key
   * @param {import("@sheaf/core/ports/Storage").WriteOptions} options
   */
  constructor(db, key, options) {
    this.#db = db
    this.#key = key
    this.#options = options
    for (const type of new Set(["md5", ...Object.keys(options.expect ?? {})])) {
      const known = VERIFIABLE.find((one) => one === type)
      const hasher = known === undefined ? null : hasherForType(known, 0)
      if (hasher === null) throw this.#failure("Unsupported", `this driver cannot verify digests of type ${type}`)
      this.#hashers.set(type, hasher)
    }
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    this.#size += bytes.length
    if (this.#size > (this.#options.size ?? Infinity)) throw this.#failure("ChecksumMismatch", `${this.#options.size} bytes were announced, the body has more`)
    for (const hasher of this.#hashers.values()) hasher.update(bytes)
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === CHUNK) transaction(this.#db, () => this.#storeEarly())
      const part = bytes.subarray(at, at + CHUNK - this.#filled)
      this.#parts.push(Buffer.from(part)) // a copy: the source may use its buffer again
      this.#filled += part.length
      at += part.length
    }
  }

  /**
   * Gives the object its name, in one step with looking whether it may have it.
   *
   * @param {Uint8Array} name
   * @returns {import("@sheaf/core/ports/Storage").StorageObject}
   */
  finish(name) {
    const { expect = {}, mode, size = this.#size } = this.#options
    if (size !== this.#size) throw this.#failure("ChecksumMismatch", `${size} bytes were announced, the body has ${this.#size}`)
    const found = Object.fromEntries([...this.#hashers].map(([type, hasher]) => [type, hasher.digest()]))
    for (const [type, digest] of Object.entries(expect)) {
      if (found[type] !== digest) throw this.#failure("ChecksumMismatch", `its ${type} is ${found[type]}, not ${digest}`)
    }
    const md5 = found["md5"] ?? ""
    const modified = Date.now()
    transaction(this.#db, () => {
      const old = checkMode(this.#db, this.#key, name, mode)
      if (this.#stored > 0) this.#settle("DELETE FROM upload WHERE version = ?", this.#version)
      if (this.#filled > 0) this.#store()
      this.#db.prepare("INSERT OR REPLACE INTO object (name, version, size, md5, modified) VALUES (?, ?, ?, ?, ?)").run(name, this.#version, size, md5, modified)
      if (old !== undefined) removeUnused(this.#db, old)
    })
    return { key: this.#key, size, modifiedAt: modified, version: this.#version, digests: { md5 } }
  }

  /** Takes back what was stored of an object that never got its name. */
  discard() {
    if (this.#stored === 0) return
    transaction(this.#db, () => {
      this.#db.prepare("DELETE FROM upload WHERE version = ?").run(this.#version)
      removeUnused(this.#db, this.#version)
    })
  }

  #storeEarly() {
    const now = Date.now()
    if (this.#stored === 0) this.#db.prepare("INSERT INTO upload (version, touched) VALUES (?, ?)").run(this.#version, now)
    else this.#settle("UPDATE upload SET touched = ? WHERE version = ?", now, this.#version)
    this.#store()
  }

  #store() {
    this.#db.prepare("INSERT INTO chunk (version, n, bytes) VALUES (?, ?, ?)").run(this.#version, this.#stored, Buffer.concat(this.#parts))
    this.#stored++
    this.#parts = []
    this.#filled = 0
  }

  /**
   * @param {string} sql
   * @param {...(string | number)} values
   */
  #settle(sql, ...values) {
    if (Number(this.#db.prepare(sql).run(...values).changes) !== 1) throw this.#failure("Unavailable", "the body paused for so long that its beginning was removed")
  }

  /**
   * @param {import("@sheaf/core/ports/Storage").StorageErrorKind} kind
   * @param {string} detail
   */
  #failure(kind, detail) {
    return failure(kind, "write", this.#key, detail)
  }
}

/**
 * The version that a write in this mode would replace; throws when the mode does not allow the write.
 *
 * @param {import("node:sqlite").DatabaseSync} db
 * @param {string} key
 * @param {Uint8Array} name
 * @param {import("@sheaf/core/ports/Storage").WriteOptions["mode"]} mode
 */
export const checkMode = (db, key, name, mode, operation = "write") => {
  const old = db.prepare("SELECT version FROM object WHERE name = ?").get(name)?.["version"]
  if (mode === "create" && old !== undefined) throw failure("AlreadyExists", operation, key, "an object stands at that place")
  if (typeof mode !== "string" && mode.ifMatch !== old) throw failure("PreconditionFailed", operation, key, "the object is not the one that was meant")
  return old === undefined ? undefined : String(old)
}

/**
 * Removes the bytes of a version that no object names any more.
 *
 * @param {import("node:sqlite").DatabaseSync} db
 * @param {string} version
 */
export const removeUnused = (db, version) => {
  if (db.prepare("SELECT 1 FROM object WHERE version = ?").get(version) === undefined) db.prepare("DELETE FROM chunk WHERE version = ?").run(version)
}
