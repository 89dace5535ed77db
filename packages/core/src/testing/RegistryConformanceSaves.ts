/** Cases of the registry conformance suite: the decision table, row by row, and what follows from it. */
import { assert } from "@effect/vitest"
import { Effect, Result } from "effect"
import { stemOf } from "../domain/Uid.ts"
import type { RegistryCase } from "./RegistryConformance.ts"
import { allKeys, artifactOf, exampleRoot, hashOf, refusedSave, requestFor, saveOne } from "./RegistryExamples.ts"

export const saveCases = (test: RegistryCase): void => {
  test("unknown content under a free key is created, with everything that was given", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const before = Date.now()
      const request = requestFor({ content: "hello", key: "raw/a.csv", description: "d", run: "run0000000000001" })
      const [result] = yield* registry.save([{ ...request, kind: "dataset" }], { onDuplicate: "alias", account: null })
      const { at, ...outcome } = Result.getOrThrow(result!)
      assert.deepStrictEqual(outcome, {
        outcome: "created", uid: request.candidateUid, aliasOf: null, movedFrom: null, keyLeftAlone: false, objectUsed: true
      })
      const { createdAt, updatedAt, ...artifact } = yield* artifactOf(registry, request.candidateUid)
      assert.isAtLeast(Date.parse(createdAt), before - 1)
      assert.strictEqual(createdAt, new Date(Math.floor(at / 1000)).toISOString())
      assert.strictEqual(updatedAt, createdAt)
      const path = `/data/1/${request.object.objectKey}`
      assert.deepStrictEqual(artifact, {
        uid: request.candidateUid, key: "raw/a.csv", keys: ["raw/a.csv"], formerKey: null, suffix: ".csv", kind: "dataset", description: "d", version: null,
        isLatest: true, size: 5, hash: hashOf("hello"), hashType: "md5", nFiles: null, nObservations: null, keyIsVirtual: true, storage: "file:///data/1", path,
        locations: [{ storage: "file:///data/1", path, keyIsVirtual: true, state: "ok", verifiedAt: null }],
        labels: [], collections: [], run: "run0000000000001", transform: null, createdBy: null
      })
    }))

  test("unknown content without key, description and run is refused; with one of the last two it is created", (registry) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* refusedSave(registry, { content: "x" }))._tag, "Unnamed")
      assert.strictEqual((yield* registry.info).artifacts, 0)
      assert.strictEqual((yield* saveOne(registry, { content: "x", description: "d" })).outcome, "created")
      assert.strictEqual((yield* saveOne(registry, { content: "y", run: "run0000000000001" })).outcome, "created")
    }))

  test("unknown content under a primary key is a new version, and the only latest one", (registry) =>
    Effect.gen(function*() {
      const first = yield* saveOne(registry, { content: "1", key: "k", description: "first" })
      const second = yield* saveOne(registry, { content: "2", key: "k" })
      const third = yield* saveOne(registry, { content: "3", key: "k" })
      assert.deepStrictEqual([second.outcome, second.uid, third.uid], ["newVersion", `${stemOf(first.uid)}0001`, `${stemOf(first.uid)}0002`])
      assert.deepStrictEqual([second.movedFrom, second.aliasOf, second.objectUsed], [null, null, true])
      const [one, two, three] = yield* registry.artifacts([first.uid, second.uid, third.uid])
      assert.deepStrictEqual([one!.isLatest, two!.isLatest, three!.isLatest], [false, false, true])
      assert.deepStrictEqual([one!.key, one!.formerKey, three!.key, three!.formerKey], [null, "k", "k", null])
      assert.isNull(two!.description)
    }))

  test("unknown content under an alias is created as a family of its own and takes the key along", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      yield* registry.alias(a.uid, "other")
      const b = yield* saveOne(registry, { content: "2", key: "other" })
      assert.deepStrictEqual([b.outcome, b.movedFrom], ["created", a.uid])
      assert.notStrictEqual(stemOf(b.uid), stemOf(a.uid))
      const [old, made] = yield* registry.artifacts([a.uid, b.uid])
      assert.deepStrictEqual([old!.keys, old!.isLatest, made!.keys], [["k"], true, ["other"]])
    }))

  test("known content without a key is the existing artifact", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      const { at: _, ...outcome } = yield* saveOne(registry, { content: "1" })
      assert.deepStrictEqual(outcome, {
        outcome: "existing", uid: a.uid, aliasOf: null, movedFrom: null, keyLeftAlone: false, objectUsed: false
      })
    }))

  test("known content without any key gets its first one", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", description: "d" })
      const b = yield* saveOne(registry, { content: "1", key: "k" })
      assert.deepStrictEqual([b.outcome, b.uid, b.aliasOf], ["keyed", a.uid, null])
      assert.deepStrictEqual((yield* artifactOf(registry, a.uid)).key, "k")
    }))

  test("known content under its own key is existing", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      yield* registry.alias(a.uid, "l")
      for (const key of ["k", "l"]) {
        const again = yield* saveOne(registry, { content: "1", key }, { onDuplicate: "error" })
        assert.deepStrictEqual([again.outcome, again.uid, again.keyLeftAlone, again.objectUsed], ["existing", a.uid, false, false])
      }
    }))

  test("known content under a free key gets an alias", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      const b = yield* saveOne(registry, { content: "1", key: "l" })
      assert.deepStrictEqual([b.outcome, b.uid, b.aliasOf, b.objectUsed], ["aliased", a.uid, "k", false])
      assert.deepStrictEqual((yield* artifactOf(registry, a.uid)).keys, ["k", "l"])
    }))

  test("known content under the key of another artifact moves the key", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "a" })
      const b = yield* saveOne(registry, { content: "2", key: "b" })
      yield* registry.alias(b.uid, "b2")
      const moved = yield* saveOne(registry, { content: "1", key: "b" })
      assert.deepStrictEqual([moved.outcome, moved.uid, moved.movedFrom, moved.aliasOf], ["moved", a.uid, b.uid, "a"])
      const [one, two] = yield* registry.artifacts([a.uid, b.uid])
      assert.deepStrictEqual([one!.keys, two!.keys, two!.key], [["a", "b"], ["b2"], "b2"])
      const again = yield* saveOne(registry, { content: "1", key: "b2" })
      assert.strictEqual(again.outcome, "moved")
      const last = yield* artifactOf(registry, b.uid)
      assert.deepStrictEqual([last.key, last.formerKey, last.keys], [null, "b2", []])
    }))

  test("policy reuse leaves keys alone, except that a keyless artifact gets a free one", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      const b = yield* saveOne(registry, { content: "2", key: "l" })
      const reuse = { onDuplicate: "reuse" } as const
      const free = yield* saveOne(registry, { content: "1", key: "free" }, reuse)
      assert.deepStrictEqual([free.outcome, free.uid, free.keyLeftAlone, free.aliasOf], ["existing", a.uid, true, "k"])
      const taken = yield* saveOne(registry, { content: "1", key: "l" }, reuse)
      assert.deepStrictEqual([taken.outcome, taken.uid, taken.keyLeftAlone, taken.movedFrom], ["existing", a.uid, true, null])
      yield* registry.unalias("k")
      assert.strictEqual((yield* saveOne(registry, { content: "1", key: "l" }, reuse)).outcome, "existing")
      assert.strictEqual((yield* saveOne(registry, { content: "1", key: "free" }, reuse)).outcome, "keyed")
      assert.strictEqual(yield* registry.uidByKey("l"), b.uid)
    }))

  test("policy new makes a second artifact, or a new version of what the key points at", (registry) =>
    Effect.gen(function*() {
      const fresh = { onDuplicate: "new" } as const
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      const b = yield* saveOne(registry, { content: "1", key: "l" }, fresh)
      assert.deepStrictEqual([b.outcome, b.objectUsed], ["created", true])
      assert.deepStrictEqual(yield* registry.uidsByHash(hashOf("1")), [a.uid, b.uid])
      assert.strictEqual((yield* saveOne(registry, { content: "1", key: "l" }, fresh)).outcome, "existing")
      yield* saveOne(registry, { content: "2", key: "m" })
      assert.strictEqual((yield* saveOne(registry, { content: "1", key: "m" }, fresh)).outcome, "newVersion")
      assert.strictEqual((yield* refusedSave(registry, { content: "1" }, fresh))._tag, "Unnamed")
    }))

  test("policy error refuses known content, naming the artifact, and changes nothing", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "1", key: "k" })
      const before = yield* registry.info
      const refusal = yield* refusedSave(registry, { content: "1", key: "l" }, { onDuplicate: "error" })
      assert.deepInclude(refusal, { _tag: "DuplicateContent", uid: a.uid, existingKey: "k", key: "l", hash: hashOf("1") })
      assert.deepStrictEqual(yield* registry.info, before)
    }))

  test("empty content matches nothing but what its own key points at", (registry) =>
    Effect.gen(function*() {
      const a = yield* saveOne(registry, { content: "", key: "a" })
      const b = yield* saveOne(registry, { content: "", key: "b" }, { onDuplicate: "error" })
      assert.deepStrictEqual([b.outcome, b.uid === a.uid], ["created", false])
      assert.strictEqual((yield* saveOne(registry, { content: "", key: "a" })).outcome, "existing")
    }))

  test("a hash alone is no identity: type and size count", (registry) =>
    Effect.gen(function*() {
      yield* saveOne(registry, { content: "12345", key: "a" })
      const request = requestFor({ content: "12345", key: "b" })
      const results = yield* registry.save([{ ...request, hashType: "sha1-fl" }, { ...requestFor({ content: "12345", key: "c" }), size: 6 }], {
        onDuplicate: "alias", account: null
      })
      assert.deepStrictEqual(results.map((result) => Result.getOrThrow(result).outcome), ["created", "created"])
    }))

  test("many saves at once come out as one after the other; a refused one does not stop the rest", (registry) =>
    Effect.gen(function*() {
      const results = yield* registry.save([
        requestFor({ content: "1", key: "a" }), requestFor({ content: "1", key: "b" }), requestFor({ content: "2", key: "a" }), requestFor({ content: "3" }),
        requestFor({ content: "1", key: "a" }), requestFor({ content: "2", key: "b" })
      ], { onDuplicate: "alias", account: null })
      assert.deepStrictEqual(results.map((result) => (Result.isSuccess(result) ? result.success.outcome : result.failure._tag)),
        ["created", "aliased", "newVersion", "Unnamed", "moved", "moved"])
      assert.strictEqual(results.length, 6)
      assert.deepStrictEqual((yield* registry.keyLog("a")).map(({ event }) => event), ["created", "newVersion", "moved"])
    }))

  test("fifty thousand saves that all touch the keys of one artifact", (registry) =>
    Effect.gen(function*() {
      const n = 50_000
      const context = { onDuplicate: "alias", account: null } as const
      const aliases = yield* registry.save(Array.from({ length: n }, (_, i) => requestFor({ content: "1", key: `k${i}` })), context)
      assert.strictEqual(aliases.filter((result) => Result.isSuccess(result) && result.success.outcome === "aliased").length, n - 1)
      const { uid } = Result.getOrThrow(aliases[0]!)
      // Each takes away the key that has become primary.
      const leaving = yield* registry.save(Array.from({ length: n }, (_, i) => requestFor({ content: `c${i}`, key: `k${i}` })), context)
      assert.isTrue(leaving.every((result) => Result.isSuccess(result) && result.success.outcome === "newVersion"))
      const left = yield* artifactOf(registry, uid)
      assert.deepStrictEqual([left.key, left.formerKey, left.isLatest], [null, `k${n - 1}`, false])
    }))

  test("order of creation is save order", (registry) =>
    Effect.gen(function*() {
      const results = yield* registry.save(Array.from({ length: 100 }, (_, i) => requestFor({ content: "same", key: `k${(i * 37) % 100}` })), {
        onDuplicate: "new", account: null
      })
      const uids = results.map((result) => Result.getOrThrow(result).uid)
      assert.deepStrictEqual(yield* registry.uidsByHash(hashOf("same")), uids)
      const later = yield* saveOne(registry, { content: "same", key: "later" }, { onDuplicate: "new" })
      assert.strictEqual((yield* registry.uidsByHash(hashOf("same"))).at(-1), later.uid)
    }))

  test("a file in place is a further copy whatever the outcome, and no other artifact's any more", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const a = yield* saveOne(registry, { content: "1", key: "a", inPlace: "a" })
      const b = yield* saveOne(registry, { content: "1", key: "b", inPlace: "b" })
      assert.deepStrictEqual([b.outcome, b.uid, b.objectUsed], ["aliased", a.uid, true])
      const both = yield* artifactOf(registry, a.uid)
      assert.deepStrictEqual(both.locations.map(({ keyIsVirtual, path, state }) => [path, state, keyIsVirtual]),
        [["/data/1/a", "ok", false], ["/data/1/b", "ok", false]])
      const changed = yield* saveOne(registry, { content: "2", key: "b", inPlace: "b" })
      assert.strictEqual(changed.outcome, "created")
      assert.deepStrictEqual((yield* artifactOf(registry, a.uid)).locations.map(({ path, state }) => [path, state]), [["/data/1/a", "ok"], ["/data/1/b", "replaced"]])
      assert.strictEqual(yield* registry.uidByObject(exampleRoot(1).uid, "b"), changed.uid)
      const back = yield* saveOne(registry, { content: "1", key: "b", inPlace: "b" })
      assert.strictEqual(back.outcome, "moved")
      assert.deepStrictEqual((yield* artifactOf(registry, a.uid)).locations.map(({ path, state }) => [path, state]), [["/data/1/a", "ok"], ["/data/1/b", "ok"]])
      assert.deepStrictEqual((yield* artifactOf(registry, changed.uid)).locations.map(({ state }) => state), ["replaced"])
    }))

  test("content that revises an artifact becomes the next version of its family, under any key that is free or of the family", (registry) =>
    Effect.gen(function*() {
      const first = yield* saveOne(registry, { content: "1", key: "a" })
      const second = yield* saveOne(registry, { content: "2", key: "b", suffix: ".tsv", revises: first.uid })
      assert.deepStrictEqual([second.outcome, second.uid], ["newVersion", first.uid.slice(0, 16) + "0001"])
      // An older member means the family, and a key of the family moves on.
      const third = yield* saveOne(registry, { content: "3", key: "a", revises: first.uid })
      assert.deepStrictEqual([third.outcome, third.uid, third.movedFrom], ["newVersion", first.uid.slice(0, 16) + "0002", null])
      const keyless = yield* saveOne(registry, { content: "4", revises: second.uid })
      assert.strictEqual(keyless.uid, first.uid.slice(0, 16) + "0003")
      const family = yield* Effect.forEach([first, second, third, keyless], ({ uid }) => artifactOf(registry, uid))
      assert.deepStrictEqual(family.map(({ formerKey, isLatest, key, suffix }) => [key, formerKey, suffix, isLatest]), [
        [null, "a", ".csv", false], ["b", null, ".tsv", false], ["a", null, ".csv", false], [null, null, ".csv", true]
      ])
      const known = yield* saveOne(registry, { content: "1", key: "c", revises: keyless.uid })
      assert.deepStrictEqual([known.outcome, known.uid], ["keyed", first.uid])
      const other = yield* saveOne(registry, { content: "other", key: "other" })
      assert.deepInclude(yield* refusedSave(registry, { content: "5", key: "other", revises: first.uid }), { _tag: "KeyConflict", holder: other.uid })
      assert.deepInclude(yield* refusedSave(registry, { content: "5", revises: "0".repeat(20) }), { _tag: "NotFound" })
      assert.deepStrictEqual(yield* allKeys(registry), ["a", "b", "c", "other"])
    }))

  test("a version tag is unique in its family, and an artifact keeps the one it has", (registry) =>
    Effect.gen(function*() {
      const first = yield* saveOne(registry, { content: "1", key: "a", version: "1.0" })
      assert.deepInclude(yield* refusedSave(registry, { content: "2", key: "a", version: "1.0" }), { _tag: "InvalidInput" })
      const second = yield* saveOne(registry, { content: "2", key: "a" })
      assert.deepInclude(yield* refusedSave(registry, { content: "2", key: "a", version: "1.0" }), { _tag: "InvalidInput" })
      assert.strictEqual((yield* saveOne(registry, { content: "2", key: "a", version: "2.0" })).uid, second.uid)
      yield* saveOne(registry, { content: "2", key: "a", version: "3.0" })
      yield* saveOne(registry, { content: "elsewhere", key: "b", version: "1.0" })
      assert.deepStrictEqual(
        yield* Effect.forEach([first.uid, second.uid], (uid) => Effect.map(artifactOf(registry, uid), ({ version }) => version)), ["1.0", "2.0"])
    }))

  test("a copied object is used where an artifact has no good copy left", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const first = requestFor({ content: "1", key: "a" })
      yield* registry.save([first], { onDuplicate: "alias", account: null })
      assert.isFalse((yield* saveOne(registry, { content: "1", key: "a" })).objectUsed)
      yield* registry.recordStates([{ uid: first.candidateUid, root: first.object.root, objectKey: first.object.objectKey, state: "damaged" }])
      const results = yield* registry.save([requestFor({ content: "1", key: "a" }), requestFor({ content: "1", key: "a" })], { onDuplicate: "alias", account: null })
      assert.deepStrictEqual(results.map((result) => Result.getOrThrow(result).objectUsed), [true, false])
      const { locations } = yield* artifactOf(registry, first.candidateUid)
      assert.deepStrictEqual(locations.map(({ state }) => state), ["ok", "damaged"])
    }))
}
