/** Cases of the registry conformance suite: copies, their states and their places. */
import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { CopyFilter, ObjectFilter } from "../ports/Registry.ts"
import type { RegistryCase, RegistryService } from "./RegistryConformance.ts"
import { artifactOf, exampleRoot, requestFor, rootUid, saveOne } from "./RegistryExamples.ts"

const copiesOf = (registry: RegistryService, filter: CopyFilter) => Stream.runCollect(registry.copies(filter))

export const copyCases = (test: RegistryCase): void => {
  test("copies come by root and object key, and can be chosen by root, uid and key", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
      const a = yield* saveOne(registry, { content: "1", key: "p/a", inPlace: "z" })
      const b = yield* saveOne(registry, { content: "22", key: "p/b", inPlace: "y" })
      const c = yield* saveOne(registry, { content: "333", key: "px", inPlace: "x" })
      yield* registry.putLocation({ uid: c.uid, root: rootUid(2), objectKey: "w", isVirtual: true })
      const all = yield* copiesOf(registry, {})
      assert.deepStrictEqual(all.map(({ objectKey, root, uid }) => [root, objectKey, uid]), [
        [rootUid(1), "x", c.uid], [rootUid(1), "y", b.uid], [rootUid(1), "z", a.uid], [rootUid(2), "w", c.uid]
      ])
      const { hash, hashType } = yield* artifactOf(registry, c.uid)
      assert.deepStrictEqual(all[3], { uid: c.uid, key: "px", root: rootUid(2), objectKey: "w", isVirtual: true, inPlace: false, suffix: ".csv", size: 3, hash, hashType, state: "ok" })
      assert.lengthOf(yield* copiesOf(registry, { root: rootUid(2) }), 1)
      assert.lengthOf(yield* copiesOf(registry, { uids: [c.uid, a.uid] }), 3)
      assert.deepStrictEqual((yield* copiesOf(registry, { keyPrefix: "p" })).map(({ uid }) => uid), [b.uid, a.uid])
      assert.deepStrictEqual((yield* copiesOf(registry, { keyPrefix: "p/a" })).map(({ uid }) => uid), [a.uid])
      assert.lengthOf(yield* copiesOf(registry, { keyPrefix: "p", root: rootUid(2) }), 0)
    }))

  test("the same seed draws the same sample, of about the share asked for", (registry) =>
    Effect.gen(function*() {
      const n = 25_000
      yield* registry.save(Array.from({ length: n }, (_, i) => requestFor({ content: `${i}`, key: `k${i}`, inPlace: `k${i}` })), { onDuplicate: "alias", account: null })
      assert.lengthOf(yield* copiesOf(registry, {}), n)
      const places = (seed: string, share: number) => Effect.map(copiesOf(registry, { sample: { seed, share } }), (found) => found.map(({ objectKey }) => objectKey))
      const drawn = yield* places("s", 0.1)
      assert.deepStrictEqual(yield* places("s", 0.1), drawn)
      assert.notDeepEqual(yield* places("t", 0.1), drawn)
      // Ten standard deviations.
      assert.isBelow(Math.abs(drawn.length - n / 10), 10 * Math.sqrt(n * 0.1 * 0.9))
      assert.lengthOf(yield* places("s", 1), n)
    }))

  test("what verification found is recorded with its time", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const a = yield* saveOne(registry, { content: "1", key: "a", inPlace: "a" })
      const b = yield* saveOne(registry, { content: "2", key: "b", inPlace: "b" })
      assert.isNull((yield* artifactOf(registry, a.uid)).locations[0]!.verifiedAt)
      const before = Date.now()
      yield* registry.recordStates([
        { uid: a.uid, root: rootUid(1), objectKey: "a", state: "ok" },
        { uid: b.uid, root: rootUid(1), objectKey: "b", state: "missing" },
        { uid: b.uid, root: rootUid(1), objectKey: "not there", state: "damaged" }
      ])
      const [one, two] = yield* registry.artifacts([a.uid, b.uid])
      assert.deepStrictEqual([one!.locations[0]!.state, two!.locations.map(({ state }) => state)], ["ok", ["missing"]])
      assert.isAtLeast(Date.parse(one!.locations[0]!.verifiedAt!), before)
      yield* registry.recordStates([])
    }))

  test("a copy can be added and moved", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const { uid } = yield* saveOne(registry, { content: "1", key: "a", inPlace: "a" })
      const put = (objectKey: string, from?: string) =>
        registry.putLocation({ uid, root: rootUid(1), objectKey, isVirtual: true, ...(from === undefined ? {} : { from }) })
      const places = Effect.map(copiesOf(registry, { uids: [uid] }), (found) => found.map(({ objectKey, state }) => `${objectKey} ${state}`))
      yield* put("b")
      yield* put("b")
      assert.deepStrictEqual(yield* places, ["a ok", "b ok"])
      yield* put("c", "b")
      assert.deepStrictEqual(yield* places, ["a ok", "c ok"])
      yield* put("c", "a")
      assert.deepStrictEqual(yield* places, ["c ok"])
      yield* registry.recordStates([{ uid, root: rootUid(1), objectKey: "c", state: "damaged" }])
      yield* put("c")
      assert.deepStrictEqual(yield* places, ["c ok"])
      assert.strictEqual((yield* Effect.flip(put("d", "nowhere")))._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(registry.putLocation({ uid: "nobody00000000000000", root: rootUid(1), objectKey: "x", isVirtual: true })))._tag, "NotFound")
    }))

  test("objects are found by place, artifact and key, and move together", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const own = yield* saveOne(registry, { content: "1", key: "a" })
      const below = yield* saveOne(registry, { content: "2", key: "d/b" })
      const users = yield* saveOne(registry, { content: "3", key: "d/c", inPlace: "d/c" })
      const uids = (filter: ObjectFilter) => Effect.map(registry.objects(filter), (found) => found.map(({ uid }) => uid).sort())
      const place = (uid: string) => Effect.map(copiesOf(registry, { uids: [uid] }), ([copy]) => copy!.objectKey)
      const from = [yield* place(own.uid), yield* place(below.uid)] as const
      assert.deepStrictEqual(yield* uids({}), [own.uid, below.uid].sort())
      assert.deepStrictEqual(yield* uids({ keyPrefix: "d" }), [below.uid])
      assert.deepStrictEqual(yield* uids({ keyPrefix: "d", withInPlace: true }), [below.uid, users.uid].sort())
      assert.deepStrictEqual(yield* uids({ root: rootUid(1), objectKeys: [from[0], "d/c"] }), [own.uid])
      assert.deepStrictEqual(yield* uids({ root: rootUid(2) }), [])
      assert.deepStrictEqual(yield* uids({ since: Date.now() + 60_000 }), [])
      yield* registry.moveLocations(rootUid(1), [
        { uid: own.uid, from: from[0], to: "x", isVirtual: false },
        { uid: below.uid, from: from[1], to: "y", isVirtual: true },
        { uid: users.uid, from: "not there", to: "z", isVirtual: false }
      ])
      assert.deepStrictEqual([yield* place(own.uid), yield* place(below.uid), yield* place(users.uid)], ["x", "y", "d/c"])
      assert.deepStrictEqual(yield* uids({ isVirtual: false }), [own.uid])
      const [artifact] = yield* registry.artifacts([own.uid])
      assert.deepInclude(artifact!.locations[0], { state: "ok", keyIsVirtual: false })
      yield* registry.moveLocations(rootUid(1), [])
    }))

  test("objects are known by their place, whatever their state", (registry) =>
    Effect.gen(function*() {
      const { uid } = yield* saveOne(registry, { content: "1", key: "a", inPlace: "a" })
      yield* saveOne(registry, { content: "2", key: "b", inPlace: "b" })
      yield* registry.recordStates([{ uid, root: rootUid(1), objectKey: "a", state: "damaged" }])
      assert.deepStrictEqual(yield* registry.knownObjects(rootUid(1), ["a", "b", "c"]), new Set(["a", "b"]))
      assert.deepStrictEqual(yield* registry.knownObjects(rootUid(2), ["a"]), new Set())
      assert.deepStrictEqual(yield* registry.knownObjects(rootUid(1), []), new Set())
      assert.strictEqual(yield* registry.uidByObject(rootUid(1), "a"), uid)
      assert.isNull(yield* registry.uidByObject(rootUid(1), "c"))
      assert.isNull(yield* registry.uidByObject(rootUid(2), "a"))
    }))
}
