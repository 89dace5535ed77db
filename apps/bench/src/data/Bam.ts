/** Writes small, valid BAM files with their BAI index, after the SAM/BAM format specification, sections 4 and 5 (BGZF blocks are gzip members). */
import { crc32, deflateRawSync } from "node:zlib"

/** A reference sequence. */
export interface BamReference {
  readonly name: string
  readonly length: number
}

/** One aligned read, all of whose bases match. */
export interface BamRead {
  readonly name: string
  /** Index into the references. */
  readonly reference: number
  /** Position of the first base, from 0. */
  readonly position: number
  readonly bases: string
}

/** The bytes of a BAM file and of its index; reads must be sorted by reference and position. */
export const encodeBam = (references: readonly BamReference[], reads: readonly BamRead[]): { readonly bam: Buffer; readonly bai: Buffer } => {
  const text = Buffer.from(`@HD\tVN:1.6\tSO:coordinate\n${references.map((r) => `@SQ\tSN:${r.name}\tLN:${r.length}\n`).join("")}`)
  const head = [Buffer.from("BAM\u0001"), i32(text.length), text, i32(references.length)]
  for (const r of references) head.push(i32(r.name.length + 1), Buffer.from(`${r.name}\0`), i32(r.length))
  const blocks = [bgzfBlock(Buffer.concat(head))]
  let fileOffset = blocks[0]!.length

  const bins = references.map(() => new Map<number, { first: bigint; last: bigint }>())
  let pending: Buffer[] = []
  let pendingSize = 0
  let starts: { readonly read: BamRead; readonly from: number; readonly to: number }[] = []
  const flush = () => {
    if (pendingSize === 0) return
    for (const { read, from, to } of starts) {
      const bin = binOf(read)
      const first = (BigInt(fileOffset) << 16n) | BigInt(from)
      const last = (BigInt(fileOffset) << 16n) | BigInt(to)
      const seen = bins[read.reference]!.get(bin)
      if (seen === undefined) bins[read.reference]!.set(bin, { first, last })
      else seen.last = last
    }
    const block = bgzfBlock(Buffer.concat(pending))
    blocks.push(block)
    fileOffset += block.length
    pending = []
    pendingSize = 0
    starts = []
  }
  for (const read of reads) {
    const record = encodeRead(read)
    if (pendingSize + record.length > MAX_PAYLOAD) flush()
    starts.push({ read, from: pendingSize, to: pendingSize + record.length })
    pending.push(record)
    pendingSize += record.length
  }
  flush()
  blocks.push(bgzfBlock(Buffer.alloc(0)))

  const index = [Buffer.from("BAI\u0001"), i32(references.length)]
  for (const ofReference of bins) {
    index.push(i32(ofReference.size))
    for (const [bin, { first, last }] of ofReference) index.push(i32(bin), i32(1), u64(first), u64(last))
    index.push(i32(0))
  }
  index.push(u64(0n))
  return { bam: Buffer.concat(blocks), bai: Buffer.concat(index) }
}

const MAX_PAYLOAD = 65_000
const BASES = "=ACMGRSVTWYHKDBN"

const encodeRead = (read: BamRead): Buffer => {
  const length = read.bases.length
  const name = Buffer.from(`${read.name}\0`)
  const packed = Buffer.alloc((length + 1) >> 1)
  for (let i = 0; i < length; i++) packed[i >> 1]! |= BASES.indexOf(read.bases[i]!) << (i % 2 === 0 ? 4 : 0)
  const fixed = Buffer.alloc(32)
  fixed.writeInt32LE(read.reference, 0)
  fixed.writeInt32LE(read.position, 4)
  fixed.writeUInt8(name.length, 8)
  fixed.writeUInt8(255, 9)
  fixed.writeUInt16LE(binOf(read), 10)
  fixed.writeUInt16LE(1, 12)
  fixed.writeUInt16LE(0, 14)
  fixed.writeInt32LE(length, 16)
  fixed.writeInt32LE(-1, 20)
  fixed.writeInt32LE(-1, 24)
  const body = Buffer.concat([fixed, name, i32(length << 4), packed, Buffer.alloc(length, 37)])
  return Buffer.concat([i32(body.length), body])
}

/** The smallest bin of the binning scheme that holds the read's interval. */
const binOf = ({ position, bases }: BamRead): number => {
  const last = position + bases.length - 1
  for (let level = 5; level > 0; level--) {
    const shift = 14 + 3 * (5 - level)
    if (position >> shift === last >> shift) return ((1 << (3 * level)) - 1) / 7 + (position >> shift)
  }
  return 0
}

const bgzfBlock = (payload: Buffer): Buffer => {
  const deflated = deflateRawSync(payload)
  const head = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 0x42, 0x43, 2, 0, 0, 0])
  head.writeUInt16LE(head.length + deflated.length + 8 - 1, 16)
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(crc32(payload), 0)
  tail.writeUInt32LE(payload.length, 4)
  return Buffer.concat([head, deflated, tail])
}

const i32 = (n: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeInt32LE(n)
  return out
}

const u64 = (n: bigint): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(n)
  return out
}
