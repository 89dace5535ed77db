/** Cases 50-59 of the conformance suite: renaming, copying, local paths. */
import { toFsPath } from "@sheaf/core/domain/FileName"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { bytesAt, bytesOf, type ConformanceCase, conformanceCase, failsWith, holdsOnly, needs, put } from "./ConformanceCase.ts"
import { equal, sameBytes } from "./Expect.ts"
import { awkwardKeys } from "./KeyCases.ts"

export const moveCases: ReadonlyArray<ConformanceCase> = [
  conformanceCase(50, "rename gives an object another key and never overwrites", (storage) =>
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
      sameBytes(yield* bytesAt(storage, "new/folder/b"), bytesOf(10, 1), "the object that was renamed")
      sameBytes(yield* bytesAt(storage, "c"), bytesOf(10, 2), "the object that was not")
      yield* holdsOnly(storage, ["c", "new/folder/b"])
    })),

  conformanceCase(51, "copy makes a second object and never overwrites", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(2_000_000, 1))
      if (!storage.capabilities.copy) {
        yield* failsWith(storage.copy("a", "b"), "Unsupported")
        return yield* holdsOnly(storage, ["a"])
      }
      yield* storage.copy("a", "new/b")
      sameBytes(yield* bytesAt(storage, "new/b"), bytesOf(2_000_000, 1), "the copy")
      yield* put(storage, "c", bytesOf(10, 2))
      yield* failsWith(storage.copy("a", "c"), "AlreadyExists")
      sameBytes(yield* bytesAt(storage, "c"), bytesOf(10, 2), "the object that was there")
      yield* failsWith(storage.copy("missing", "d"), "NotFound")
      yield* storage.delete(["a"])
      sameBytes(yield* bytesAt(storage, "new/b"), bytesOf(2_000_000, 1), "the copy after the first one was deleted")
      yield* holdsOnly(storage, ["c", "new/b"])
    })),

  conformanceCase(52, "of many that rename to one key, exactly one does and the others keep their object", (storage) =>
    Effect.gen(function*() {
      const sources = Array.from({ length: 8 }, (_, n) => `s${n}`)
      yield* Effect.forEach(sources, (key, n) => put(storage, key, bytesOf(10, n)))
      const results = yield* Effect.forEach(sources, (key) => Effect.result(storage.rename(key, "target")), { concurrency: "unbounded" })
      const winner = results.findIndex((result) => result._tag === "Success")
      equal(results.filter((result) => result._tag === "Success").length, 1, "how many renamed theirs")
      sameBytes(yield* bytesAt(storage, "target"), bytesOf(10, winner), "the object of the one that did")
      yield* holdsOnly(storage, ["target", ...sources.filter((_, n) => n !== winner)])
    }), needs("rename", "there is no rename here")),

  conformanceCase(53, "localPath is a path that other programs can read", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(10))
      if (!storage.capabilities.localPath) return yield* failsWith(storage.localPath("a"), "Unsupported")
      for (const [n, key] of awkwardKeys(storage.capabilities).entries()) {
        yield* put(storage, key, bytesOf(50, n))
        const path = yield* storage.localPath(key)
        sameBytes(yield* Effect.promise(() => readFile(toFsPath(path))), bytesOf(50, n), `the file of ${key}`)
      }
      return yield* failsWith(storage.localPath("missing"), "NotFound")
    })),

  conformanceCase(54, "of many that copy to one key, exactly one does", (storage) =>
    Effect.gen(function*() {
      const sources = Array.from({ length: 8 }, (_, n) => `s${n}`)
      yield* Effect.forEach(sources, (key, n) => put(storage, key, bytesOf(10, n)))
      const results = yield* Effect.forEach(sources, (key) => Effect.result(storage.copy(key, "target")), { concurrency: "unbounded" })
      equal(results.filter((result) => result._tag === "Success").length, 1, "how many copied theirs")
      sameBytes(yield* bytesAt(storage, "target"), bytesOf(10, results.findIndex((result) => result._tag === "Success")), "the object of the one that did")
      yield* holdsOnly(storage, ["target", ...sources])
    }), ({ atomicCreate, copy }) => (copy && atomicCreate ? null : "there is no copy here, or creates are not atomic"))
]
