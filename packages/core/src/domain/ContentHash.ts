/**
 * Content hashes: always stored, shown and compared together with their type and the size.
 *
 * A digest is written in URL-safe base64 without padding: 22 characters for md5, 43 for SHA-256.
 */
import { createHash } from "node:crypto"

/**
 * What a stored hash is:
 * - `md5`, `sha256`: of the whole content
 * - `sha256-tree`: SHA-256 over the SHA-256s of the 8 MiB chunks; equals an S3 multipart composite SHA-256
 * - `sha1-fl`: of a file above 50 MiB, SHA-1 over the SHA-1s of its first and last 50 MiB, cut to 22 characters, as LaminDB does; does not cover size
 *   and middle
 * - `md5-d`: a folder, see {@link folderHash}
 * - `md5-N`: an S3 multipart ETag of N parts; never equal to a local hash
 */
export type HashType = "md5" | "sha256" | "sha256-tree" | "sha1-fl" | "md5-d" | `md5-${number}`

/** The algorithms an instance can be set to; `lamindb` yields `md5` up to 50 MiB and `sha1-fl` above. */
export const HASH_ALGORITHMS = ["md5", "sha256", "sha256-tree", "lamindb"] as const
/** One of {@link HASH_ALGORITHMS}: what an instance hashes new content with. */
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number]

/** The chunk of `sha256-tree`, in bytes. */
export const TREE_CHUNK = 8 * 1024 * 1024
/** What `lamindb` hashes of each end of a large file, and the size above which it does, in bytes. */
export const LAMIN_EDGE = 50 * 1024 * 1024

/** What identifies content: these three together. */
export interface ContentHash {
  readonly hash: string
  readonly type: HashType
  /** Bytes of content; for a folder the sum over its members. */
  readonly size: number
}

/** Whether two contents are the same bytes, as far as their hashes can say. */
export const sameContent = (a: ContentHash, b: ContentHash): boolean =>
  a.hash === b.hash && a.type === b.type && a.size === b.size

/** The type of hash that an algorithm gives for content of this size. */
export const hashTypeFor = (algorithm: HashAlgorithm, size: number): HashType =>
  algorithm === "lamindb" ? (size > LAMIN_EDGE ? "sha1-fl" : "md5") : algorithm

const toDigestText = (digest: Buffer): string => digest.toString("base64url")

/**
 * The `md5-d` hash of a folder: md5 over the concatenated raw md5 digests of the members' hash strings, sorted bytewise, duplicates kept.
 * Names do not enter it, so identity of a folder also compares its manifest. The format is LaminDB's.
 */
export const folderHash = (memberHashes: ReadonlyArray<string>): string => {
  const all = createHash("md5")
  for (const hash of [...memberHashes].sort()) all.update(createHash("md5").update(hash, "utf8").digest())
  return toDigestText(all.digest())
}

/** The hash of a collection: md5 of its distinct member hashes, sorted, joined by `:`; 22 characters. The format is LaminDB's. */
export const collectionHash = (memberHashes: ReadonlyArray<string>): string =>
  toDigestText(createHash("md5").update([...new Set(memberHashes)].sort().join(":"), "utf8").digest()).slice(0, 22)

/** What an S3 ETag says about the content, or null when it is not the form S3 documents. */
export const fromEtag = (etag: string): { readonly hash: string; readonly type: HashType } | null => {
  const match = /^"?([0-9a-f]{32})(?:-([0-9]+))?"?$/i.exec(etag)
  if (!match) return null
  const hash = toDigestText(Buffer.from(match[1]!, "hex"))
  return { hash, type: match[2] === undefined ? "md5" : `md5-${Number(match[2])}` }
}

/** What a GCS `md5Hash` (base64) says about the content, or null when it is not 16 bytes. */
export const fromGcsMd5 = (md5Hash: string): { readonly hash: string; readonly type: HashType } | null => {
  const digest = Buffer.from(md5Hash, "base64")
  return digest.length === 16 ? { hash: toDigestText(digest), type: "md5" } : null
}
