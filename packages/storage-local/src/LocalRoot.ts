/**
 * The directory of a root, and how object keys become paths below it and never elsewhere.
 */
import { containsPath } from "@sheaf/core/domain/StorageRoot"
import { escapePath, fromUserPath, toFsPath, unescapePath } from "@sheaf/core/domain/FileName"
import { constants } from "node:fs"
import { type FileHandle, lstat, open, readlink, realpath, stat } from "node:fs/promises"
import { errnoOf, failure, fromErrno } from "./LocalFailure.ts"

/** The longest path that Linux and macOS take, in bytes; a longer one fails anyway, but only after the bytes were written. */
const MAX_PATH_BYTES = process.platform === "linux" ? 4095 : 1023
const MAX_NAME_BYTES = 255

/** Where this driver keeps unfinished objects; no key. */
export const TEMPORARY_FOLDER = ".sheaf/tmp"

/** What a file's stat says, with times in nanoseconds. */
export type FileStat = Awaited<ReturnType<typeof statExactly>>
const statExactly = (path: string) => lstat(path, { bigint: true })

export class LocalRoot {
  /** Absolute, symlinks resolved. */
  readonly path: string
  readonly readOnly: boolean
  /** The path as a latin1 string of its bytes, "" for `/`, so that `base/…` is a path. */
  readonly base: string
  readonly maxKeyBytes: number
  readonly #dev: bigint
  readonly #ino: bigint

  constructor(path: string, identity: { readonly dev: bigint; readonly ino: bigint }, readOnly: boolean) {
    this.path = path
    this.readOnly = readOnly
    this.base = path === "/" ? "" : fromUserPath(path)
    this.maxKeyBytes = MAX_PATH_BYTES - this.base.length - 1
    this.#dev = identity.dev
    this.#ino = identity.ino
  }

  /** The path of a key, as a latin1 string of its bytes; fails with `KeyInvalid`. */
  pathOf(operation: string, key: string): string {
    const refuse = (reason: string) => failure("KeyInvalid", operation, key, reason)
    if (key === "") throw refuse("the key is empty")
    const raw = unescapePath(key)
    if (raw.includes("\0")) throw refuse("no file name can contain a NUL byte")
    if (escapePath(raw) !== key) throw refuse("it is not the normal form of a file's name")
    for (const segment of raw.split("/")) {
      if (segment === "" || segment === "." || segment === "..") throw refuse("a key is a relative path without empty, . and .. segments")
      if (segment.length > MAX_NAME_BYTES) throw refuse(`a file name has at most ${MAX_NAME_BYTES} bytes`)
    }
    if (raw.length > this.maxKeyBytes) throw refuse(`the path would be longer than ${MAX_PATH_BYTES} bytes`)
    if (raw === TEMPORARY_FOLDER || raw.startsWith(TEMPORARY_FOLDER + "/")) throw refuse(`${TEMPORARY_FOLDER}/ holds this driver's unfinished objects`)
    return `${this.base}/${raw}`
  }

  /** Whether the directory is still the one that was opened: not gone, and not the bare mount point of a disk that is. */
  async isThere(): Promise<boolean> {
    try {
      const found = await stat(this.path, { bigint: true })
      return found.dev === this.#dev && found.ino === this.#ino
    } catch {
      return false
    }
  }

  async checkThere(operation: string, key: string): Promise<void> {
    if (!(await this.isThere())) throw failure("Unavailable", operation, key, `the directory ${this.path} is gone, or another one stands in its place`)
  }

  /** The failure behind a thrown error; a missing object in a missing root is `Unavailable`. */
  async explain(operation: string, key: string, cause: unknown): Promise<Error> {
    const known = fromErrno(operation, key, cause)
    if (known.kind !== "NotFound") return known
    return this.checkThere(operation, key).then(() => known, (gone: Error) => gone)
  }

  contains(realPath: string): boolean {
    return containsPath(this.base || "/", realPath)
  }

  /** The real path of something below the root; refuses what symlinks lead out of it. */
  async resolve(operation: string, key: string, path: string): Promise<string> {
    const real = await realpath(toFsPath(path), "latin1")
    if (!this.contains(real)) throw failure("PermissionDenied", operation, key, "a symbolic link on its path leads out of the storage root")
    return real
  }

  /** Real path and stat of the regular file at a key. */
  async find(operation: string, key: string): Promise<{ readonly path: string; readonly stat: FileStat }> {
    const path = await this.resolve(operation, key, this.pathOf(operation, key))
    const found = await lstat(toFsPath(path), { bigint: true })
    if (!found.isFile()) throw failure("NotFound", operation, key, "what stands there is not a regular file")
    return { path, stat: found }
  }

  /** Opens the regular file at a key for reading. */
  async open(operation: string, key: string): Promise<{ readonly file: FileHandle; readonly stat: FileStat }> {
    const path = await this.resolve(operation, key, this.pathOf(operation, key))
    // Without waiting for the writer of a FIFO.
    const file = await open(toFsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const found = await file.stat({ bigint: true })
      if (!found.isFile()) throw failure("NotFound", operation, key, "what stands there is not a regular file")
      await this.#checkOpened(operation, key, file)
      return { file, stat: found }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** A folder on the path may have been exchanged for a symlink since it was resolved; the kernel says what was really opened. */
  async #checkOpened(operation: string, key: string, file: FileHandle): Promise<void> {
    if (process.platform !== "linux") return
    const opened = await readlink(`/proc/self/fd/${file.fd}`, "latin1").catch(() => null)
    if (opened !== null && !this.contains(opened)) throw failure("PermissionDenied", operation, key, "its path was changed to lead out of the storage root")
  }

  /** The deepest existing folder at or above a path of the root has to be inside it. */
  async checkFolder(operation: string, key: string, folder: string): Promise<void> {
    for (let at = folder; ; at = at.slice(0, at.lastIndexOf("/"))) {
      try {
        await this.resolve(operation, key, at || "/")
        return
      } catch (error) {
        if (errnoOf(error) !== "ENOENT" || at.length <= this.base.length) throw error
      }
    }
  }
}

/** A version token from what changes when other bytes are put in place: the file itself, its size or its time. */
export const versionOf = (found: Pick<FileStat, "dev" | "ino" | "size" | "mtimeNs">): string =>
  [found.dev, found.ino, found.size, found.mtimeNs].map((n) => n.toString(36)).join("-")
