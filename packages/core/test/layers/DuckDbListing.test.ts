import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { DuckDbClient } from "../../src/layers/DuckDbClient.ts"
import { pageRanges } from "../../src/layers/DuckDbListing.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { requestFor, rootUid, saveOne } from "../../src/testing/RegistryExamples.ts"
import { freshRegistry } from "./RegistryFolder.ts"

const N = 220_000

/** Many artifacts with keys and copies, made by the engine. */
const fill = Effect.gen(function*() {
  const client = yield* DuckDbClient
  yield* client.write(async (s) => {
    await s.run(`CREATE TEMP TABLE made AS SELECT i, left(md5(i::VARCHAR), 16) || '0000' AS uid, 'd' || i % 10 || '/' || md5('k' || i) AS key FROM range(${N}) r(i)`)
    await s.run(`INSERT INTO reg.artifact SELECT uid, left(uid, 16), 0, true, key, NULL, '.csv', NULL, NULL, NULL, i + 1, md5('h' || i), 'md5', NULL, NULL, NULL, NULL, NULL, 1,
      make_timestamp(i), make_timestamp(i) FROM made`)
    await s.run(`INSERT INTO reg.key SELECT key, uid, make_timestamp(i), 'created', NULL FROM made`)
    await s.run(`INSERT INTO reg.location SELECT uid, '${rootUid(1)}', key, false, true, 'ok', NULL, make_timestamp(i), NULL FROM made`)
    await s.run(`DROP TABLE temp.made`)
  })
})

describe("long results", () => {
  it.live("come complete and in order, page by page, while others write", () =>
    Effect.gen(function*() {
      yield* fill
      const client = yield* DuckDbClient
      const registry = yield* Registry
      const pages = yield* client.read((s) => pageRanges(s, { column: "key", from: "FROM reg.key WHERE true", params: [], after: null }))
      assert.isAbove(pages.length, 3)
      let seen = 0
      const keys = yield* registry.list("").pipe(
        // A key that comes late in the order, made when the list has begun, and one that would have been early.
        Stream.tap(() => (++seen === 1 ? Effect.all([saveOne(registry, { content: "late", key: "z" }), saveOne(registry, { content: "early", key: "a" })]) : Effect.void)),
        Stream.map(({ key }) => key),
        Stream.runCollect
      )
      assert.deepStrictEqual(keys.length, N + 1)
      assert.deepStrictEqual(keys, [...keys].sort())
      assert.strictEqual(new Set(keys).size, keys.length)
      assert.strictEqual(keys.at(-1), "z")
      const below = yield* registry.list("d3").pipe(Stream.runFold(() => 0, (n) => n + 1))
      assert.strictEqual(below, N / 10)
    }).pipe(Effect.provide(freshRegistry)))

  it.live("copies of several roots too", () =>
    Effect.gen(function*() {
      yield* fill
      const registry = yield* Registry
      const request = requestFor({ content: "other", key: "other" })
      yield* registry.save([{ ...request, object: { ...request.object, root: rootUid(0) } }], { onDuplicate: "alias", account: null })
      const copies = yield* Stream.runCollect(registry.copies({}))
      assert.lengthOf(copies, N + 1)
      assert.strictEqual(copies[0]!.root, rootUid(0))
      const places = copies.slice(1).map(({ objectKey }) => objectKey)
      assert.deepStrictEqual(places, [...places].sort())
      assert.lengthOf(yield* Stream.runCollect(registry.copies({ keyPrefix: "d3" })), N / 10)
    }).pipe(Effect.provide(freshRegistry)))
})
