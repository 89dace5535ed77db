/**
 * A file of any size as a stream of pieces, hashed as they pass, without holding up the thread or memory.
 */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { ContentHash } from "../domain/ContentHash.ts"
import { toFsPath } from "../domain/FileName.ts"
import type { Hasher } from "../ports/Hashing.ts"
import type { FileStamp } from "./StatBlock.ts"

/** Bytes of a piece. */
const PIECE = 1024 * 1024

/** The file is not what it was when reading began: device, inode, size, mtime or ctime differ. */
export class ChangedWhileRead extends Error {}

export interface FileHashing {
  readonly create: (size: number) => Hasher
  readonly typeFor: (size: number) => ContentHash["type"]
}

export class HashedFile {
  readonly #path: string
  readonly #hashing: FileHashing
  /** Of the last complete reading. */
  content: ContentHash | null = null
  /** What stopped the last reading. */
  problem: unknown = null

  /** `path` is a latin1 string of its bytes. */
  constructor(path: string, hashing: FileHashing) {
    this.#path = path
    this.#hashing = hashing
  }

  /** Reads from the start; may be done again. Ends with `content` set, or throws. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    this.content = null
    this.problem = null
    let file: FileHandle | undefined
    try {
      file = await open(toFsPath(this.#path), constants.O_RDONLY | constants.O_NONBLOCK)
      const before = await file.stat({ bigint: true })
      const size = Number(before.size)
      const hasher = this.#hashing.create(size)
      for (let done = 0; done < size;) {
        // Whoever takes a piece may keep it, so the next one has a buffer of its own.
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(Math.min(PIECE, size - done)))
        if (bytesRead === 0) throw new ChangedWhileRead()
        done += bytesRead
        const piece = buffer.subarray(0, bytesRead)
        hasher.update(piece)
        yield piece
      }
      if (!isSame(before, await file.stat({ bigint: true }))) throw new ChangedWhileRead()
      this.content = { hash: hasher.digest(), type: this.#hashing.typeFor(size), size }
    } catch (error) {
      this.problem = error
      throw error
    } finally {
      await file?.close()
    }
  }
}

const isSame = (a: FileStamp, b: FileStamp): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev
