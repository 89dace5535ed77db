/**
 * The stat cache: which files were hashed before, so that an unchanged file is recognised without being opened.
 *
 * It is a local cache beside the registry (`.sheaf/cache/stat-*.seg`) and can be deleted at any time: an entry says "the file that stood at this
 * path with this device, inode, size, mtime and ctime had this hash", which stays true whatever happens to the registry.
 *
 * A segment is a series of blocks (see `StatBlock`). Blocks stand alone, so a segment cut short by a crash is good up to its last whole block. The
 * blocks of one run complete one another; of runs that overlap, the newest wins for the whole range of names that its blocks cover.
 */
import { createHash } from "node:crypto"
import { closeSync, openSync, readdirSync, readSync, writeSync } from "node:fs"
import { basename, join } from "node:path"
import { crc32 } from "node:zlib"
import { Block, HEADER } from "./StatBlock.ts"

/** A block that claims to be larger is not one of ours. */
const MAX_BLOCK = 64 * 1024 * 1024

const directoryHash = (directory: string): bigint => createHash("md5").update(directory, "latin1").digest().readBigUInt64LE(0)

/** Where every block is: sorted by directory hash, then age. Holds 24 bytes a block, in memory that worker threads share. */
export interface StatCacheIndex {
  readonly files: ReadonlyArray<string>
  readonly count: number
  readonly hashes: BigUint64Array
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  readonly segments: Uint32Array
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(Math.max(bytes, 8))

const SEGMENT_NAME = /^stat-.*\.seg$/

/** Name of a segment of a run: each of its threads writes its own. */
export const segmentName = (run: string, thread: number): string => `${run}-${thread}`

const runOf = (file: string): string => basename(file).replace(/-[^-]*\.seg$/, "")

/** Segments of a cache folder, oldest first. */
export const segmentsIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder).filter((n) => SEGMENT_NAME.test(n)).sort().map((n) => join(folder, n))
  } catch {
    return []
  }
}

/** Reads where the blocks of all segments are. A segment that cannot be read is left out: the cache only saves work. */
export const openStatCache = (folder: string): StatCacheIndex => {
  const files = segmentsIn(folder)
  const found: Array<{ hash: bigint; offset: number; length: number; segment: number }> = []
  files.forEach((file, segment) => {
    try {
      scanSegment(file, (hash, offset, length) => void found.push({ hash, offset, length, segment }))
    } catch {
      // Unreadable: its files are hashed again.
    }
  })
  found.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.segment - b.segment || a.offset - b.offset))
  const n = found.length
  const index: StatCacheIndex = {
    files,
    count: n,
    hashes: new BigUint64Array(shared(n * 8)),
    offsets: new Float64Array(shared(n * 8)),
    lengths: new Uint32Array(shared(n * 4)),
    segments: new Uint32Array(shared(n * 4))
  }
  found.forEach((f, i) => {
    index.hashes[i] = f.hash
    index.offsets[i] = f.offset
    index.lengths[i] = f.length
    index.segments[i] = f.segment
  })
  return index
}

const scanSegment = (file: string, block: (hash: bigint, offset: number, length: number) => void): void => {
  const fd = openSync(file, "r")
  try {
    const window = Buffer.allocUnsafe(1024 * 1024)
    let start = 0
    let filled = readSync(fd, window, 0, window.length, 0)
    let at = 0
    const need = (bytes: number): boolean => {
      if (at - start + bytes <= filled) return true
      start = at
      filled = readSync(fd, window, 0, window.length, at)
      return filled >= bytes
    }
    while (need(HEADER)) {
      const o = at - start
      const length = window.readUInt32LE(o)
      const n = window.readUInt32LE(o + 8)
      const directoryLength = window.readUInt32LE(o + 12)
      if (length < HEADER || length > MAX_BLOCK || length % 8 !== 0 || HEADER + n * 40 + directoryLength > length) return
      const directory = Buffer.allocUnsafe(directoryLength)
      const directoryAt = at + HEADER + n * 40
      const inWindow = directoryAt - start
      if (inWindow + directoryLength <= filled) window.copy(directory, 0, inWindow, inWindow + directoryLength)
      else if (readSync(fd, directory, 0, directoryLength, directoryAt) < directoryLength) return
      block(createHash("md5").update(directory).digest().readBigUInt64LE(0), at, length)
      at += length
    }
  } finally {
    closeSync(fd)
  }
}

