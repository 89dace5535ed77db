/**
 * Compares copies in a local root with their recorded hashes, in synchronous file calls into one reused buffer. Free of Effect, because worker threads
 * load this file.
 *
 * A small file that is good costs one open, one read, one hash and one close; whatever is unusual is looked at a second time, carefully.
 */
import { closeSync, constants, lstatSync, openSync, readSync, realpathSync } from "node:fs"
import type { HashAlgorithm, HashType } from "../domain/ContentHash.ts"
import { toFsPath, unescapePath } from "../domain/FileName.ts"
import { containsPath } from "../domain/StorageRoot.ts"
import { type FileReader, fileReader, type FileReading } from "./FileReader.ts"
import { hashBytesAs } from "./HashAlgorithms.ts"
import type { VerifyFinding, VerifyTask } from "./VerifyProtocol.ts"

/** Bytes; larger files are read piece by piece. */
const SMALL = 1024 * 1024
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** A finding without its place in the batch. */
type Finding = VerifyFinding extends infer F ? (F extends VerifyFinding ? Omit<F, "at"> : never) : never

const ALGORITHM_OF: Readonly<Record<string, HashAlgorithm>> = { md5: "md5", sha256: "sha256", "sha256-tree": "sha256-tree", "sha1-fl": "lamindb" }

const MISSING: Finding = { type: "missing" }
const STOPPED: Finding = { type: "unread", code: "Stopped", reason: "the verification was stopped" }
const OUTSIDE: Finding = { type: "unread", code: "OutsideRoot", reason: "a symbolic link on its path leads out of the storage root" }

export interface CopyCheck {
  readonly run: (task: VerifyTask) => Array<VerifyFinding>
  /** Ends helper threads, if any. */
  readonly close: () => void
}

export const copyCheck = (options: {
  /** Asked between the pieces of a large file and between files. */
  readonly stopped: () => boolean
  readonly onBytes: (bytes: number) => void
  readonly onCopy: () => void
}): CopyCheck => {
  const readers = new Map<HashAlgorithm, FileReader>()
  const readerFor = (algorithm: HashAlgorithm): FileReader => {
    let reader = readers.get(algorithm)
    if (reader === undefined) readers.set(algorithm, reader = fileReader({ algorithm, followSymlinks: false, stopped: options.stopped, onBytes: options.onBytes }))
    return reader
  }
  // Copies come in the order of their paths: what was found out about a folder or a file holds for the next ones.
  let folder: string | null = null
  let folderProblem: Finding | null = null
  let lastPath: string | null = null
  let lastReading: FileReading | null = null
  let lastAlgorithm: HashAlgorithm | null = null

  const checkFolder = (base: string, path: string): Finding | null => {
    const parent = path.slice(0, path.lastIndexOf("/"))
    if (parent !== folder) {
      folder = parent
      folderProblem = problemOf(base, parent)
    }
    return folderProblem
  }

  const read = (base: string, path: string, algorithm: HashAlgorithm): FileReading => {
    if (path === lastPath && algorithm === lastAlgorithm) return lastReading!
    const reader = readerFor(algorithm)
    let reading = reader.read(path, { limit: Number.MAX_SAFE_INTEGER, copy: null })
    if (reading.type === "symlink") {
      const real = realPathOf(path)
      if (real !== null && containsPath(base || "/", real)) reading = reader.read(real, { limit: Number.MAX_SAFE_INTEGER, copy: null })
    }
    lastPath = path
    lastAlgorithm = algorithm
    lastReading = reading
    return reading
  }

  // One more than a small file has, so that one that has grown shows.
  const buffer = Buffer.allocUnsafeSlow(SMALL + 1)
  // Files of a run often have one size.
  let content = buffer.subarray(0, 0)

  const isGood = (path: string, size: number, type: HashType, hash: string): boolean => {
    try {
      const file = openSync(toFsPath(path), FLAGS)
      try {
        // A regular file that gives fewer bytes than were asked for has no more. What else there is gives none, or other ones.
        if (readSync(file, buffer, 0, size + 1, null) !== size) return false
        if (content.length !== size) content = buffer.subarray(0, size)
        if (hashBytesAs(type, content) !== hash) return false
      } finally {
        closeSync(file)
      }
    } catch {
      return false
    }
    options.onBytes(size)
    return true
  }

  const check = (base: string, path: string, size: number, type: HashType, hash: string): Finding | null => {
    const outside = checkFolder(base, path)
    if (outside !== null) return outside
    if (size <= SMALL && size > 0 && isGood(path, size, type, hash)) return null
    const algorithm = ALGORITHM_OF[type]
    if (algorithm === undefined) return checkSize(path, size)
    const reading = read(base, path, algorithm)
    switch (reading.type) {
      case "content": {
        const { content } = reading
        if (content.hash === hash && content.size === size && content.type === type) return null
        return { type: "damaged", found: content.type === type && content.hash !== hash ? content.hash : described(content) }
      }
      case "failed":
        return reading.code === "ENOENT" || reading.code === "ENOTDIR" ? MISSING : { type: "unread", code: reading.code, reason: reading.message }
      case "symlink":
        return realPathOf(path) === null ? MISSING : OUTSIDE
      case "not regular":
        return { type: "damaged", found: "no regular file" }
      case "stopped":
      case "large":
        return STOPPED
    }
  }

  return {
    run: ({ base, copies }) => {
      const findings: Array<VerifyFinding> = []
      // A file may have changed since the last batch.
      lastPath = null
      folder = null
      const lines = copies.split("\n")
      for (let at = 0; at < lines.length; at++) {
        const [objectKey, size, type, hash] = lines[at]!.split("\t") as [string, string, HashType, string]
        const finding = options.stopped() ? STOPPED : check(base, `${base}/${unescapePath(objectKey)}`, Number(size), type, hash)
        if (finding !== null) findings.push({ at, ...finding } as VerifyFinding)
        options.onCopy()
      }
      return findings
    },
    close: () => {
      for (const reader of readers.values()) reader.close()
    }
  }
}

const described = ({ hash, size, type }: { readonly hash: string; readonly size: number; readonly type: string }): string => `${hash} (${type}, ${size} bytes)`

/** What keeps everything in a folder from being looked at. */
const problemOf = (base: string, folder: string): Finding | null => {
  try {
    const real = realpathSync.native(toFsPath(folder || "/"), "latin1")
    return containsPath(base || "/", real) ? null : OUTSIDE
  } catch (error) {
    const { code = "EUNKNOWN", message } = error as NodeJS.ErrnoException
    return code === "ENOENT" || code === "ENOTDIR" ? MISSING : { type: "unread", code, reason: message }
  }
}

const realPathOf = (path: string): string | null => {
  try {
    return realpathSync.native(toFsPath(path), "latin1")
  } catch {
    return null
  }
}

const checkSize = (path: string, size: number): Finding => {
  const found = lstatSync(toFsPath(path), { throwIfNoEntry: false })
  if (found === undefined) return MISSING
  if (!found.isFile()) return { type: "damaged", found: "no regular file" }
  return found.size === size ? { type: "size only" } : { type: "damaged", found: `${found.size} bytes` }
}
