/**
 * Digests and length of a body, taken while it passes.
 */
import type { HashType } from "@sheaf/core/domain/ContentHash"
import type { StorageError, WriteOptions } from "@sheaf/core/ports/Storage"
import { hasherForType } from "@sheaf/core/workers/HashAlgorithms"
import { failure } from "./S3Failure.ts"

/** Digest types that a write can verify. */
export const VERIFIABLE = ["md5", "sha256", "sha256-tree"] as const satisfies ReadonlyArray<HashType>

export interface BodyDigests {
  /** Throws when there are more bytes than announced. */
  readonly update: (chunk: Uint8Array) => void
  /** What is wrong with the body now that all of it has passed, or null. */
  readonly check: () => StorageError | null
}

/** Throws for a digest of a type that cannot be verified. */
export const bodyDigests = (key: string, { expect = {}, size }: WriteOptions): BodyDigests => {
  const digests = Object.entries(expect).map(([type, expected]) => {
    const known = VERIFIABLE.find((one) => one === type)
    if (known === undefined) throw failure("Unsupported", "write", key, `this driver cannot verify digests of type ${type}`)
    return { type, expected, hasher: hasherForType(known, 0)! }
  })
  const wrong = (detail: string): StorageError => failure("ChecksumMismatch", "write", key, detail)
  let passed = 0
  return {
    update: (chunk) => {
      passed += chunk.length
      if (size !== undefined && passed > size) throw wrong(`${size} bytes were announced, the body has more`)
      for (const { hasher } of digests) hasher.update(chunk)
    },
    check: () => {
      if (size !== undefined && passed !== size) return wrong(`${size} bytes were announced, the body has ${passed}`)
      for (const { expected, hasher, type } of digests) {
        const found = hasher.digest()
        if (found !== expected) return wrong(`its ${type} is ${found}, not ${expected}`)
      }
      return null
    }
  }
}
