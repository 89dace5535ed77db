import { describe, expect, it } from "vitest"
import { HASH_ALGORITHMS, LAMIN_EDGE, TREE_CHUNK } from "../../src/domain/ContentHash.ts"
import { hashBytes, hashBytesAs, hasherForType, treeChunkDigest, treeDigest } from "../../src/workers/HashAlgorithms.ts"
import * as HashingLayers from "../../src/layers/HashingLayers.ts"
import { hashingConformance, type HashingVector } from "../../src/testing/HashingConformance.ts"
import { readVectors } from "../HashVectors.ts"

const files = readVectors().files
const contentOf = (file: (typeof files)[number]): Uint8Array =>
  file.text !== undefined
    ? Buffer.from(file.text, "utf8")
    : file.hex !== undefined
    ? Buffer.from(file.hex, "hex")
    : Buffer.alloc(file.size, Buffer.from(file.repeat!, "hex"))

for (const algorithm of HASH_ALGORITHMS) {
  const vectors = files.map((file): HashingVector => ({
    name: `${file.size} bytes (${file.text ?? file.hex ?? file.repeat!.slice(0, 4)})`,
    bytes: () => contentOf(file),
    ...(algorithm === "lamindb" ? file.lamindb : { hash: file[algorithm], type: algorithm })
  }))
  hashingConformance(algorithm, HashingLayers.layer(algorithm), { vectors })
}

describe("sha256-tree in parts", () => {
  it("is put together from the digests of chunks that were hashed apart", () => {
    for (const file of files.filter((f) => f.size > 4 * 1024 * 1024)) {
      const bytes = contentOf(file)
      const digests = []
      for (let at = 0; at < bytes.length; at += TREE_CHUNK) digests.push(treeChunkDigest(bytes.subarray(at, at + TREE_CHUNK)))
      expect(treeDigest(digests)).toBe(file["sha256-tree"])
    }
    expect(treeDigest([treeChunkDigest(new Uint8Array(0))])).toBe(hashBytes("sha256-tree", new Uint8Array(0)).hash)
  })
})

describe("sha1-fl", () => {
  it("covers both edges, and neither the middle nor the size", () => {
    const bytes = Buffer.alloc(2 * LAMIN_EDGE + 1000)
    const hashOf = (b: Uint8Array): string => hashBytes("lamindb", b).hash
    const before = hashOf(bytes)
    bytes[LAMIN_EDGE + 500] = 1
    expect(hashOf(bytes)).toBe(before)
    bytes[LAMIN_EDGE + 500] = 0
    bytes[LAMIN_EDGE - 1] = 1
    expect(hashOf(bytes)).not.toBe(before)
    bytes[LAMIN_EDGE - 1] = 0
    bytes[LAMIN_EDGE + 1000] = 1
    expect(hashOf(bytes)).not.toBe(before)
  }, 60_000)
})

it("hashes by a recorded type agree with the hasher for it", () => {
  const bytes = Buffer.from("hello\n")
  for (const type of ["md5", "sha256", "sha256-tree", "sha1-fl"] as const) {
    const hasher = hasherForType(type, bytes.length)!
    hasher.update(bytes)
    expect(hashBytesAs(type, bytes)).toBe(hasher.digest())
  }
  expect(hashBytesAs("md5-2", bytes)).toBeNull()
})
