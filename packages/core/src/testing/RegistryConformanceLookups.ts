/** Cases of the registry conformance suite: finding artifacts and listing keys. */
import { assert } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import type { RegistryCase } from "./RegistryConformance.ts"
import { allKeys, artifactOf, exampleRoot, hashOf, requestFor, saveOne } from "./RegistryExamples.ts"

export const lookupCases = (test: RegistryCase): void => {
  test("an empty registry answers everything with nothing", (registry) =>
    Effect.gen(function*() {
      assert.deepInclude(yield* registry.info, { artifacts: 0, keys: 0, locations: 0, bytes: 0, roots: 0 })
      assert.deepStrictEqual(yield* registry.artifacts([]), [])
      assert.deepStrictEqual(yield* registry.artifacts(["nobody00000000000000"]), [])
      assert.isNull(yield* registry.uidByKey("k"))
      assert.deepStrictEqual(yield* registry.uidsByHash("h"), [])
      assert.deepStrictEqual(yield* allKeys(registry), [])
      assert.deepStrictEqual(yield* registry.keysNear("k", 3), [])
    }))

  test("artifacts come in the order asked for, without unknown ones, as often as asked", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const uids: Array<string> = []
      for (const key of ["a", "b", "c"]) uids.push((yield* saveOne(registry, { content: key, key })).uid)
      yield* registry.alias(uids[0]!, "a2")
      const found = yield* registry.artifacts([uids[2]!, "nobody00000000000000", uids[0]!, uids[2]!])
      assert.deepStrictEqual(found.map(({ uid }) => uid), [uids[2], uids[0], uids[2]])
      assert.deepStrictEqual(found.map(({ keys }) => keys), [["c"], ["a", "a2"], ["c"]])
      assert.deepStrictEqual(yield* artifactOf(registry, uids[0]!), found[1])
    }))

  test("uids are found by their beginning, in order, up to a limit", (registry) =>
    Effect.gen(function*() {
      const uids: Array<string> = []
      for (let i = 0; i < 40; i++) uids.push((yield* saveOne(registry, { content: `${i}`, key: `k${i}` })).uid)
      uids.sort()
      assert.deepStrictEqual(yield* registry.uidsByPrefix(uids[3]!, 2), [uids[3]!])
      assert.deepStrictEqual(yield* registry.uidsByPrefix("", 5), uids.slice(0, 5))
      const initial = uids[7]![0]!
      assert.deepStrictEqual(yield* registry.uidsByPrefix(initial, 100), uids.filter((uid) => uid.startsWith(initial)))
    }))

  test("keys equal after NFC normalisation, and keys that differ only in case or form", (registry) =>
    Effect.gen(function*() {
      const [composed, decomposed] = ["é/a.csv".normalize("NFC"), "é/a.csv".normalize("NFD")]
      yield* saveOne(registry, { content: "1", key: decomposed })
      yield* saveOne(registry, { content: "2", key: "É/A.csv" })
      yield* saveOne(registry, { content: "3", key: "e/a.csv" })
      assert.isNull(yield* registry.uidByKey(composed))
      assert.deepStrictEqual(yield* registry.keysEqualInNfc(composed), [decomposed])
      assert.deepStrictEqual(yield* registry.keysFoldingLike(composed), [decomposed, "É/A.csv"])
      assert.deepStrictEqual(yield* registry.keysFoldingLike("E/a.CSV"), ["e/a.csv"])
      assert.deepStrictEqual(yield* registry.keysFoldingLike("e/a.csv"), [])
    }))

  test("near keys: a slip of the finger, another folder, and nothing that is far away", (registry) =>
    Effect.gen(function*() {
      for (const key of ["raw/plate1/counts.csv", "raw/plate2/image.png", "models/net.pt"]) yield* saveOne(registry, { content: key, key })
      assert.strictEqual((yield* registry.keysNear("raw/plate1/cuonts.csv", 3))[0], "raw/plate1/counts.csv")
      assert.strictEqual((yield* registry.keysNear("counts.csv", 3))[0], "raw/plate1/counts.csv")
      assert.strictEqual((yield* registry.keysNear("RAW/Plate1/Counts.csv", 3))[0], "raw/plate1/counts.csv")
      assert.deepStrictEqual(yield* registry.keysNear("something/quite/different.zip", 3), [])
      assert.lengthOf(yield* registry.keysNear("raw/plate1/counts.csv", 1), 1)
    }))

  test("artifacts by hash, oldest first", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "same", key: "a" })
      const b = yield* saveOne(registry, { content: "same", key: "b" }, { onDuplicate: "new" })
      yield* saveOne(registry, { content: "other", key: "c" })
      assert.deepStrictEqual(yield* registry.uidsByHash(hashOf("same")), [a.uid, b.uid])
    }))

  test("a list has the keys at and below a prefix in the order of their bytes, with what they point at", (registry) =>
    Effect.gen(function*() {
      const keys = ["b/2", "b", "b!", "b/10", "bb", "a", "b/\u{1F600}", "b/\uFFFD", "b/é"]
      for (const key of keys) yield* saveOne(registry, { content: key, key })
      const inOrder = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
      assert.deepStrictEqual(yield* allKeys(registry), inOrder)
      const below = yield* Stream.runCollect(registry.list("b"))
      assert.deepStrictEqual(below.map(({ key }) => key), inOrder.filter((key) => key === "b" || key.startsWith("b/")))
      assert.deepStrictEqual(yield* Stream.runCollect(registry.list("c")), [])
      const { uid } = yield* saveOne(registry, { content: "b", key: "z" })
      const [first] = yield* Stream.runCollect(registry.list("z"))
      const artifact = yield* artifactOf(registry, uid)
      assert.deepStrictEqual(first, {
        key: "z", uid, isPrimary: false, suffix: ".csv", size: 1, hash: hashOf("b"), hashType: "md5", createdAt: artifact.createdAt
      })
    }))

  test("a long list is complete, and may be left early", (registry) =>
    Effect.gen(function*() {
      const n = 23_000
      const keyOf = (i: number) => `p${i % 7}/${String((i * 7919) % n).padStart(6, "0")}`
      const results = yield* registry.save(Array.from({ length: n }, (_, i) => requestFor({ content: `${i}`, key: keyOf(i) })), { onDuplicate: "alias", account: null })
      assert.isTrue(results.every(Result.isSuccess))
      const expected = [...new Set(Array.from({ length: n }, (_, i) => keyOf(i)))].sort()
      assert.deepStrictEqual(yield* allKeys(registry), expected)
      assert.deepStrictEqual((yield* registry.list("p3").pipe(Stream.take(2), Stream.runCollect)).map(({ key }) => key), expected.filter((k) => k.startsWith("p3/")).slice(0, 2))
      assert.deepInclude(yield* registry.info, { artifacts: n, keys: expected.length, locations: n })
    }))

  test("paths are true names where these are text, and stay escaped where they are not", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      yield* registry.addRoot(exampleRoot(2, { url: "s3://bucket/pre?region=eu-central-1", scheme: "s3", createdAt: "2026-01-02T03:04:06.000Z" }))
      const paths: ReadonlyArray<readonly [string, string]> = [
        ["a b/é.csv", "/data/1/a b/é.csv"], ["new%0Aline", "/data/1/new\nline"], ["bad%FFbyte", "/data/1/bad%FFbyte"], ["100%.csv", "/data/1/100%.csv"]
      ]
      for (const [place, path] of paths) {
        const { uid } = yield* saveOne(registry, { content: place, key: place, inPlace: place })
        assert.strictEqual((yield* artifactOf(registry, uid)).path, path)
        yield* registry.putLocation({ uid, root: exampleRoot(2).uid, objectKey: place, isVirtual: false })
        assert.strictEqual((yield* artifactOf(registry, uid)).locations[1]!.path, `s3://bucket/pre/${place}`)
      }
    }))

  test("a description can be set and taken away, unless nothing else tells what an artifact is", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", description: "old" })
      yield* registry.setDescription(a.uid, "new \u{1F600} 'quoted'")
      assert.strictEqual((yield* artifactOf(registry, a.uid)).description, "new \u{1F600} 'quoted'")
      assert.strictEqual((yield* Effect.flip(registry.setDescription(a.uid, null)))._tag, "InvalidInput")
      yield* registry.alias(a.uid, "k")
      yield* registry.setDescription(a.uid, null)
      assert.isNull((yield* artifactOf(registry, a.uid)).description)
      assert.strictEqual((yield* Effect.flip(registry.setDescription("nobody00000000000000", "x")))._tag, "NotFound")
    }))
}
