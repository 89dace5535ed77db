/**
 * Digests and length of a body, taken while it passes.
 */
import { TREE_CHUNK } from "@sheaf/core/domain/ContentHash"
import type { StorageError, WriteOptions } from "@sheaf/core/ports/Storage"
import { createHash, type Hash } from "node:crypto"
import { failure } from "./LocalFailure.ts"

interface Digest {
  readonly update: (chunk: Uint8Array) => void
  readonly digest: () => string
}

const whole = (algorithm: "md5" | "sha256"): Digest => {
  const hash = createHash(algorithm)
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest("base64url") }
}

/** SHA-256 over the SHA-256s of the 8 MiB chunks; empty content is one empty chunk. */
const tree = (): Digest => {
  const all = createHash("sha256")
  let chunk: Hash | null = createHash("sha256")
  let room = TREE_CHUNK
  return {
    update: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        chunk ??= createHash("sha256")
        const piece = bytes.subarray(at, at + room)
        chunk.update(piece)
        at += piece.length
        room -= piece.length
        if (room > 0) continue
        all.update(chunk.digest())
        chunk = null
        room = TREE_CHUNK
      }
    },
    digest: () => {
      if (chunk !== null) all.update(chunk.digest())
      return all.digest("base64url")
    }
  }
}

const DIGESTS: ReadonlyMap<string, () => Digest> = new Map([["md5", () => whole("md5")], ["sha256", () => whole("sha256")], ["sha256-tree", tree]])

/** Digest types that a write can verify. */
export const VERIFIABLE: ReadonlyArray<string> = [...DIGESTS.keys()]

export interface BodyDigests {
  /** Throws when there are more bytes than announced. */
  readonly update: (chunk: Uint8Array) => void
  /** What is wrong with the body now that all of it has passed, or null. */
  readonly check: () => StorageError | null
}

/** Throws for a digest of a type that cannot be verified. */
export const bodyDigests = (key: string, { expect = {}, size }: WriteOptions): BodyDigests => {
  const digests = Object.entries(expect).map(([type, expected]) => {
    const make = DIGESTS.get(type)
    if (make === undefined) throw failure("Unsupported", "write", key, `this driver cannot verify digests of type ${type}`)
    return { type, expected, digest: make() }
  })
  const wrongSize = (found: string): StorageError => failure("ChecksumMismatch", "write", key, `${size} bytes were announced, the body has ${found}`)
  let passed = 0
  return {
    update: (chunk) => {
      passed += chunk.length
      if (size !== undefined && passed > size) throw wrongSize("more")
      for (const { digest } of digests) digest.update(chunk)
    },
    check: () => {
      if (size !== undefined && passed !== size) return wrongSize(String(passed))
      for (const { digest, expected, type } of digests) {
        const found = digest.digest()
        if (found !== expected) return failure("ChecksumMismatch", "write", key, `its ${type} is ${found}, not ${expected}`)
      }
      return null
    }
  }
}
