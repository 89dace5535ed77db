/**
 * Port: how new content is hashed. Reference implementation: `layers/HashingLayers` (md5).
 *
 * Hashing is pure and synchronous; reading the bytes is the caller's business, usually a worker thread's.
 */
import { Context } from "effect"
import type { HashAlgorithm, HashType } from "../domain/ContentHash.ts"

/** One hash in the making. */
export interface Hasher {
  /** The chunk may be reused by the caller afterwards. */
  readonly update: (chunk: Uint8Array) => void
  /** Digest in URL-safe base64 without padding; call once. */
  readonly digest: () => string
}

/** How new content is hashed. */
export class Hashing extends Context.Service<Hashing, {
  /** The instance's choice. */
  readonly algorithm: HashAlgorithm
  /** The type of hash that content of `size` bytes gets. */
  readonly typeFor: (size: number) => HashType
  /** A hasher for content of exactly `size` bytes. */
  readonly create: (size: number) => Hasher
  /** Hash of bytes in memory. */
  readonly ofBytes: (bytes: Uint8Array) => { readonly hash: string; readonly type: HashType; readonly size: number }
  /** A hasher for an already recorded type, to verify with, or null for types no local bytes can be compared to (`md5-N`). */
  readonly forType: (type: HashType, size: number) => Hasher | null
}>()("@sheaf/core/Hashing") {}
