/**
 * Writes small, valid HDF5 files: one root group of flat, uncompressed one-dimensional data sets.
 * After the HDF5 File Format Specification, version 3.0: superblock 2, object headers 2, compact links, contiguous layout.
 */

/** One data set: unsigned 32-bit numbers, or strings padded with NUL to the longest of them. */
export interface Hdf5Column {
  readonly name: string
  readonly values: Uint32Array | readonly string[]
}

/** The bytes of a file with these data sets. */
export const encodeHdf5 = (columns: readonly Hdf5Column[]): Buffer => {
  const parts: Buffer[] = []
  let end = SUPERBLOCK_SIZE
  const place = (part: Buffer) => {
    const at = end
    parts.push(part)
    end += part.length
    return at
  }
  const links = columns.map((column) => {
    const { data, type } = encodeColumn(column)
    const at = place(data)
    const header = objectHeader([
      message(0x01, Buffer.concat([Buffer.from([2, 1, 0, 1]), u64(column.values.length)])),
      message(0x03, type),
      message(0x05, Buffer.from([3, 0x0a])),
      message(0x08, Buffer.concat([Buffer.from([3, 1]), u64(at), u64(data.length)]))
    ])
    const name = Buffer.from(column.name)
    return message(0x06, Buffer.concat([Buffer.from([1, 0, name.length]), name, u64(place(header))]))
  })
  const linkInfo = message(0x02, Buffer.concat([Buffer.from([0, 0]), UNDEFINED, UNDEFINED]))
  const root = place(objectHeader([linkInfo, message(0x0a, Buffer.from([0, 0])), ...links]))
  const superblock = Buffer.concat([
    Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0]), u64(0), UNDEFINED, u64(end), u64(root)
  ])
  return Buffer.concat([withChecksum(superblock), ...parts])
}

const SUPERBLOCK_SIZE = 48
const UNDEFINED = Buffer.alloc(8, 0xff)

const encodeColumn = ({ values }: Hdf5Column): { readonly data: Buffer; readonly type: Buffer } => {
  if (values instanceof Uint32Array) {
    const type = Buffer.from([0x10, 0, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0])
    return { data: Buffer.from(values.buffer, values.byteOffset, values.byteLength), type }
  }
  const width = Math.max(1, ...values.map((value) => Buffer.byteLength(value)))
  const data = Buffer.alloc(width * values.length)
  values.forEach((value, i) => data.write(value, i * width))
  return { data, type: Buffer.concat([Buffer.from([0x13, 1, 0, 0]), u32(width)]) }
}

const objectHeader = (messages: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(messages)
  return withChecksum(Buffer.concat([Buffer.from("OHDR"), Buffer.from([2, 0x02]), u32(body.length), body]))
}

const message = (type: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt8(type, 0)
  head.writeUInt16LE(body.length, 1)
  return Buffer.concat([head, body])
}

const withChecksum = (bytes: Buffer): Buffer => Buffer.concat([bytes, u32(lookup3(bytes))])

const u32 = (n: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(n)
  return out
}

const u64 = (n: number): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(n))
  return out
}

/** Bob Jenkins' lookup3 `hashlittle` with initial value 0, which the format names as its checksum. */
const lookup3 = (bytes: Buffer): number => {
  const rot = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  let a = (0xdeadbeef + bytes.length) | 0
  let b = a
  let c = a
  const padded = Buffer.concat([bytes, Buffer.alloc(12)])
  let at = 0
  for (; bytes.length - at > 12; at += 12) {
    a = (a + padded.readUInt32LE(at)) | 0
    b = (b + padded.readUInt32LE(at + 4)) | 0
    c = (c + padded.readUInt32LE(at + 8)) | 0
    a = ((a - c) | 0) ^ rot(c, 4); c = (c + b) | 0
    b = ((b - a) | 0) ^ rot(a, 6); a = (a + c) | 0
    c = ((c - b) | 0) ^ rot(b, 8); b = (b + a) | 0
    a = ((a - c) | 0) ^ rot(c, 16); c = (c + b) | 0
    b = ((b - a) | 0) ^ rot(a, 19); a = (a + c) | 0
    c = ((c - b) | 0) ^ rot(b, 4); b = (b + a) | 0
  }
  if (bytes.length === 0) return c >>> 0
  a = (a + padded.readUInt32LE(at)) | 0
  b = (b + padded.readUInt32LE(at + 4)) | 0
  c = (c + padded.readUInt32LE(at + 8)) | 0
  c = ((c ^ b) - rot(b, 14)) | 0
  a = ((a ^ c) - rot(c, 11)) | 0
  b = ((b ^ a) - rot(a, 25)) | 0
  c = ((c ^ b) - rot(b, 16)) | 0
  a = ((a ^ c) - rot(c, 4)) | 0
  b = ((b ^ a) - rot(a, 14)) | 0
  c = ((c ^ b) - rot(b, 24)) | 0
  return c >>> 0
}
