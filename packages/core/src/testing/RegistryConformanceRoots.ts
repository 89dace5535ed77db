/** Cases of the registry conformance suite: storage roots and accounts. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { RegistryCase } from "./RegistryConformance.ts"
import { exampleRoot, rootUid, saveOne } from "./RegistryExamples.ts"

export const rootCases = (test: RegistryCase): void => {
  test("the first root is the default; another one becomes it on demand", (registry) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* registry.roots, [])
      yield* registry.addRoot(exampleRoot(1))
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z", name: "second", readOnly: true }))
      assert.deepStrictEqual(yield* registry.roots, [
        exampleRoot(1, { isDefault: true }),
        exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z", name: "second", readOnly: true })
      ])
      yield* registry.setDefaultRoot(rootUid(2))
      assert.deepStrictEqual((yield* registry.roots).map(({ isDefault }) => isDefault), [false, true])
      assert.strictEqual((yield* Effect.flip(registry.setDefaultRoot("nowhere00000")))._tag, "NotFound")
    }))

  test("a second root with the same URL is refused", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const refusal = yield* Effect.flip(registry.addRoot(exampleRoot(2, { url: exampleRoot(1).url })))
      assert.strictEqual(refusal._tag, "StorageRootProblem")
      assert.lengthOf(yield* registry.roots, 1)
    }))

  test("usage counts artifacts and bytes with a good copy, and sole copies", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
      const { uid } = yield* saveOne(registry, { content: "12345", key: "a" })
      yield* saveOne(registry, { content: "123", key: "b" })
      yield* registry.putLocation({ uid, root: rootUid(2), objectKey: "a", isVirtual: false })
      const usage = yield* registry.rootUsage
      assert.deepStrictEqual(usage.map(({ artifacts, bytes, soleCopies }) => ({ artifacts, bytes, soleCopies })), [
        { artifacts: 2, bytes: 8, soleCopies: 1 },
        { artifacts: 1, bytes: 5, soleCopies: 0 }
      ])
    }))

  test("a root with the only copy of something, the default root, and a root that is not there cannot be removed", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
      const { uid } = yield* saveOne(registry, { content: "12345", key: "a" })
      const sole = yield* Effect.flip(registry.removeRoot(rootUid(1)))
      assert.strictEqual(sole._tag, "StorageRootProblem")
      assert.include(sole.message, "only copy of 1 artifact")
      yield* registry.putLocation({ uid, root: rootUid(2), objectKey: "a", isVirtual: false })
      assert.include((yield* Effect.flip(registry.removeRoot(rootUid(1)))).message, "default")
      assert.strictEqual((yield* Effect.flip(registry.removeRoot("nowhere00000")))._tag, "NotFound")
      yield* registry.setDefaultRoot(rootUid(2))
      yield* registry.removeRoot(rootUid(1))
      assert.deepStrictEqual((yield* registry.roots).map((root) => root.uid), [rootUid(2)])
      const [artifact] = yield* registry.artifacts([uid])
      assert.deepStrictEqual(artifact!.locations.map(({ path }) => path), ["/data/2/a"])
    }))

  test("an account is made once", (registry) =>
    Effect.gen(function*() {
      const uid = yield* registry.account("ada")
      assert.match(uid, /^[0-9A-Za-z]{8}$/)
      assert.strictEqual(yield* registry.account("ada"), uid)
      assert.notStrictEqual(yield* registry.account("grace"), uid)
      const saved = yield* saveOne(registry, { content: "x", key: "k" }, { account: uid })
      assert.strictEqual((yield* registry.artifacts([saved.uid]))[0]!.createdBy, "ada")
    }))

  test("the stamp changes with every change, and not without one", (registry) =>
    Effect.gen(function*() {
      yield* registry.addRoot(exampleRoot(1))
      const first = yield* registry.stamp
      assert.strictEqual(yield* registry.stamp, first)
      yield* registry.info
      assert.strictEqual(yield* registry.stamp, first)
      yield* saveOne(registry, { content: "x", key: "k" })
      const second = yield* registry.stamp
      assert.notStrictEqual(second, first)
      yield* registry.unalias("k")
      assert.notStrictEqual(yield* registry.stamp, second)
    }))
}
