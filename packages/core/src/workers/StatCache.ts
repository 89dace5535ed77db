/**
 * The stat cache: which files were hashed before, so that an unchanged file is recognised without being opened.
 *
 * It is a local cache beside the registry (`.sheaf/cache/stat-*.seg`) and can be deleted at any time: an entry says "the file that stood at this
 * path with this device, inode, size, mtime and ctime had this hash", which stays true whatever happens to the registry.
 *
 * A segment is a series of blocks. A block holds the files of one directory within one range of names, in name order:
 *
 *     u32 length of the block in bytes, a multiple of 8 · u32 CRC-32 of what follows · u32 number of entries
 *     u32 length of directory · u32 length of names · u32 length of hashes · 8 reserved bytes
 *     then u64 dev, ino, size, mtime ns, ctime ns, an array each
 *     then directory, names joined by "/", hashes joined by "/" (each `<type letter><digest>`), latin1
 *
 * Blocks stand alone, so a segment cut short by a crash is good up to its last whole block. The blocks of one run complete one another; of runs that
 * overlap, the newest wins for the whole range of names that its blocks cover. Paths and names are latin1 strings of their bytes.
 */
import { createHash } from "node:crypto"
import { closeSync, openSync, readdirSync, readSync, statSync, unlinkSync, writeSync } from "node:fs"
import { basename, join } from "node:path"
import { crc32 } from "node:zlib"
import type { HashType } from "../domain/ContentHash.ts"

const HEADER = 32
/** A block that claims to be larger is not one of ours. */
const MAX_BLOCK = 64 * 1024 * 1024

const TYPE_LETTERS: ReadonlyArray<readonly [HashType, string]> = [["md5", "m"], ["sha256", "s"], ["sha256-tree", "t"], ["sha1-fl", "l"]]
const letterOf = new Map<string, string>(TYPE_LETTERS)
const typeOf = new Map(TYPE_LETTERS.map(([type, letter]) => [letter, type]))

/** What identifies a state of a file. */
export interface FileStamp {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/**
 * Whether a stamp is old enough to be trusted: a file changed within the file system's time resolution after it was hashed can keep its stamp.
 * Kernel ticks are at most 10 ms; a file system that keeps whole seconds only is known by times without a fraction.
 */
export const isSettled = (stamp: FileStamp, nowNs: bigint): boolean => {
  const latest = stamp.mtimeNs > stamp.ctimeNs ? stamp.mtimeNs : stamp.ctimeNs
  const coarse = stamp.mtimeNs % 1_000_000_000n === 0n && stamp.ctimeNs % 1_000_000_000n === 0n
  return nowNs - latest > (coarse ? 2_100_000_000n : 100_000_000n)
}

const directoryHash = (directory: string): bigint => createHash("md5").update(directory, "latin1").digest().readBigUInt64LE(0)

/** Collects the files of one range of one directory, in name order, and gives the finished block. */
export class BlockWriter {
  #names: Array<string> = []
  #hashes: Array<string> = []
  #numbers: Array<bigint> = []

  get count(): number { return this.#names.length }

  add(name: string, stamp: FileStamp, type: HashType, digest: string): void {
    this.#names.push(name)
    this.#hashes.push(letterOf.get(type)! + digest)
    this.#numbers.push(stamp.dev, stamp.ino, stamp.size, stamp.mtimeNs, stamp.ctimeNs)
  }

  finish(directory: string): Buffer {
    const n = this.#names.length
    const names = this.#names.join("/")
    const hashes = this.#hashes.join("/")
    const length = (HEADER + n * 40 + directory.length + names.length + hashes.length + 7) & ~7
    const block = Buffer.alloc(length)
    block.writeUInt32LE(length, 0)
    block.writeUInt32LE(n, 8)
    block.writeUInt32LE(directory.length, 12)
    block.writeUInt32LE(names.length, 16)
    block.writeUInt32LE(hashes.length, 20)
    const numbers = new BigUint64Array(block.buffer, block.byteOffset + HEADER, n * 5)
    for (let i = 0; i < n; i++) for (let k = 0; k < 5; k++) numbers[k * n + i] = this.#numbers[i * 5 + k]!
    let at = HEADER + n * 40
    at += block.write(directory, at, "latin1")
    at += block.write(names, at, "latin1")
    block.write(hashes, at, "latin1")
    block.writeUInt32LE(crc32(block.subarray(8)), 4)
    return block
  }
}

/** A block as read back. */
export class Block {
  /** Which run wrote it. */
  readonly run: string
  readonly directory: string
  readonly names: ReadonlyArray<string>
  readonly #n: number
  readonly #numbers: BigUint64Array
  readonly #hashes: ReadonlyArray<string>

