/**
 * Seeded pseudo-random numbers and bytes. Nothing here asks the operating system: the same seed gives the same data on every machine.
 *
 * Numbers come from sfc32 (a small fast counting generator, 128 bits of state); bytes come from AES-128 in counter mode, keyed by
 * the seed, because its hardware instructions are the fastest generator that Node has and any content can be made without those before it.
 */
import { createCipheriv } from "node:crypto"

/** A stream of seeded numbers. */
export interface Prng {
  /** A whole number between 0 and 2^32 - 1. */
  readonly uint32: () => number
  /** A number at least 0 and below 1, of 32 random bits. */
  readonly float: () => number
  /** A whole number at least 0 and below `limit`. */
  readonly below: (limit: number) => number
  /** One element of a list that is not empty. */
  readonly pick: <A>(list: readonly A[]) => A
  /** A number of the standard normal distribution (Box-Muller). */
  readonly normal: () => number
}

/** The stream of numbers of a seed; `label` tells apart streams of one seed. */
export const makePrng = (seed: number, label = ""): Prng => {
  let a = seed | 0
  let b = hashLabel(label) | 0
  let c = 0x9e3779b9 | 0
  let d = 1
  const uint32 = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 15; i++) uint32()
  const float = () => uint32() / 0x1_0000_0000
  const below = (limit: number) => Math.floor(float() * limit)
  return {
    uint32,
    float,
    below,
    pick: (list) => list[below(list.length)]!,
    normal: () => Math.sqrt(-2 * Math.log(1 - float())) * Math.cos(2 * Math.PI * float())
  }
}

/** Reads the bytes of one content in pieces. */
interface ByteStream {
  /** The next `length` bytes, in a buffer of its own. */
  readonly next: (length: number) => Buffer
}

/** Makes the bytes of numbered contents: content `n` of a seed always has the same bytes. */
export interface SeededBytes {
  /** The first `length` bytes of content `n`. */
  readonly content: (n: number, length: number) => Buffer
  /** Content `n` from its start, for files too large to hold. */
  readonly stream: (n: number) => ByteStream
}

/** The bytes of a seed; `label` tells apart families of contents. */
export const makeSeededBytes = (seed: number, label = ""): SeededBytes => {
  const numbers = makePrng(seed, `bytes:${label}`)
  const key = Buffer.alloc(16)
  for (let i = 0; i < 16; i += 4) key.writeUInt32LE(numbers.uint32(), i)
  const zeros = Buffer.alloc(PIECE)
  const cipher = (n: number) => {
    // The content's number fills the upper half of the counter block, so two contents meet only after 2^64 blocks.
    const block = Buffer.alloc(16)
    block.writeUIntBE(n, 2, 6)
    return createCipheriv("aes-128-ctr", key, block)
  }
  return {
    content: (n, length) => {
      const c = cipher(n)
      return length <= PIECE ? c.update(zeros.subarray(0, length)) : c.update(Buffer.alloc(length))
    },
    stream: (n) => {
      const c = cipher(n)
      return { next: (length) => c.update(length <= PIECE ? zeros.subarray(0, length) : Buffer.alloc(length)) }
    }
  }
}

const PIECE = 4 * 1024 * 1024

const hashLabel = (label: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193)
  return h
}
