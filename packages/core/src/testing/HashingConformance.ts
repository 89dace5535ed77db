/**
 * What every hashing has to hold. Needs `vitest` and `@effect/vitest`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { HashType } from "../domain/ContentHash.ts"
import { Hashing } from "../ports/Hashing.ts"

/** A worked value: content, and the hash it has to get. */
export interface HashingVector {
  readonly name: string
  readonly bytes: () => Uint8Array
  readonly hash: string
  readonly type: HashType
}

export interface HashingConformanceOptions {
  readonly vectors?: ReadonlyArray<HashingVector>
}

const URL_SAFE = /^[0-9A-Za-z_-]+$/

/** Content of every length that algorithms with blocks and chunks stumble over. */
const SIZES = [0, 1, 55, 56, 63, 64, 65, 4096, 8 * 1024 * 1024 - 1, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1]

const contents = new Map<number, Uint8Array>()

const content = (size: number): Uint8Array => {
  let bytes = contents.get(size)
  if (bytes === undefined) contents.set(size, bytes = makeContent(size))
  return bytes
}

const makeContent = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0, x = size + 1; i < size; i++) bytes[i] = (x = (x * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 16
  return bytes
}

/** Runs the suite against a hashing; `vectors` are worked values of its own. */
export const hashingConformance = (name: string, layer: Layer.Layer<Hashing, unknown>, options: HashingConformanceOptions = {}): void =>
  void describe(`hashing ${name}`, () => {
    const test = (title: string, run: (hashing: Hashing["Service"]) => void): void =>
      it.effect(title, () => Effect.provide(Effect.map(Hashing, run), layer))

    const inPieces = (hashing: Hashing["Service"], bytes: Uint8Array, piece: number): string => {
      const hasher = hashing.create(bytes.length)
      // One buffer for all pieces: a hasher may not keep what it was given.
      const buffer = new Uint8Array(Math.min(piece, bytes.length) || 1)
      for (let at = 0; at < bytes.length; at += piece) {
        const chunk = bytes.subarray(at, at + piece)
        buffer.set(chunk)
        hasher.update(buffer.subarray(0, chunk.length))
        buffer.fill(0)
      }
      return hasher.digest()
    }

    test("1 gives the same hash in one call, in pieces of any size, and by the recorded type", (hashing) => {
      for (const size of SIZES) {
        const bytes = content(size)
        const { hash, size: recorded, type } = hashing.ofBytes(bytes)
        assert.strictEqual(recorded, size)
        assert.strictEqual(type, hashing.typeFor(size))
        for (const piece of size < 100 ? [1, 7, 64] : [4095, 1_048_577, size]) {
          assert.strictEqual(inPieces(hashing, bytes, piece), hash, `${size} bytes in pieces of ${piece}`)
        }
        const again = hashing.forType(type, size)
        assert.isNotNull(again)
        again!.update(bytes)
        assert.strictEqual(again!.digest(), hash)
      }
    })

    test("2 takes an empty piece for nothing", (hashing) => {
      const bytes = content(100)
      const hasher = hashing.create(100)
      hasher.update(new Uint8Array(0))
      hasher.update(bytes)
      hasher.update(new Uint8Array(0))
      assert.strictEqual(hasher.digest(), hashing.ofBytes(bytes).hash)
    })

    test("3 writes digests in URL-safe base64 without padding, of one length for one type", (hashing) => {
      const lengths = new Map<HashType, number>()
      for (const size of SIZES) {
        const { hash, type } = hashing.ofBytes(content(size))
        assert.match(hash, URL_SAFE)
        assert.strictEqual(hash.length, lengths.get(type) ?? hash.length)
        lengths.set(type, hash.length)
      }
    })

    test("4 tells contents apart that differ in one bit or in length", (hashing) => {
      const seen = new Set<string>()
      const bytes = content(1000)
      seen.add(hashing.ofBytes(bytes).hash)
      for (let i = 0; i < 1000; i += 37) {
        const changed = bytes.slice()
        changed[i]! ^= 1 << (i % 8)
        seen.add(hashing.ofBytes(changed).hash)
      }
      for (let size = 990; size < 1000; size++) seen.add(hashing.ofBytes(bytes.subarray(0, size)).hash)
      assert.strictEqual(seen.size, 1 + 28 + 10)
    })

    test("5 has no hasher for types that bytes of one file cannot have", (hashing) => {
      assert.isNull(hashing.forType("md5-3", 100))
      assert.isNull(hashing.forType("md5-d", 100))
    })

    test("6 can verify every type of one file, whatever its own algorithm", (hashing) => {
      for (const type of ["md5", "sha256", "sha256-tree", "sha1-fl"] as const) assert.isNotNull(hashing.forType(type, 60 * 1024 * 1024))
    })

    for (const vector of options.vectors ?? []) {
      test(`7 gives the worked value for ${vector.name}`, (hashing) => {
        const bytes = vector.bytes()
        assert.deepStrictEqual(hashing.ofBytes(bytes), { hash: vector.hash, type: vector.type, size: bytes.length })
        assert.strictEqual(inPieces(hashing, bytes, 1_000_003), vector.hash)
      })
    }
  })