  constructor(bytes: Buffer, run: string) {
    this.run = run
    const n = bytes.readUInt32LE(8)
    const directoryLength = bytes.readUInt32LE(12)
    const namesLength = bytes.readUInt32LE(16)
    const hashesLength = bytes.readUInt32LE(20)
    this.#n = n
    this.#numbers = new BigUint64Array(bytes.buffer, bytes.byteOffset + HEADER, n * 5)
    let at = HEADER + n * 40
    this.directory = bytes.toString("latin1", at, at += directoryLength)
    this.names = n === 0 ? [] : bytes.toString("latin1", at, at += namesLength).split("/")
    this.#hashes = bytes.toString("latin1", at, at + hashesLength).split("/")
  }

  get first(): string { return this.names[0] ?? "" }
  get last(): string { return this.names[this.#n - 1] ?? "" }

  matches(i: number, stamp: FileStamp): boolean {
    const n = this.#n
    const numbers = this.#numbers
    return numbers[n + i] === stamp.ino && numbers[2 * n + i] === stamp.size && numbers[3 * n + i] === stamp.mtimeNs &&
      numbers[4 * n + i] === stamp.ctimeNs && numbers[i] === stamp.dev
  }

  stamp(i: number): FileStamp {
    const n = this.#n
    const at = (k: number) => this.#numbers[k * n + i]!
    return { dev: at(0), ino: at(1), size: at(2), mtimeNs: at(3), ctimeNs: at(4) }
  }

  hash(i: number): { readonly type: HashType; readonly digest: string } {
    const text = this.#hashes[i]!
    return { type: typeOf.get(text[0]!) ?? "md5", digest: text.slice(1) }
  }
}

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
const segmentsIn = (folder: string): ReadonlyArray<string> => {
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

/** More segments than this are merged into one. */
const MAX_SEGMENTS = 8

/**
 * Merges segments when there are many: each directory's newest entries, without directories that no longer exist. One directory is in memory at
 * a time. Two processes that do it at once both leave a whole cache.
 */
export const compactStatCache = (folder: string, name: string): void => {
  if (segmentsIn(folder).length <= MAX_SEGMENTS) return
  const index = openStatCache(folder)
  const reader = new StatCacheReader(index)
  const writer = new SegmentWriter(folder, segmentName(name, 0))
  try {
    for (let i = 0; i < index.count;) {
      const hash = index.hashes[i]!
      const blocks: Array<Block> = []
      for (; i < index.count && index.hashes[i] === hash; i++) {
        const block = reader.blockAt(i)
        if (block !== null) blocks.push(block)
      }
      for (const directory of new Set(blocks.map((b) => b.directory))) {
        if (exists(directory)) writeMerged(writer, directory, blocks.filter((b) => b.directory === directory))
      }
    }
  } finally {
    writer.close()
    reader.close()
  }
  for (const file of index.files) {
    if (file !== writer.path) unlinkSync(file)
  }
}

const exists = (directory: string): boolean => statSync(Buffer.from(directory, "latin1"), { throwIfNoEntry: false }) !== undefined

/** Entries a merged block holds at most. */
const MERGED_BLOCK = 1024

const writeMerged = (writer: SegmentWriter, directory: string, blocks: ReadonlyArray<Block>): void => {
  const entries: Array<{ readonly name: string; readonly block: Block; readonly entry: number }> = []
  const covered = new NameRanges()
  for (const run of [...new Set(blocks.map((block) => block.run))].reverse()) {
    const ofRun = blocks.filter((block) => block.run === run)
    for (const block of ofRun) {
      block.names.forEach((name, entry) => {
        if (!covered.has(name)) entries.push({ name, block, entry })
      })
    }
    for (const block of ofRun) covered.add(block.first, block.last)
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (let i = 0; i < entries.length; i += MERGED_BLOCK) {
    const out = new BlockWriter()
    for (const { block, entry, name } of entries.slice(i, i + MERGED_BLOCK)) {
      const { digest, type } = block.hash(entry)
      out.add(name, block.stamp(entry), type, digest)
    }
    writer.append(out.finish(directory))
  }
}

/** Disjoint ranges of names, in order. */
class NameRanges {
  #ranges: Array<{ first: string; last: string }> = []

  /** Index of the first range that does not end before `name`. */
  #search(name: string): number {
    let lo = 0
    let hi = this.#ranges.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if (this.#ranges[mid]!.last < name) lo = mid + 1
      else hi = mid
    }
    return lo
  }

  has(name: string): boolean {
    const range = this.#ranges[this.#search(name)]
    return range !== undefined && range.first <= name
  }

  add(first: string, last: string): void {
    const from = this.#search(first)
    let to = from
    while (to < this.#ranges.length && this.#ranges[to]!.first <= last) to++
    const touched = this.#ranges.slice(from, to)
    this.#ranges.splice(from, to - from, {
      first: touched.length > 0 && touched[0]!.first < first ? touched[0]!.first : first,
      last: touched.length > 0 && touched.at(-1)!.last > last ? touched.at(-1)!.last : last
    })
  }
}
