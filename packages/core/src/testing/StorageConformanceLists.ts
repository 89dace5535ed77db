/** Cases 40-49 of the storage conformance suite: listing. */
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { unescapePath } from "../domain/FileName.ts"
import { bytesOf, keysOf, put, type StorageCase } from "./StorageConformanceCase.ts"
import { awkwardKeys } from "./StorageConformanceKeys.ts"

/** Bytewise by stored names. */
const sorted = (keys: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...keys].sort((a, b) => Buffer.compare(Buffer.from(unescapePath(a), "latin1"), Buffer.from(unescapePath(b), "latin1")))

/** Where the order of a walk by names and the order of whole paths differ: `-` and `.` come before `/`, `0` after it. */
const TREE = ["a-b", "a.txt", "a/b", "a/b-c", "a/b.c/d", "a/b0", "a/c/d", "a0", "a0/b", "b", "b!/c", "b/a", "Z/z", "a/B"].filter((key) => !["a0", "b"].includes(key))

export const listCases = (storageCase: StorageCase, many: number): void => {
  storageCase(40, "an empty root lists nothing, whatever is asked for", (storage) =>
    Effect.gen(function*() {
      for (const options of [{}, { prefix: "a" }, { prefix: "a/" }, { prefix: ".sheaf/" }, { startAfter: "a" }, { prefix: "/" }, { prefix: "../" }]) {
        assert.deepStrictEqual(yield* keysOf(storage, options), [])
      }
    }))

  storageCase(41, "lists every object once, in bytewise order of the stored names, with what stat says", (storage) =>
    Effect.gen(function*() {
      const keys = [...new Set([...TREE, ...awkwardKeys(storage.capabilities)])]
      yield* Effect.forEach(keys, (key, n) => put(storage, key, bytesOf(n)), { concurrency: storage.capabilities.concurrencyHint, discard: true })
      const objects = yield* Stream.runCollect(storage.list())
      const listed = objects.map((object) => object.key)
      assert.deepStrictEqual(storage.capabilities.listOrdered ? listed : sorted(listed), sorted(keys))
      for (const object of objects) {
        const { digests: _, ...found } = yield* storage.stat(object.key)
        const { digests: __, ...shown } = object
        assert.deepStrictEqual(shown, found)
      }
    }))

  storageCase(42, "a prefix is a text, not a folder", (storage) =>
    Effect.gen(function*() {
      yield* Effect.forEach(TREE, (key) => put(storage, key), { discard: true })
      for (const prefix of ["", "a", "a/", "a/b", "a/b.", "a/b.c/", "a/b.c/d", "a/b.c/d/", "a0/", "b", "b!", "Z", "z", "a//", "/a", "./a", "a/../b", "%", "a/b%"]) {
        const expected = TREE.filter((key) => key.startsWith(prefix))
        assert.deepStrictEqual(sorted(yield* keysOf(storage, { prefix })), sorted(expected), `prefix ${prefix}`)
      }
    }))

  storageCase(43, "startAfter begins behind a key, whether it exists or not", (storage) =>
    Effect.gen(function*() {
      yield* Effect.forEach(TREE, (key) => put(storage, key), { discard: true })
      const all = sorted(TREE)
      for (const startAfter of [...all, "", "0", "a", "a/", "a/bb", "a/c", "a/c/", "a1", "b/", "zz"]) {
        const expected = all.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0)
        assert.deepStrictEqual(yield* keysOf(storage, { startAfter }), expected, `after ${startAfter}`)
        const below = expected.filter((key) => key.startsWith("a/b"))
        assert.deepStrictEqual(yield* keysOf(storage, { prefix: "a/b", startAfter }), below, `a/b after ${startAfter}`)
      }
    }), ({ listOrdered, listStartAfter }) => (listStartAfter && listOrdered ? null : "listing cannot start behind a key here"))

  storageCase(44, "the registry's own folder is listed only to those who name it", (storage) =>
    Effect.gen(function*() {
      const own = [".sheaf/ab/abc.csv", ".sheaf/root.json", "sub/.sheaf/cd/cde"]
      const others = [".sheafs/x", "a", "sub/b", "x.sheaf/y"]
      yield* Effect.forEach([...own, ...others], (key) => put(storage, key), { discard: true })
      assert.deepStrictEqual(sorted(yield* keysOf(storage)), sorted(others))
      assert.deepStrictEqual(yield* keysOf(storage, { prefix: "sub/" }), ["sub/b"])
      assert.deepStrictEqual(sorted(yield* keysOf(storage, { prefix: ".sheaf/" })), sorted(own.slice(0, 2)))
      assert.deepStrictEqual(yield* keysOf(storage, { prefix: ".sheaf/ab/" }), [".sheaf/ab/abc.csv"])
      assert.deepStrictEqual(yield* keysOf(storage, { prefix: "sub/.sheaf/" }), ["sub/.sheaf/cd/cde"])
    }))

  storageCase(45, `lists ${many} objects completely, and can be left early`, (storage) =>
    Effect.gen(function*() {
      const keys = Array.from({ length: many }, (_, n) => `${n % 3 === 0 ? "folder/" : ""}${String(n).padStart(6, "0")}`)
      yield* Effect.forEach(keys, (key) => put(storage, key, bytesOf(1)), { concurrency: storage.capabilities.concurrencyHint, discard: true })
      const listed = yield* keysOf(storage)
      assert.deepStrictEqual(storage.capabilities.listOrdered ? listed : sorted(listed), sorted(keys))
      assert.strictEqual((yield* Stream.runCollect(Stream.take(storage.list(), 5))).length, 5)
    }))
}