/** Looks files up; one per thread. */
export class StatCacheReader {
  readonly #index: StatCacheIndex
  readonly #fds: Array<number | undefined> = []
  #ranges: { readonly directory: string; readonly blocks: ReadonlyArray<{ readonly at: number; readonly first: string; readonly last: string }> } | undefined

  constructor(index: StatCacheIndex) {
    this.#index = index
  }

  /** Blocks of a directory that cover names between `first` and `last`, oldest first. */
  blocks(directory: string, first: string, last: string): ReadonlyArray<Block> {
    const index = this.#index
    if (index.count === 0) return []
    if (this.#ranges?.directory === directory) {
      return this.#ranges.blocks.filter((r) => r.first <= last && r.last >= first).flatMap((r) => this.blockAt(r.at) ?? [])
    }
    const hash = directoryHash(directory)
    let lo = 0
    let hi = index.count
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if (index.hashes[mid]! < hash) lo = mid + 1
      else hi = mid
    }
    const found: Array<Block> = []
    const ranges: Array<{ at: number; first: string; last: string }> = []
    for (let i = lo; i < index.count && index.hashes[i] === hash; i++) {
      const block = this.blockAt(i)
      if (block === null || block.directory !== directory) continue
      ranges.push({ at: i, first: block.first, last: block.last })
      if (block.first <= last && block.last >= first) found.push(block)
    }
    // A wide directory is asked for many times, a range at a time: which blocks to read is worth remembering.
    this.#ranges = ranges.length > 4 ? { directory, blocks: ranges } : undefined
    return found
  }

  /** The block at a place of the index, or null when it cannot be read whole. */
  blockAt(i: number): Block | null {
    const index = this.#index
    const segment = index.segments[i]!
    try {
      const fd = this.#fds[segment] ??= openSync(index.files[segment]!, "r")
      const bytes = Buffer.from(new ArrayBuffer(index.lengths[i]!))
      if (readSync(fd, bytes, 0, bytes.length, index.offsets[i]!) < bytes.length) return null
      if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) return null
      return new Block(bytes, runOf(index.files[segment]!))
    } catch {
      return null
    }
  }

  close(): void {
    for (const fd of this.#fds) if (fd !== undefined) closeSync(fd)
    this.#fds.length = 0
  }
}

/** The entries of one directory over a range of names, the newest block winning; asked in name order. */
export class StatLookup {
  readonly #blocks: ReadonlyArray<Block>
  readonly #positions: Array<number>
  /** Entries in the range, when one block holds them all; -1 otherwise. */
  readonly known: number

  constructor(blocks: ReadonlyArray<Block>, first: string, last: string) {
    this.#blocks = blocks
    this.#positions = blocks.map(() => 0)
    let known = -1
    if (blocks.length === 1) {
      known = 0
      for (const name of blocks[0]!.names) if (name >= first && name <= last) known++
    }
    this.known = known
  }

  /** The newest entry for a name, or null. Names must be asked in ascending order. */
  find(name: string): { readonly block: Block; readonly entry: number } | null {
    let covering: string | null = null
    for (let b = this.#blocks.length - 1; b >= 0; b--) {
      const block = this.#blocks[b]!
      if (name < block.first || name > block.last) continue
      if (covering !== null && covering !== block.run) return null
      covering = block.run
      let at = this.#positions[b]!
      const names = block.names
      while (at < names.length && names[at]! < name) at++
      this.#positions[b] = at
      if (names[at] === name) return { block, entry: at }
    }
    return null
  }
}

/** A segment being written by this process, a block at a time. */
export class SegmentWriter {
  readonly path: string
  #fd: number | undefined

  constructor(folder: string, name: string) {
    this.path = join(folder, `stat-${name}.seg`)
  }

  append(block: Buffer): void {
    this.#fd ??= openSync(this.path, "ax")
    writeSync(this.#fd, block)
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
