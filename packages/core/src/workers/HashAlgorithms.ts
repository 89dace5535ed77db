/**
 * The hash algorithms themselves. Free of Effect, because worker threads load this file.
 */
import { createHash, type Hash, hash as hashOnce } from "node:crypto"
import { type HashAlgorithm, type HashType, hashTypeFor, LAMIN_EDGE, TREE_CHUNK } from "../domain/ContentHash.ts"
import type { Hasher } from "../ports/Hashing.ts"

/** Characters that LaminDB keeps of a digest: all of md5, a prefix of SHA-1. */
const LAMIN_LENGTH = 22

/** A hasher for new content of exactly `size` bytes. */
export const createHasher = (algorithm: HashAlgorithm, size: number): Hasher => hasherForType(hashTypeFor(algorithm, size), size)!

/** A hasher for an already recorded type of hash, or null for types that are not made from the bytes of one file (`md5-d`, `md5-N`). */
export const hasherForType = (type: HashType, size: number): Hasher | null => {
  switch (type) {
    case "md5":
    case "sha256":
      return wholeHasher(type)
    case "sha256-tree":
      return treeHasher()
    case "sha1-fl":
      return edgesHasher(size)
    default:
      return null
  }
}

/** Hash of bytes in memory, in one call where the algorithm allows, which costs less than a hasher for small files. */
export const hashBytes = (algorithm: HashAlgorithm, bytes: Uint8Array): { readonly hash: string; readonly type: HashType } => {
  const type = hashTypeFor(algorithm, bytes.length)
  return { hash: hashBytesAs(type, bytes)!, type }
}

/** Hash of bytes in memory by an already recorded type, or null where {@link hasherForType} is null. */
export const hashBytesAs = (type: HashType, bytes: Uint8Array): string | null => {
  if (type === "md5" || type === "sha256") return hashOnce(type, bytes, "base64url")
  if (type === "sha256-tree" && bytes.length <= TREE_CHUNK) return treeDigest([treeChunkDigest(bytes)])
  const hasher = hasherForType(type, bytes.length)
  if (hasher === null) return null
  hasher.update(bytes)
  return hasher.digest()
}

/** Digest of one chunk of `sha256-tree`: exactly 8 MiB, fewer only for the last one. Empty content is one empty chunk. */
export const treeChunkDigest = (chunk: Uint8Array): Buffer => hashOnce("sha256", chunk, "buffer")

/** The `sha256-tree` hash from the digests of all chunks in order, so that several threads can share one large file. */
export const treeDigest = (chunkDigests: ReadonlyArray<Uint8Array>): string => {
  const all = createHash("sha256")
  for (const digest of chunkDigests) all.update(digest)
  return all.digest("base64url")
}

const wholeHasher = (name: "md5" | "sha256"): Hasher => {
  const hash = createHash(name)
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest("base64url") }
}

const treeHasher = (): Hasher => {
  const all = createHash("sha256")
  let chunk: Hash = createHash("sha256")
  let room = TREE_CHUNK
  let chunks = 0
  const close = (): void => {
    all.update(chunk.digest())
    chunk = createHash("sha256")
    room = TREE_CHUNK
    chunks += 1
  }
  return {
    update: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at + room)
        chunk.update(piece)
        at += piece.length
        room -= piece.length
        if (room === 0) close()
      }
    },
    digest: () => {
      if (room < TREE_CHUNK || chunks === 0) close()
      return all.digest("base64url")
    }
  }
}

/** SHA-1 over the SHA-1 of the first and the SHA-1 of the last 50 MiB, which overlap below 100 MiB. */
const edgesHasher = (size: number): Hasher => {
  const first = createHash("sha1")
  const last = createHash("sha1")
  const lastStart = Math.max(0, size - LAMIN_EDGE)
  let position = 0
  return {
    update: (bytes) => {
      const start = position
      position += bytes.length
      if (start < LAMIN_EDGE) first.update(bytes.subarray(0, LAMIN_EDGE - start))
      if (position > lastStart) last.update(bytes.subarray(Math.max(0, lastStart - start)))
    },
    digest: () => createHash("sha1").update(first.digest()).update(last.digest()).digest("base64url").slice(0, LAMIN_LENGTH)
  }
}
