/** Cases 50-59 of the storage conformance suite: renaming, copying, local paths. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { toFsPath } from "../domain/FileName.ts"
import { bytesAt, bytesOf, failsWith, holdsOnly, put, type StorageCase } from "./StorageConformanceCase.ts"
import { awkwardKeys } from "./StorageConformanceKeys.ts"

export const moveCases = (storageCase: StorageCase): void => {
  storageCase(50, "rename gives an object another key and never overwrites", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(10, 1))
      if (!storage.capabilities.rename) {
        yield* failsWith(storage.rename("a", "b"), "Unsupported")
        return yield* holdsOnly(storage, ["a"])
      }
      yield* storage.rename("a", "new/folder/b")
      yield* holdsOnly(storage, ["new/folder/b"])
      yield* put(storage, "c", bytesOf(10, 2))
      yield* failsWith(storage.rename("c", "new/folder/b"), "AlreadyExists")
      yield* failsWith(storage.rename("c", "c"), "AlreadyExists")
      yield* failsWith(storage.rename("missing", "d"), "NotFound")
      assert.deepStrictEqual(yield* bytesAt(storage, "new/folder/b"), bytesOf(10, 1))
      assert.deepStrictEqual(yield* bytesAt(storage, "c"), bytesOf(10, 2))
      yield* holdsOnly(storage, ["c", "new/folder/b"])
    }))

  storageCase(51, "copy makes a second object and never overwrites", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(2_000_000, 1))
      if (!storage.capabilities.copy) {
        yield* failsWith(storage.copy("a", "b"), "Unsupported")
        return yield* holdsOnly(storage, ["a"])
      }
      yield* storage.copy("a", "new/b")
      assert.isTrue(Buffer.from(bytesOf(2_000_000, 1)).equals(yield* bytesAt(storage, "new/b")))
      yield* put(storage, "c", bytesOf(10, 2))
      yield* failsWith(storage.copy("a", "c"), "AlreadyExists")
      yield* failsWith(storage.copy("missing", "d"), "NotFound")
      yield* storage.delete(["a"])
      assert.strictEqual((yield* bytesAt(storage, "new/b")).length, 2_000_000)
      yield* holdsOnly(storage, ["c", "new/b"])
    }))

  storageCase(52, "of many that rename to one key, exactly one does and the others keep their object", (storage) =>
    Effect.gen(function*() {
      const sources = Array.from({ length: 8 }, (_, n) => `s${n}`)
      yield* Effect.forEach(sources, (key, n) => put(storage, key, bytesOf(10, n)))
      const results = yield* Effect.forEach(sources, (key) => Effect.result(storage.rename(key, "target")), { concurrency: "unbounded" })
      const winner = results.findIndex((result) => result._tag === "Success")
      assert.strictEqual(results.filter((result) => result._tag === "Success").length, 1)
      assert.deepStrictEqual(yield* bytesAt(storage, "target"), bytesOf(10, winner))
      yield* holdsOnly(storage, ["target", ...sources.filter((_, n) => n !== winner)])
    }), ({ rename }) => (rename ? null : "there is no rename here"))

  storageCase(53, "localPath is a path that other programs can read", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(10))
      if (!storage.capabilities.localPath) return yield* failsWith(storage.localPath("a"), "Unsupported")
      for (const [n, key] of awkwardKeys(storage.capabilities).entries()) {
        yield* put(storage, key, bytesOf(50, n))
        const path = yield* storage.localPath(key)
        assert.deepStrictEqual(Uint8Array.from(yield* Effect.promise(() => readFile(toFsPath(path)))), bytesOf(50, n))
      }
      return yield* failsWith(storage.localPath("missing"), "NotFound")
    }))
}
