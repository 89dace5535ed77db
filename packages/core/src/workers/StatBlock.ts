/**
 * A block of the stat cache: the hashed files of one directory within one range of names, in name order.
 *
 *     u32 length of the block in bytes, a multiple of 8 · u32 CRC-32 of what follows · u32 number of entries
 *     u32 length of directory · u32 length of names · u32 length of hashes · 8 reserved bytes
 *     then u64 dev, ino, size, mtime ns, ctime ns, an array each
 *     then directory, names joined by "/", hashes joined by "/" (each `<type letter><digest>`), latin1
 *
 * Paths and names are latin1 strings of their bytes.
 */
import { crc32 } from "node:zlib"
import type { HashType } from "../domain/ContentHash.ts"

/** Bytes before the arrays. */
export const HEADER = 32

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
