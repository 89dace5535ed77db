/**
 * Reads one file once: hash, size and, where wanted, a copy, all from the same bytes.
 *
 * A file that changes meanwhile (device, inode, size, mtime or ctime differ before and after) is read again, three times, and then reported.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statSync } from "node:fs"
import { type HashAlgorithm, type HashType, hashTypeFor, TREE_CHUNK } from "../domain/ContentHash.ts"
import { toFsPath } from "../domain/FileName.ts"
import type { PartDigests, PartSizes } from "../domain/ObjectParts.ts"
import { createHasher, hashBytes } from "./HashAlgorithms.ts"
import type { OpenObject } from "./ObjectWriter.ts"
import { partHashing } from "./PartHashing.ts"
import { readBuffer } from "./ReadBuffer.ts"
import { type FileStamp, isSettled } from "./StatBlock.ts"
import { TreeHashing } from "./TreeHashing.ts"

/** Bytes read at a time; a file up to this size is hashed in one call. */
const BUFFER = 1024 * 1024
/** Bytes of a larger file read at a time: fits a core's own cache. */
const PIECE = 256 * 1024
/** Files from this size on are hashed by several threads where the algorithm allows it. */
const SHARED_FROM = 4 * TREE_CHUNK
/** How often a file that changes while it is read is tried. */
export const READ_ATTEMPTS = 3

export type FileReading =
  | {
    readonly type: "content"
    readonly content: { readonly hash: string; readonly type: HashType; readonly size: number }
    readonly stamp: FileStamp
    /** Where the copy stands; null when none was asked for. */
    readonly objectKey: string | null
    /** Digests of its parts, where they were taken. */
    readonly parts: PartDigests | null
  }
  /** Over the limit: not read. */
  | { readonly type: "large" }
  | { readonly type: "not regular" }
  | { readonly type: "symlink" }
  /** Given up because the run is being stopped at once. */
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly code: string; readonly message: string }

/** Where a copy goes: opened when the bytes begin to flow, named when the hash is known. */
export interface CopySink {
  readonly open: () => OpenObject
}

export interface ReadOptions {
  /** Files of more bytes than this are not read. */
  readonly limit: number
  readonly copy: CopySink | null
}

export interface FileReader {
  /** Paths are latin1 strings of their bytes. */
  readonly read: (path: string, options: ReadOptions) => FileReading
  /** The stamp of a regular file without opening it; null for anything else. */
  readonly stampOf: (path: string) => FileStamp | null
  /** Ends helper threads, if any. */
  readonly close: () => void
}

interface LargeReading {
  readonly hash: string
  readonly type: HashType
  readonly objectKey: string | null
  readonly parts: PartDigests | null
}

const isSame = (a: FileStamp, b: FileStamp): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev

const failed = (operation: string, error: unknown): FileReading => {
  const { code = "EUNKNOWN", message } = error as NodeJS.ErrnoException
  return { type: "failed", code, message: `cannot ${operation} the file: ${message}` }
}

