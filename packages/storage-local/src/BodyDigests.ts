/**
 * Digests and length of a body, taken while it passes.
 */
import type { HashType } from "@sheaf/core/domain/ContentHash"
import { hasherForType } from "@sheaf/core/layers/HashAlgorithms"
import type { Hasher } from "@sheaf/core/ports/Hashing"
import type { StorageError, WriteOptions } from "@sheaf/core/ports/Storage"
import { failure } from "./LocalFailure.ts"

/** Digest types that a write can verify. */
export const VERIFIABLE: ReadonlyArray<string> = ["md5", "sha256", "sha256-tree", "sha1-fl"]

/** `sha1-fl` cannot be begun before the size is known. */
const NEEDS_SIZE = "sha1-fl"

export interface BodyDigests {
  readonly update: (chunk: Uint8Array) => void
  /** What is wrong with the body now that all of it has passed, or null. `reread` gives its bytes once more, which an unknown size may need. */
  readonly check: (reread: () => AsyncIterable<Uint8Array>) => Promise<StorageError | null>
  /** Bytes passed. */
  readonly size: () => number
}

/** `size` is that of the body as far as it is known beforehand. */
export const bodyDigests = (operation: string, key: string, options: WriteOptions, size: number | undefined): BodyDigests => {
  const expected = Object.entries(options.expect ?? {})
  for (const [type] of expected) {
    if (!VERIFIABLE.includes(type)) throw failure("Unsupported", operation, key, `this driver cannot verify digests of type ${type}`)
  }
  const hashers = new Map<string, Hasher>()
  for (const [type] of expected) {
    if (type !== NEEDS_SIZE || size !== undefined) hashers.set(type, hasherForType(type as HashType, size ?? 0)!)
  }
  const tooMuch = (n: number): boolean => options.size !== undefined && n > options.size
  let passed = 0
  return {
    update: (chunk) => {
      passed += chunk.length
      if (tooMuch(passed)) throw wrongSize(operation, key, options.size!, `more than that`)
      for (const hasher of hashers.values()) hasher.update(chunk)
    },
    check: async (reread) => {
      if (options.size !== undefined && passed !== options.size) return wrongSize(operation, key, options.size, `${passed}`)
      for (const [type, digest] of expected) {
        let hasher = hashers.get(type)
        if (hasher === undefined || (type === NEEDS_SIZE && size !== passed)) {
          hasher = hasherForType(type as HashType, passed)!
          for await (const chunk of reread()) hasher.update(chunk)
        }
        const found = hasher.digest()
        if (found !== digest) return failure("ChecksumMismatch", operation, key, `its ${type} is ${found}, not ${digest}`)
      }
      return null
    },
    size: () => passed
  }
}

const wrongSize = (operation: string, key: string, announced: number, found: string): StorageError =>
  failure("ChecksumMismatch", operation, key, `${announced} bytes were announced, the body has ${found}`)
