/**
 * The parts in which large objects are sent.
 */

const MIB = 1024 * 1024

/** How a root divides objects. */
export interface PartSizes {
  /** Bytes of a part, where an object does not need larger ones. An object of no more than this is sent whole. */
  readonly size: number
  readonly maxParts: number
}

/** MD5 digests of all parts of some content. */
export interface PartDigests {
  /** Bytes of each part but the last, which has what is left. */
  readonly size: number
  /** The digests one after the other, 16 bytes each. */
  readonly md5: Uint8Array
}

/** Bytes of an MD5. */
export const MD5_LENGTH = 16

/** Bytes of each part of an object with this many bytes: the usual size, or in whole MiB as much more as `maxParts` demand. */
export const partSizeFor = ({ maxParts, size }: PartSizes, bytes: number): number => Math.max(size, Math.ceil(bytes / maxParts / MIB) * MIB)
