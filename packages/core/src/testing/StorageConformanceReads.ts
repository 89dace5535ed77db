/** Cases 20-29 of the storage conformance suite: reading. */
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { bodyOf, bytesAt, bytesOf, failsWith, put, type StorageCase } from "./StorageConformanceCase.ts"

const MIB = 1024 * 1024

export const readCases = (storageCase: StorageCase): void => {
  storageCase(20, "what is not there is NotFound, whoever asks", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "folder/a")
      for (const key of ["b", "folder/b", "folder", "fold", "folder/a/b", "other/a"]) {
        const error = yield* failsWith(storage.stat(key), "NotFound")
        assert.deepInclude({ ...error }, { operation: "stat", key, driver: storage.info.name, retry: false })
        yield* failsWith(bytesAt(storage, key), "NotFound")
      }
    }))

  storageCase(21, "a range gives exactly its bytes; one that ends after the object ends with it", (storage) =>
    Effect.gen(function*() {
      const size = 2 * MIB + 100
      const bytes = bytesOf(size)
      yield* put(storage, "a", bytes)
      const ranges = [[0, 1], [0, size], [5, 5], [size - 1, size], [size, size], [100, size + 1000], [MIB - 1, MIB + 1], [MIB, 2 * MIB]] as const
      for (const [start, end] of ranges) {
        assert.isTrue(Buffer.from(bytes.subarray(start, end)).equals(yield* bytesAt(storage, "a", { range: { start, end } })), `${start} to ${end}`)
      }
      assert.isTrue(Buffer.from(bytes.subarray(MIB)).equals(yield* bytesAt(storage, "a", { range: { start: MIB } })))
    }), ({ rangeRead }) => (rangeRead ? null : "ranges cannot be read here"))

  storageCase(22, "what is no range of the object is RangeInvalid", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(10))
      for (const range of [{ start: 11 }, { start: 11, end: 20 }, { start: -1 }, { start: 5, end: 4 }, { start: 0.5 }, { start: 0, end: Number.NaN }]) {
        yield* failsWith(bytesAt(storage, "a", { range }), "RangeInvalid")
      }
    }), ({ rangeRead }) => (rangeRead ? null : "ranges cannot be read here"))

  storageCase(23, "ifMatch reads only the version that is meant", (storage) =>
    Effect.gen(function*() {
      const { version } = yield* storage.write("a", bodyOf(bytesOf(10, 1)), { mode: "create" })
      if (version === null) return
      assert.deepStrictEqual(yield* bytesAt(storage, "a", { ifMatch: version }), bytesOf(10, 1))
      yield* storage.write("a", bodyOf(bytesOf(10, 2)), { mode: "replace" })
      yield* failsWith(bytesAt(storage, "a", { ifMatch: version }), "PreconditionFailed")
      yield* failsWith(bytesAt(storage, "a", { ifMatch: "x", range: { start: 1 } }), "PreconditionFailed")
    }))

  storageCase(24, "a version stays while the object does", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a")
      const before = yield* storage.stat("a")
      yield* bytesAt(storage, "a")
      yield* put(storage, "b")
      assert.deepStrictEqual(yield* storage.stat("a"), before)
    }))

  storageCase(25, "a piece stays what it is when the next one is read", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(3 * MIB)
      yield* put(storage, "a", bytes)
      const pieces = yield* Stream.runCollect(storage.read("a"))
      assert.isTrue(Buffer.concat([...pieces]).equals(bytes))
    }))

  storageCase(26, "a reader may stop early, and many may read at once", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(5 * MIB))
      for (let i = 0; i < 50; i++) assert.strictEqual((yield* Stream.runCollect(Stream.take(storage.read("a"), 1))).length, 1)
      const sizes = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.map(bytesAt(storage, "a"), (b) => b.length), { concurrency: "unbounded" })
      assert.deepStrictEqual(sizes, Array.from({ length: 8 }, () => 5 * MIB))
    }))

  storageCase(27, "one stream value can be run again and sees what is there then", (storage) =>
    Effect.gen(function*() {
      const content = Effect.map(Stream.runCollect(storage.read("a")), (pieces) => Uint8Array.from(Buffer.concat([...pieces])))
      yield* failsWith(content, "NotFound")
      yield* put(storage, "a", bytesOf(10, 1))
      assert.deepStrictEqual(yield* content, bytesOf(10, 1))
      yield* storage.delete(["a"])
      yield* put(storage, "a", bytesOf(10, 2))
      assert.deepStrictEqual(yield* content, bytesOf(10, 2))
    }))
}
