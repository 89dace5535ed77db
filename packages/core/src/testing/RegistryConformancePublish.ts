/** Cases of the registry conformance suite: batches from staging files. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Relocation } from "../domain/StagedBatch.ts"
import { randomUid, stemOf } from "../domain/Uid.ts"
import type { RegistryCase } from "./RegistryConformance.ts"
import { allKeys, artifactOf, exampleRoot, hashOf, saveOne } from "./RegistryExamples.ts"
import { placeOf, publishExample } from "./StagingExamples.ts"

export const publishCases = (test: RegistryCase): void => {
  test("rows are saved in order and reported, failed and skipped ones too", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const uid = randomUid("artifact")
      const published = yield* publishExample(registry, [
        { rel: "a", content: "1", uid },
        { rel: "b%0A", content: "1" },
        { rel: "broken", status: "f", code: "EACCES", message: "permission denied" },
        { rel: "link", status: "s", code: "symlink", message: "symlink" }
      ], { keyPrefix: "pre/", inPlacePrefix: "sub/" })
      assert.deepStrictEqual(published, {
        counts: { created: 1, newVersion: 0, existing: 0, keyed: 0, aliased: 1, moved: 0 },
        duplicates: [],
        superfluous: [],
        needContent: [],
        items: [
          { rel: "a", outcome: "created", key: "pre/a", uid, hash: hashOf("1"), size: 1, code: null, message: null },
          { rel: "b%0A", outcome: "aliased", key: "pre/b%0A", uid, hash: hashOf("1"), size: 1, code: null, message: null },
          { rel: "broken", outcome: "failed", key: null, uid: null, hash: null, size: null, code: "EACCES", message: "permission denied" },
          { rel: "link", outcome: "skipped", key: null, uid: null, hash: null, size: null, code: "symlink", message: "symlink" }
        ]
      })
      const artifact = yield* artifactOf(registry, uid)
      assert.deepStrictEqual(artifact.keys, ["pre/a", "pre/b%0A"])
      assert.deepStrictEqual(artifact.locations.map(({ path }) => path), ["/data/1/sub/a", "/data/1/sub/b\n"])
    }))

  test("a dry run decides the same and changes nothing", (registry) =>
    Effect.gen(function*() {
      yield* saveOne(registry, { content: "1", key: "a" })
      const before = yield* registry.info
      const rows = [{ rel: "a", content: "2" }, { rel: "b", content: "1" }, { rel: "c", content: "3" }]
      const dry = yield* publishExample(registry, rows, { dryRun: true, inPlacePrefix: null })
      assert.deepInclude(dry.counts, { newVersion: 1, keyed: 1, created: 1 })
      assert.deepStrictEqual(yield* registry.info, before)
      assert.deepStrictEqual((yield* publishExample(registry, rows, { inPlacePrefix: null })).counts, dry.counts)
    }))

  test("a managed batch says which objects it did not need, and moves those of new versions", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const old = yield* saveOne(registry, { content: "old", key: "k" })
      const [version, same, made] = [randomUid("artifact"), randomUid("artifact"), randomUid("artifact")]
      const asked: Array<Relocation> = []
      const published = yield* publishExample(registry, [
        { rel: "k", content: "new", uid: version }, { rel: "l", content: "new", uid: same }, { rel: "m", content: "other", uid: made }
      ], {
        inPlacePrefix: null,
        relocate: async (moves) => {
          asked.push(...moves)
          return moves.map(({ uid }) => placeOf(uid))
        }
      })
      const uid = `${stemOf(old.uid)}0001`
      assert.deepStrictEqual(asked.map(({ from, hash, key, suffix, uid }) => ({ from, hash, key, suffix, uid })), [
        { from: placeOf(version), hash: hashOf("new"), key: "k", suffix: ".csv", uid }
      ])
      assert.deepStrictEqual(published.superfluous, [placeOf(same)])
      assert.deepStrictEqual((yield* artifactOf(registry, uid)).locations.map(({ path }) => path), [`/data/1/${placeOf(uid)}`])
      assert.deepStrictEqual(yield* registry.knownObjects(exampleRoot(1).uid, [placeOf(version), placeOf(same), placeOf(made), placeOf(uid)]), new Set([placeOf(made), placeOf(uid)]))
    }))

  test("a batch whose objects cannot be moved changes nothing", (registry) =>
    Effect.gen(function*() {
      yield* saveOne(registry, { content: "old", key: "k" })
      const before = yield* registry.info
      const exit = yield* Effect.exit(publishExample(registry, [{ rel: "k", content: "new" }, { rel: "n", content: "n" }], {
        inPlacePrefix: null, relocate: () => Promise.reject(new Error("no"))
      }))
      assert.strictEqual(exit._tag, "Failure")
      assert.deepStrictEqual(yield* registry.info, before)
    }))

  test("content that is needed but was not copied is asked for", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const kept = yield* saveOne(registry, { content: "kept", key: "a" })
      const published = yield* publishExample(registry, [
        { rel: "a", content: "kept", objectKey: null }, { rel: "b", content: "kept", objectKey: null }, { rel: "c", content: "unknown", objectKey: null }
      ], { inPlacePrefix: null })
      assert.deepStrictEqual(published.needContent, ["c"])
      assert.deepStrictEqual(published.items.map(({ outcome, rel, uid }) => [rel, outcome, uid]), [["a", "existing", kept.uid], ["b", "aliased", kept.uid]])
      assert.deepStrictEqual(yield* allKeys(registry), ["a", "b"])
    }))

  test("policy error reports each row that is known already", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "a" })
      const object = randomUid("artifact")
      const published = yield* publishExample(registry, [{ rel: "b", content: "1", uid: object }, { rel: "c", content: "2" }, { rel: "d", content: "2" }], {
        onDuplicate: "error", inPlacePrefix: null
      })
      const made = published.items[1]!.uid!
      assert.deepStrictEqual(published.duplicates, [{ rel: "b", uid: a.uid }, { rel: "d", uid: made }])
      assert.deepStrictEqual(published.items.map(({ code, outcome }) => [outcome, code]), [["failed", "DuplicateContent"], ["created", null], ["failed", "DuplicateContent"]])
      assert.include(published.superfluous, placeOf(object))
      assert.deepStrictEqual(yield* allKeys(registry), ["a", "c"])
    }))

  test("ten thousand rows, then the same again, then all changed", (registry) =>
    Effect.gen(function*() {
      const n = 10_000
      const rows = (version: string) => Array.from({ length: n }, (_, i) => ({ rel: `d${i % 10}/${i}`, content: `${version}${i}` }))
      assert.strictEqual((yield* publishExample(registry, rows("a"), { wantItems: false })).counts.created, n)
      assert.strictEqual((yield* publishExample(registry, rows("a"), { wantItems: false })).counts.existing, n)
      assert.strictEqual((yield* publishExample(registry, rows("b"), { wantItems: false })).counts.newVersion, n)
      assert.deepInclude(yield* registry.info, { artifacts: 2 * n, keys: n, locations: 2 * n })
    }))
}
