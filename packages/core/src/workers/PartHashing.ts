/**
 * Digests of the parts in which an object will be sent, taken while its file is read for its hash. The store then compares every part with what the hash was
 * made of, and nobody has to hash the file again to know that it did not change in between.
 */
import { createHash } from "node:crypto"
import { MD5_LENGTH, type PartDigests, type PartSizes, partSizeFor } from "../domain/ObjectParts.ts"

export interface PartHashing {
  readonly update: (bytes: Uint8Array) => void
  readonly digests: () => PartDigests
}

/** For content of exactly this many bytes; null where it is sent whole. */
export const partHashing = (sizes: PartSizes | null, bytes: number): PartHashing | null => {
  if (sizes === null || bytes <= sizes.size) return null
  const size = partSizeFor(sizes, bytes)
  const md5 = new Uint8Array(Math.ceil(bytes / size) * MD5_LENGTH)
  let part = createHash("md5")
  let filled = 0
  let done = 0
  const close = (): void => {
    md5.set(part.digest(), done++ * MD5_LENGTH)
    part = createHash("md5")
    filled = 0
  }
  return {
    update: (content) => {
      for (let at = 0; at < content.length;) {
        const piece = content.subarray(at, at + size - filled)
        part.update(piece)
        at += piece.length
        filled += piece.length
        if (filled === size) close()
      }
    },
    digests: () => {
      if (filled > 0) close()
      return { size, md5 }
    }
  }
}
