/** Cases 30-39 of the conformance suite: keys and deleting. */
import { escapePath } from "@sheaf/core/domain/FileName"
import type { StorageCapabilities } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { bodyOf, bytesAt, bytesOf, type ConformanceCase, conformanceCase, failsWith, holdsOnly, keysOf, needs, put, putAll } from "./ConformanceCase.ts"
import { check, equal, sameBytes } from "./Expect.ts"

/** Keys that something on the way could mistake for something else. */
export const awkwardKeys = ({ caseSensitive, keyCharset }: StorageCapabilities): ReadonlyArray<string> => [
  "plain", "with space", " leading", "trailing ", "quo'te\"s", "-dash", "--json", "100%.csv", "%41.csv", "a%20b.csv", "a+b&c=d;e@f", "#hash?query", "*star[0-9]", "~tilde",
  "$HOME", "`tick`", "a:b", "é-NFC", "☃/snow", "😀", "a.b/c.d/e.f/g", "...", "..a", ".hidden/.file", "x/y/z/x/y/z/x/y/z/w", "n".repeat(200),
  escapePath("line\nbreak"), escapePath("tab\tand%"), escapePath("a%25b"), escapePath("back\\slash"), escapePath("\x7f"),
  ...(caseSensitive ? ["e\u0301-NFD", "\u00e9-NFD", "Case", "case", "CASE/x"] : []),
  ...(keyCharset === "any-bytes" ? [escapePath("caf\xe9.csv"), escapePath("\xff\xfe"), escapePath("\xed\xa0\x80"), escapePath("\x80/\x81")] : [])
]

/** Texts that are no object keys. */
const BAD_KEYS = [
  "", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/./b", "a/../b", "a/..", "a%00", "%C3%A9", "%2500%00", "/etc/passwd", "../../etc/passwd", "a\nb", "a\\b"
]

