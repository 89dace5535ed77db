/**
 * What a folder that is one artifact consists of.
 */
import { createHash } from "node:crypto"
import type { HashType } from "./ContentHash.ts"

/** A file of a folder. */
export interface FolderMember {
  /** Path below the folder, segments escaped as in a key (see `domain/FileName`). */
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
}

/** A folder's content beside its hash, in which names have no part. */
export interface FolderContent {
  /** In bytewise order of their paths. */
  readonly members: ReadonlyArray<FolderMember>
  /** See {@link manifestHash}. */
  readonly manifestHash: string
}

/**
 * Digest of the members' paths, sizes and hashes: md5 over a line `path TAB size TAB type TAB hash LF` for each, in bytewise order of paths. Two folders are the
 * same content when this is equal as well.
 */
export const manifestHash = (members: ReadonlyArray<FolderMember>): string => {
  const all = createHash("md5")
  for (const { hash, hashType, path, size } of members) all.update(`${path}\t${size}\t${hashType}\t${hash}\n`, "utf8")
  return all.digest("base64url")
}
