/**
 * Digests and length of a body, taken while it passes: for drivers that compare before an object becomes visible.
 */
import type { HashType } from "../domain/ContentHash.ts"
import type { StorageErrorKind, WriteOptions } from "../ports/Storage.ts"
import { hasherForType } from "./HashAlgorithms.ts"

/** Digest types that can be taken of a body whose length is not known. */
export const VERIFIABLE = ["md5", "sha256", "sha256-tree"] as const satisfies ReadonlyArray<HashType>

/** A body that passes. */
export interface BodyDigests<E> {
  /** Throws when there are more bytes than announced. */
  readonly update: (chunk: Uint8Array) => void
  /** What is wrong with the body now that all of it has passed, or null. */
  readonly check: () => E | null
}

/** Throws for a digest of a type that cannot be verified. `failure` makes the driver's error for the write. */
export const bodyDigests = <E>(failure: (kind: StorageErrorKind, detail: string) => E, { expect = {}, size }: WriteOptions): BodyDigests<E> => {
  const digests = Object.entries(expect).map(([type, expected]) => {
    const known = VERIFIABLE.find((one) => one === type)
    if (known === undefined) throw failure("Unsupported", `this driver cannot verify digests of type ${type}`)
    return { type, expected, hasher: hasherForType(known, 0)! }
  })
  const wrong = (detail: string): E => failure("ChecksumMismatch", detail)
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
