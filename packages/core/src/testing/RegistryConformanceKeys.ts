/** Cases of the registry conformance suite: renaming, aliasing and releasing keys, and their logs. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { RegistryCase } from "./RegistryConformance.ts"
import { allKeys, artifactOf, saveOne } from "./RegistryExamples.ts"

export const keyCases = (test: RegistryCase): void => {
  const one = { byPrefix: false, dryRun: false } as const
  const all = { byPrefix: true, dryRun: false } as const

  test("a renamed key keeps its place among the keys of its artifact", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "a" })
      yield* registry.alias(uid, "b")
      assert.deepStrictEqual(yield* registry.rename({ from: "a", to: "c", ...one }), [{ from: "a", to: "c", uid, merges: false }])
      assert.deepStrictEqual((yield* artifactOf(registry, uid)).keys, ["c", "b"])
      yield* registry.rename({ from: "b", to: "d", ...one })
      assert.deepStrictEqual((yield* artifactOf(registry, uid)).keys, ["c", "d"])
      assert.isNull(yield* registry.uidByKey("a"))
      assert.deepStrictEqual((yield* registry.keyLog("a")).map(({ event, uid }) => [event, uid]), [["created", uid], ["released", uid]])
      assert.deepStrictEqual((yield* registry.keyLog("c")).map(({ event }) => event), ["renamed"])
    }))

  test("renaming to a key of the same artifact drops the old one", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "a" })
      yield* registry.alias(uid, "b")
      assert.deepStrictEqual(yield* registry.rename({ from: "a", to: "b", ...one }), [{ from: "a", to: "b", uid, merges: true }])
      const artifact = yield* artifactOf(registry, uid)
      assert.deepStrictEqual([artifact.key, artifact.keys, artifact.formerKey], ["b", ["b"], null])
    }))

  test("renaming to a taken key is refused, naming both artifacts, and changes nothing", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "a" })
      const b = yield* saveOne(registry, { content: "2", key: "b" })
      const refusal = yield* Effect.flip(registry.rename({ from: "a", to: "b", ...one }))
      assert.deepInclude(refusal, { _tag: "KeyConflict", key: "b", uid: a.uid, holder: b.uid })
      assert.deepStrictEqual([yield* registry.uidByKey("a"), yield* registry.uidByKey("b")], [a.uid, b.uid])
      assert.strictEqual((yield* Effect.flip(registry.rename({ from: "none", to: "x", ...one })))._tag, "NotFound")
    }))

  test("a prefix is renamed by whole segments, all keys or none", (registry) =>
    Effect.gen(function*() {
      for (const key of ["raw/a", "raw/b/c", "raw", "raw2/a", "rawx"]) yield* saveOne(registry, { content: key, key })
      assert.lengthOf(yield* registry.rename({ from: "raw", to: "bronze", byPrefix: true, dryRun: true }), 2)
      assert.deepStrictEqual(yield* allKeys(registry), ["raw", "raw/a", "raw/b/c", "raw2/a", "rawx"])
      const moves = yield* registry.rename({ from: "raw", to: "bronze", ...all })
      assert.deepStrictEqual(moves.map(({ from, to }) => [from, to]), [["raw/a", "bronze/a"], ["raw/b/c", "bronze/b/c"]])
      assert.deepStrictEqual(yield* allKeys(registry), ["bronze/a", "bronze/b/c", "raw", "raw2/a", "rawx"])
      yield* saveOne(registry, { content: "taken", key: "gold/b/c" })
      assert.strictEqual((yield* Effect.flip(registry.rename({ from: "bronze", to: "gold", ...all })))._tag, "KeyConflict")
      assert.deepStrictEqual(yield* allKeys(registry), ["bronze/a", "bronze/b/c", "gold/b/c", "raw", "raw2/a", "rawx"])
      assert.strictEqual((yield* Effect.flip(registry.rename({ from: "bron", to: "x", ...all })))._tag, "NotFound")
    }))

  test("a prefix can be renamed into itself, to the top, and below a new one", (registry) =>
    Effect.gen(function*() {
      const x = yield* saveOne(registry, { content: "1", key: "a/x" })
      const bx = yield* saveOne(registry, { content: "2", key: "a/b/x" })
      yield* registry.rename({ from: "a", to: "a/b", ...all })
      assert.deepStrictEqual([yield* registry.uidByKey("a/b/x"), yield* registry.uidByKey("a/b/b/x")], [x.uid, bx.uid])
      assert.deepStrictEqual((yield* registry.keyLog("a/b/x")).map(({ event, uid }) => [event, uid]), [
        ["created", bx.uid], ["released", bx.uid], ["renamed", x.uid]
      ])
      yield* registry.rename({ from: "a/b", to: "", ...all })
      assert.deepStrictEqual(yield* allKeys(registry), ["b/x", "x"])
      yield* registry.rename({ from: "", to: "top", ...all })
      assert.deepStrictEqual(yield* allKeys(registry), ["top/b/x", "top/x"])
      assert.strictEqual((yield* artifactOf(registry, x.uid)).key, "top/x")
    }))

  test("renaming to itself changes nothing", (registry) =>
    Effect.gen(function*() {
      yield* saveOne(registry, { content: "1", key: "a/x" })
      yield* registry.rename({ from: "a/x", to: "a/x", ...one })
      yield* registry.rename({ from: "a", to: "a", ...all })
      assert.deepStrictEqual((yield* registry.keyLog("a/x")).map(({ event }) => event), ["created"])
    }))

  test("keys of one artifact keep their age when they are renamed together", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "d/z" })
      for (const key of ["d/b", "d/y", "d/a"]) yield* registry.alias(uid, key)
      yield* registry.rename({ from: "d", to: "e", ...all })
      assert.deepStrictEqual((yield* artifactOf(registry, uid)).keys, ["e/z", "e/b", "e/y", "e/a"])
      yield* registry.unalias("e/z")
      assert.strictEqual((yield* artifactOf(registry, uid)).key, "e/b")
    }))

  test("an alias is a further key; the first one of a keyless artifact is primary", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", description: "d" })
      yield* registry.alias(a.uid, "k")
      yield* registry.alias(a.uid, "l")
      yield* registry.alias(a.uid, "l")
      const artifact = yield* artifactOf(registry, a.uid)
      assert.deepStrictEqual([artifact.key, artifact.keys], ["k", ["k", "l"]])
      assert.deepStrictEqual([...(yield* registry.keyLog("k")), ...(yield* registry.keyLog("l"))].map(({ event }) => event), ["keyed", "aliased"])
      const b = yield* saveOne(registry, { content: "2", key: "b" })
      assert.deepInclude(yield* Effect.flip(registry.alias(b.uid, "k")), { _tag: "KeyConflict", key: "k", uid: b.uid, holder: a.uid })
      assert.strictEqual((yield* Effect.flip(registry.alias("nobody00000000000000", "x")))._tag, "NotFound")
    }))

  test("a released primary key is followed by the oldest of the others; the last one is remembered", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "b" })
      yield* registry.alias(uid, "z")
      yield* registry.alias(uid, "a")
      yield* registry.unalias("b")
      assert.deepStrictEqual((yield* artifactOf(registry, uid)).keys, ["z", "a"])
      yield* registry.unalias("a")
      yield* registry.unalias("z")
      const last = yield* artifactOf(registry, uid)
      assert.deepStrictEqual([last.key, last.formerKey, last.keys], [null, "z", []])
      assert.strictEqual((yield* Effect.flip(registry.unalias("z")))._tag, "NotFound")
      yield* registry.alias(uid, "new")
      assert.isNull((yield* artifactOf(registry, uid)).formerKey)
    }))

  test("the log of a key says what it pointed at, oldest first", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k", run: "run0000000000001" })
      const b = yield* saveOne(registry, { content: "2", key: "k" })
      const c = yield* saveOne(registry, { content: "3", key: "other" })
      yield* saveOne(registry, { content: "3", key: "k" })
      yield* registry.unalias("k")
      yield* registry.alias(a.uid, "k")
      const log = yield* registry.keyLog("k")
      assert.deepStrictEqual(log.map(({ event, uid }) => [event, uid]), [
        ["created", a.uid], ["newVersion", b.uid], ["moved", c.uid], ["released", c.uid], ["keyed", a.uid]
      ])
      assert.deepStrictEqual(log.map(({ key, run }) => [key, run])[0], ["k", "run0000000000001"])
      assert.deepStrictEqual([...log].sort((x, y) => Date.parse(x.at) - Date.parse(y.at)), log)
      assert.deepStrictEqual(yield* registry.keyLog("never"), [])
    }))

  test("the log of a key says in which run it was given, renamed and released", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "a" })
      yield* registry.alias(uid, "b", "run0000000000001")
      yield* registry.rename({ from: "b", to: "c", byPrefix: false, dryRun: false, run: "run0000000000002" })
      yield* registry.unalias("c", "run0000000000003")
      yield* registry.alias(uid, "d")
      const runsOf = (key: string) => Effect.map(registry.keyLog(key), (log) => log.map(({ event, run }) => [event, run]))
      assert.deepStrictEqual(yield* runsOf("b"), [["aliased", "run0000000000001"], ["released", "run0000000000002"]])
      assert.deepStrictEqual(yield* runsOf("c"), [["renamed", "run0000000000002"], ["released", "run0000000000003"]])
      assert.deepStrictEqual(yield* runsOf("d"), [["aliased", null]])
    }))
}
