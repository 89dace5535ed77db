/**
 * What every store of collections has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * collectionConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { artifactListLine } from "../domain/ArtifactList.ts"
import { collectionHash } from "../domain/ContentHash.ts"
import { randomUid, sequenceOf, stemOf } from "../domain/Uid.ts"
import { CollectionStore, type MemberChange } from "../ports/CollectionStore.ts"
import { Registry } from "../ports/Registry.ts"
import { exampleRoot, hashOf, requestFor, saveOne } from "./RegistryExamples.ts"

type Services = Registry | CollectionStore

const put = (name: string, uids: ReadonlyArray<string>, more: Partial<MemberChange> = {}) =>
  Effect.flatMap(CollectionStore, (store) =>
    store.put({ name, members: { uids }, mode: "exactly", candidateUid: randomUid("collection"), description: null, account: null, run: null, ...more }))

const save = (content: string, key: string) => Effect.flatMap(Registry, (registry) => Effect.map(saveOne(registry, { content, key }), ({ uid }) => uid))

const withRoot = Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1)))

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const collectionConformance = (
  name: string,
  layer: Layer.Layer<Services, unknown>,
  vectors: ReadonlyArray<{ readonly member_hashes: ReadonlyArray<string>; readonly hash: string }> = []
): void =>
  void describe(`collections ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () => Effect.andThen(withRoot, run()).pipe(Effect.asVoid, Effect.provide(layer)))

    test("a changed member set is a new version, the same set the existing one", () => Effect.gen(function*() {
      const store = yield* CollectionStore
      const [a, b, c] = [yield* save("a", "a.csv"), yield* save("b", "b.csv"), yield* save("c", "c.csv")]
      const first = yield* put("plates/first", [b, a, b])
      expect(first).toMatchObject({ outcome: "created", collection: { name: "plates/first", version: 1, isLatest: true, members: 2, hash: collectionHash([hashOf("a"), hashOf("b")]) } })
      expect(yield* put("plates/first", [b, a])).toEqual({ collection: first.collection, outcome: "existing", otherOrder: false })
      expect(yield* put("plates/first", [a, b])).toEqual({ collection: first.collection, outcome: "existing", otherOrder: true })
      const second = yield* put("plates/first", [a, c])
      expect(second).toMatchObject({ outcome: "newVersion", collection: { version: 2, isLatest: true, members: 2, hash: collectionHash([hashOf("a"), hashOf("c")]) } })
      expect([stemOf(second.collection.uid), sequenceOf(second.collection.uid)]).toEqual([stemOf(first.collection.uid), 1])
      const third = yield* put("plates/first", [a, b])
      expect(third).toMatchObject({ outcome: "newVersion", collection: { version: 3, hash: first.collection.hash } })
      expect((yield* store.versions("plates/first")).map(({ isLatest, uid }) => [uid, isLatest])).toEqual([
        [first.collection.uid, false], [second.collection.uid, false], [third.collection.uid, true]
      ])
      expect(yield* store.members(first.collection.uid)).toEqual([b, a])
      expect(yield* store.members(third.collection.uid)).toEqual([a, b])
      const other = yield* put("plates/other", [a, b])
      expect(other).toMatchObject({ outcome: "created", collection: { version: 1 } })
      expect(yield* store.latest).toEqual([third.collection, other.collection])
      expect(yield* store.byUid(stemOf(first.collection.uid), 2)).toHaveLength(2)
      expect(yield* store.versions("nothing")).toEqual([])
    }))

    test("appended members come last", () => Effect.gen(function*() {
      const store = yield* CollectionStore
      const [a, b, c] = [yield* save("a", "a.csv"), yield* save("b", "b.csv"), yield* save("c", "c.csv")]
      expect(yield* Effect.flip(put("set", [a], { mode: "append" }))).toMatchObject({ _tag: "NotFound", what: "collection" })
      const { collection } = yield* put("set", [c, b])
      const longer = yield* put("set", [b, a], { mode: "append" })
      expect(longer).toMatchObject({ outcome: "newVersion", collection: { version: 2, members: 3 } })
      expect(yield* store.members(longer.collection.uid)).toEqual([c, b, a])
      expect(yield* put("set", [a, b, c], { mode: "append" })).toMatchObject({ outcome: "existing", collection: longer.collection })
      expect(yield* store.members(collection.uid)).toEqual([c, b])
    }))

    test("a member that does not exist refuses the whole", () => Effect.gen(function*() {
      const a = yield* save("a", "a.csv")
      expect(yield* Effect.flip(put("set", [a, "nothing"]))).toMatchObject({ _tag: "NotFound", what: "artifact", reference: "nothing" })
      expect(yield* (yield* CollectionStore).latest).toEqual([])
    }))

    test("members listed in a file are in the order of paths, each once", () => Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-list-"))), (path) => Effect.sync(() => rmSync(path, { recursive: true })))
      const [a, b, c] = [yield* save("a", "a.csv"), yield* save("b", "b.csv"), yield* save("c", "c.csv")]
      const file = join(folder, "list")
      writeFileSync(file, artifactListLine(1, "0", c) + artifactListLine(0, "it's \"b\"/x", b) + artifactListLine(0, "b\u{1f600}", b) + artifactListLine(0, "a b", a))
      const { collection } = yield* put("set", [], { members: { file } })
      expect(yield* (yield* CollectionStore).members(collection.uid)).toEqual([a, b, c])
      writeFileSync(file, "")
      expect(yield* put("empty", [], { members: { file } })).toMatchObject({ collection: { members: 0, hash: collectionHash([]) } })
    }).pipe(Effect.scoped))

    test("the difference of two versions pairs versions of one artifact", () => Effect.gen(function*() {
      const store = yield* CollectionStore
      const [a, b, c] = [yield* save("a", "a.csv"), yield* save("b", "b.csv"), yield* save("c", "c.csv")]
      const { collection: from } = yield* put("set", [a, b, c])
      const [a2, d] = [yield* save("a2", "a.csv"), yield* save("d", "d.csv")]
      const { collection: to } = yield* put("set", [d, a2, b])
      expect(yield* store.difference(from.uid, to.uid)).toEqual({
        added: [{ uid: d, key: "d.csv" }], removed: [{ uid: c, key: "c.csv" }], changed: [{ from: a, to: a2, key: "a.csv" }], unchanged: 1
      })
      expect(yield* store.difference(to.uid, to.uid)).toEqual({ added: [], removed: [], changed: [], unchanged: 3 })
    }))

    vectors.forEach(({ hash, member_hashes }, n) => test(`hash by the worked values, ${n + 1}`, () => Effect.gen(function*() {
      const registry = yield* Registry
      const results = yield* registry.save(member_hashes.map((member, i) => ({ ...requestFor({ content: `${i}`, key: `k${i}.csv` }), hash: member })), { onDuplicate: "alias", account: null })
      const uids = results.flatMap((result) => (Result.isSuccess(result) ? [result.success.uid] : []))
      expect((yield* put("set", uids)).collection.hash).toBe(hash)
    })))
  })
