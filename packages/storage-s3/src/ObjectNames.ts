/**
 * Object keys as names in the bucket, and back, without loss.
 *
 * A name is the root's prefix and the true name of the file, which `unescapePath` gives: `line%0Abreak` is stored under a name with a line break in it. So the mapping
 * is one to one, and the objects that others put into the bucket have the keys that their names would have as files. Two things follow. A key whose bytes are not
 * valid UTF-8 cannot be stored: names in S3 are Unicode. And a name that is no relative path of a file, such as `a//b`, `/a`, `a/../b` or `folder/`, has no key.
 */
import { escapePath, fromUserPath, unescapePath } from "@sheaf/core/domain/FileName"
import { failure } from "./S3Failure.ts"

/** Where this driver announces the uploads that are under way; no key. */
export const NOTICES = ".sheaf/uploads/"

const MAX_NAME_BYTES = 1024

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of bytes, or null when they are not valid UTF-8. */
const textOf = (latin1: string): string | null => {
  try {
    return strictUtf8.decode(Buffer.from(latin1, "latin1"))
  } catch {
    return null
  }
}

const isSegment = (segment: string): boolean => segment !== "" && segment !== "." && segment !== ".."

export class ObjectNames {
  /** The prefix with a slash at its end, or "". */
  readonly root: string
  readonly maxKeyBytes: number

  constructor(prefix: string) {
    this.root = prefix === "" ? "" : `${prefix}/`
    this.maxKeyBytes = MAX_NAME_BYTES - Buffer.byteLength(this.root)
  }

  /** The name of a key's object. Throws `KeyInvalid`. */
  nameOf(operation: string, key: string): string {
    const refuse = (reason: string) => failure("KeyInvalid", operation, key, reason)
    if (key === "") throw refuse("the key is empty")
    const raw = unescapePath(key)
    if (raw.includes("\0")) throw refuse("no name can contain a NUL character")
    if (escapePath(raw) !== key) throw refuse("it is not the normal form of a file's name")
    // Some stores would take these for another object's name.
    if (!raw.split("/").every(isSegment)) throw refuse("a key is a relative path without empty, . and .. segments")
    if (raw.length > this.maxKeyBytes) throw refuse(`the name would be longer than ${MAX_NAME_BYTES} bytes`)
    if (raw.startsWith(NOTICES)) throw refuse(`${NOTICES} holds this driver's announcements`)
    const name = textOf(raw)
    if (name === null) throw refuse("names in S3 are Unicode, and this one is not valid UTF-8")
    return this.root + name
  }

  /** The key of an object below the root, or null when its name is no key. */
  keyOf(name: string): string | null {
    const raw = fromUserPath(name.slice(this.root.length))
    return raw.split("/").every(isSegment) && !raw.includes("\0") && raw.length <= this.maxKeyBytes && !raw.startsWith(NOTICES) ? escapePath(raw) : null
  }

  /** What the names of all keys with a prefix begin with; as long as can be said, or null when there can be no such key. */
  prefixOf(prefix: string): string | null {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1)
    const raw = unescapePath(folder)
    if (raw.includes("\0") || escapePath(raw) !== folder || folder.startsWith(NOTICES)) return null
    if (folder !== "" && !raw.slice(0, -1).split("/").every(isSegment)) return null
    const name = textOf(raw)
    if (name === null) return null
    // An escape, or a character, may be cut off at the end.
    const rest = prefix.slice(folder.length).split("%", 1)[0]!.replace(/[\uD800-\uDBFF]$/, "")
    return this.root + name + (isSegment(rest) ? rest : "")
  }

  /** A name that comes before those of all keys after this one, and is as late as can be said. */
  startOf(startAfter: string): string {
    // oxlint-disable-next-line no-control-regex
    return this.root + Buffer.from(unescapePath(startAfter), "latin1").toString("utf8").split(/[\0\uFFFD]/, 1)[0]!
  }
}