export const fileReader = (options: {
  readonly algorithm: HashAlgorithm
  readonly followSymlinks: boolean
  /** In which parts files will be sent, so that digests of these are taken. Default: none are. */
  readonly parts?: PartSizes | null
  /** Asked between the pieces of a large file. */
  readonly stopped: () => boolean
  readonly onBytes: (bytes: number) => void
}): FileReader => {
  const { algorithm, followSymlinks, onBytes, parts: partSizes = null, stopped } = options
  // One more than the limit, so that a file that has grown shows.
  const buffer = readBuffer(BUFFER + 1)
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followSymlinks ? 0 : constants.O_NOFOLLOW)

  /**
   * A file that fits the buffer, in one read. When it last changed well before it was opened it cannot have changed while it was read, and one look
   * at its stamp tells that; otherwise, or for a larger file, null.
   */
  const readSmall = (fd: number, copy: CopySink | null): FileReading | null => {
    const openedNs = BigInt(Date.now()) * 1_000_000n
    let length = 0
    try {
      length = readSync(fd, buffer, 0, BUFFER + 1, 0)
    } catch (error) {
      // A directory, or a pipe that has put itself in the file's place.
      if (!fstatSync(fd).isFile()) return { type: "not regular" }
      throw error
    }
    const stamp = fstatSync(fd, { bigint: true })
    if (!stamp.isFile()) return { type: "not regular" }
    if (length > BUFFER || Number(stamp.size) !== length || !isSettled(stamp, openedNs)) return null
    const bytes = buffer.subarray(0, length)
    const { hash, type } = hashBytes(algorithm, bytes)
    onBytes(length)
    if (copy === null) return { type: "content", content: { hash, type, size: length }, stamp, objectKey: null, parts: null }
    const object = copy.open()
    object.write(bytes)
    return { type: "content", content: { hash, type, size: length }, stamp, objectKey: object.finish(hash), parts: null }
  }

  const readLarge = (fd: number, size: number, copy: CopySink | null): LargeReading | "stopped" | null => {
    const hasher = createHasher(algorithm, size)
    const parts = partHashing(partSizes, size)
    const object = copy === null ? null : copy.open()
    let done = 0
    try {
      for (;;) {
        if (stopped()) {
          object?.discard()
          return "stopped"
        }
        const n = readSync(fd, buffer, 0, PIECE, done)
        if (n === 0) break
        done += n
        if (done > size) break
        const bytes = buffer.subarray(0, n)
        hasher.update(bytes)
        parts?.update(bytes)
        object?.write(bytes)
        onBytes(n)
      }
    } catch (error) {
      object?.discard()
      throw error
    }
    if (done !== size) {
      object?.discard()
      onBytes(-done)
      return null
    }
    const hash = hasher.digest()
    return { hash, type: hashTypeFor(algorithm, size), objectKey: object === null ? null : object.finish(hash), parts: parts === null ? null : parts.digests() }
  }

  let trees: TreeHashing | undefined

  /** One large file by several threads. */
  const readTree = (fd: number, size: number, copy: CopySink | null): LargeReading | null => {
    trees ??= new TreeHashing()
    const object = copy === null ? null : copy.open()
    let hash: string | null
    try {
      hash = trees.hash(fd, size, object?.descriptor ?? null)
    } catch (error) {
      object?.discard()
      throw error
    }
    if (hash === null) {
      object?.discard()
      return null
    }
    onBytes(size)
    return { hash, type: "sha256-tree", objectKey: object === null ? null : object.finish(hash), parts: null }
  }

  const readOnce = (fd: number, { copy, limit }: ReadOptions): FileReading | null => {
    const before = fstatSync(fd, { bigint: true })
    if (!before.isFile()) return { type: "not regular" }
    const size = Number(before.size)
    if (size > limit) return { type: "large" }
    let object: OpenObject | undefined
    const sink: CopySink | null = copy === null ? null : { open: () => (object = copy.open()) }
    const read = algorithm === "sha256-tree" && size > SHARED_FROM ? readTree(fd, size, sink) : readLarge(fd, size, sink)
    if (read === "stopped") return { type: "stopped" }
    if (read === null) return null
    const after = fstatSync(fd, { bigint: true })
    if (!isSame(before, after)) {
      object?.remove()
      onBytes(-size)
      return null
    }
    return { type: "content", content: { hash: read.hash, type: read.type, size }, stamp: after, objectKey: read.objectKey, parts: read.parts }
  }

  const read = (path: string, readOptions: ReadOptions): FileReading => {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      let fd: number
      try {
        fd = openSync(toFsPath(path), flags)
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code === "ELOOP" && !followSymlinks) return { type: "symlink" }
        // A socket, or a device without a driver.
        if (code === "ENXIO" || code === "ENODEV") return { type: "not regular" }
        return failed("open", error)
      }
      try {
        const reading = readSmall(fd, readOptions.copy) ?? readOnce(fd, readOptions)
        if (reading !== null) return reading
      } catch (error) {
        if ((error as { operation?: unknown }).operation !== undefined) throw error
        return failed("read", error)
      } finally {
        closeSync(fd)
      }
    }
    return { type: "failed", code: "FileChanged", message: `it changed while it was read, ${READ_ATTEMPTS} times in a row` }
  }

  const stampOf = (path: string): FileStamp | null => {
    const stats = (followSymlinks ? statSync : lstatSync)(toFsPath(path), { bigint: true, throwIfNoEntry: false })
    return stats !== undefined && stats.isFile() ? stats : null
  }

  return { read, stampOf, close: () => trees?.close() }
}