export const keyCases: ReadonlyArray<ConformanceCase> = [
  conformanceCase(30, "every awkward key is itself: written, listed, read and deleted by its exact name", (storage) =>
    Effect.gen(function*() {
      const keys = awkwardKeys(storage.capabilities)
      yield* Effect.forEach(keys, (key, n) => put(storage, key, bytesOf(20, n)))
      yield* holdsOnly(storage, keys)
      yield* Effect.forEach(keys, (key, n) =>
        Effect.gen(function*() {
          sameBytes(yield* bytesAt(storage, key), bytesOf(20, n), key)
          equal((yield* storage.stat(key)).key, key, "the key that stat gives")
          check((yield* keysOf(storage, { prefix: key })).includes(key), `${key} is not listed by its own name`)
        }))
      yield* storage.delete(keys.slice(1))
      yield* holdsOnly(storage, keys.slice(0, 1))
    })),

  conformanceCase(31, "what is no normal relative path is KeyInvalid in every operation, and nothing happens", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a")
      for (const key of BAD_KEYS) {
        yield* failsWith(storage.stat(key), "KeyInvalid")
        yield* failsWith(bytesAt(storage, key), "KeyInvalid")
        yield* failsWith(put(storage, key), "KeyInvalid")
        yield* failsWith(storage.write(key, bodyOf(bytesOf(5)), { mode: "replace" }), "KeyInvalid")
        yield* failsWith(storage.delete([key]), "KeyInvalid")
        if (storage.capabilities.rename) yield* failsWith(storage.rename("a", key), "KeyInvalid")
        if (storage.capabilities.copy) yield* failsWith(storage.copy("a", key), "KeyInvalid")
        if (storage.capabilities.localPath) yield* failsWith(storage.localPath(key), "KeyInvalid")
      }
      yield* holdsOnly(storage, ["a"])
    })),

  conformanceCase(32, "a key of the greatest length can be written; a longer one is KeyInvalid", (storage) =>
    Effect.gen(function*() {
      const { maxKeyBytes } = storage.capabilities
      const ofLength = (n: number): string => {
        const segments = []
        for (let rest = n; rest > 0; rest -= 101) segments.push("k".repeat(Math.min(100, rest)))
        const key = segments.join("/")
        return key.length === n ? key : key.padEnd(n, "k")
      }
      const longest = ofLength(maxKeyBytes)
      yield* put(storage, longest)
      sameBytes(yield* bytesAt(storage, longest), bytesOf(10), "the object with the longest key")
      yield* failsWith(put(storage, ofLength(maxKeyBytes + 1)), "KeyInvalid")
      yield* failsWith(storage.stat(ofLength(maxKeyBytes + 1)), "KeyInvalid")
      yield* holdsOnly(storage, [longest])
    })),

  conformanceCase(33, "an object below another object either works or is KeyInvalid and harms nothing", (storage) =>
    Effect.gen(function*() {
      const both = function*(first: string, second: string) {
        yield* put(storage, first, bytesOf(10, 1))
        const result = yield* Effect.result(put(storage, second, bytesOf(10, 2)))
        if (result._tag === "Failure") equal(result.failure.kind, "KeyInvalid", `why ${second} cannot be beside ${first}`)
        else sameBytes(yield* bytesAt(storage, second), bytesOf(10, 2), second)
        if (result._tag === "Failure") yield* failsWith(storage.write(second, bodyOf(bytesOf(5)), { mode: "replace" }), "KeyInvalid")
        sameBytes(yield* bytesAt(storage, first), bytesOf(10, 1), first)
        yield* holdsOnly(storage, result._tag === "Failure" ? [first] : [first, second])
        yield* storage.delete([first, second])
        yield* holdsOnly(storage, [])
      }
      yield* both("a", "a/b")
      yield* both("c/d/e", "c/d")
    })),

  conformanceCase(34, "delete removes exactly its keys, and finds nothing wrong with those that are not there", (storage) =>
    Effect.gen(function*() {
      const keys = ["a", "a.b", "a/b", "ab", "b/a/c"].filter((key) => key !== "a")
      yield* Effect.forEach(keys, (key) => put(storage, key))
      yield* storage.delete([])
      yield* storage.delete(["a", "b", "b/a", "nowhere/at/all", "a.b/c"])
      yield* holdsOnly(storage, keys)
      yield* storage.delete(["a/b", "a/b", "ab"])
      yield* storage.delete(["a/b"])
      yield* holdsOnly(storage, ["a.b", "b/a/c"])
      yield* put(storage, "a/b", bytesOf(3))
      yield* holdsOnly(storage, ["a.b", "a/b", "b/a/c"])
    })),

  conformanceCase(35, "delete takes many keys at once", (storage) =>
    Effect.gen(function*() {
      const keys = Array.from({ length: 1_050 }, (_, n) => `d${n % 7}/${n}`)
      yield* putAll(storage, [...keys, "keep"], () => bytesOf(1))
      yield* storage.delete(keys)
      yield* holdsOnly(storage, ["keep"])
    })),

  conformanceCase(36, "a write of zero bytes is an object like any other", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "empty", new Uint8Array(0))
      equal((yield* storage.stat("empty")).size, 0, "its size")
      equal((yield* bytesAt(storage, "empty")).length, 0, "bytes that were read")
      yield* failsWith(put(storage, "empty"), "AlreadyExists")
      yield* holdsOnly(storage, ["empty"])
    }), needs("emptyObject", "empty objects cannot be stored here")),

  conformanceCase(37, "many may delete the same keys at once, and none of them finds anything wrong", (storage) =>
    Effect.gen(function*() {
      const keys = Array.from({ length: 20 }, (_, n) => `d/${n}`)
      yield* putAll(storage, [...keys, "d/keep"])
      yield* Effect.forEach(Array.from({ length: 8 }), () => storage.delete(keys), { concurrency: "unbounded", discard: true })
      yield* holdsOnly(storage, ["d/keep"])
    })),

  conformanceCase(38, "an object that is deleted while it is written is there or not, and can be written again", (storage) =>
    Effect.gen(function*() {
      for (let n = 0; n < 5; n++) {
        yield* Effect.all([storage.write("a", bodyOf(bytesOf(100_000, n)), { mode: "replace" }), storage.delete(["a"])], { concurrency: "unbounded", discard: true })
        const found = yield* Effect.result(bytesAt(storage, "a"))
        if (found._tag === "Success") sameBytes(found.success, bytesOf(100_000, n), "the object that is still there")
        else equal(found.failure.kind, "NotFound", "why it cannot be read")
      }
      yield* storage.write("a", bodyOf(bytesOf(10)), { mode: "replace" })
      yield* holdsOnly(storage, ["a"])
    }))
]
