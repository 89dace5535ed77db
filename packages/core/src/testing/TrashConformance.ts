/**
 * What every trash has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * trashConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"
import { Registry } from "../ports/Registry.ts"
import { Trash, type TrashSelection } from "../ports/Trash.ts"
import { allKeys, artifactOf, exampleRoot, hashOf, rootUid, type SaveExample, saveOne } from "./RegistryExamples.ts"

type Services = Registry | Trash

const save = (example: SaveExample) => Effect.flatMap(Registry, (registry) => Effect.map(saveOne(registry, example), ({ uid }) => uid))

const move = (selection: Partial<TrashSelection>, options: { readonly dryRun?: boolean; readonly account?: string } = {}) =>
  Effect.flatMap(Trash, (trash) => trash.move({ uids: [], prefixes: [], ...selection }, { dryRun: options.dryRun ?? false, account: options.account ?? null }))

const restore = (uids: ReadonlyArray<string>, dryRun = false) => Effect.flatMap(Trash, (trash) => trash.restore(uids, { dryRun }))

const trashed = Effect.flatMap(Trash, (trash) => Effect.map(trash.list, (all) => all.map(({ uid }) => uid)))

const keys = Effect.flatMap(Registry, allKeys)

const events = (key: string) => Effect.flatMap(Registry, (registry) => Effect.map(registry.keyLog(key), (log) => log.map(({ event, uid }) => [event, uid])))

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const trashConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`trash ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () =>
        Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1))).pipe(Effect.andThen(run()), Effect.asVoid, Effect.provide(layer)))

    test("hides artifacts from every look, count and duplicate detection, and releases their keys", () => Effect.gen(function*() {
      const registry = yield* Registry
      const a = yield* save({ content: "aa", key: "p/a" })
      yield* registry.alias(a, "p/first")
      const b = yield* save({ content: "b", key: "b" })
      expect(yield* move({ uids: [a] })).toEqual([
        { uid: a, key: "p/a", keys: ["p/a", "p/first"], suffix: ".csv", size: 2, isLatest: true, nextLatest: null }
      ])
      expect(yield* keys).toEqual(["b"])
      expect(yield* registry.artifacts([a, b])).toMatchObject([{ uid: b }])
      expect(yield* registry.info).toMatchObject({ artifacts: 1, keys: 1, locations: 1, bytes: 1 })
      expect(yield* registry.rootUsage).toMatchObject([{ artifacts: 1, bytes: 1, soleCopies: 1 }])
      expect(yield* registry.uidsByHash(hashOf("aa"))).toEqual([])
      expect(yield* registry.uidsByPrefix(a, 2)).toEqual([])
      expect(yield* registry.uidByKey("p/a")).toBe(null)
      expect((yield* Stream.runCollect(registry.copies({}))).map(({ uid }) => uid)).toEqual([b])
      expect(yield* events("p/first")).toEqual([["aliased", a], ["released", a]])
      for (const change of [registry.alias(a, "again"), registry.setDescription(a, "d"), registry.putLocation({ uid: a, root: rootUid(1), objectKey: "x", isVirtual: true })]) {
        expect(yield* Effect.flip<void, { readonly _tag: string }, never>(change)).toMatchObject({ _tag: "NotFound" })
      }
      expect(yield* Effect.flatMap(Registry, (service) => saveOne(service, { content: "aa", key: "p/a" }))).toMatchObject({ outcome: "created" })
    }))

    test("takes all or none, and plans without changing anything", () => Effect.gen(function*() {
      const [a, b, c] = [yield* save({ content: "a", key: "p/z" }), yield* save({ content: "b", key: "p/b" }), yield* save({ content: "c", description: "no key" })]
      expect(yield* Effect.flip(move({ uids: [a, "nothing", "another"] }))).toMatchObject({ _tag: "NotFound", reference: "another" })
      expect(yield* Effect.flip(move({ uids: [a], prefixes: ["q/"] }))).toMatchObject({ _tag: "NotFound", what: "key below", reference: "q/" })
      expect((yield* move({ uids: [c, a, a], prefixes: ["p/"] }, { dryRun: true })).map(({ uid }) => uid)).toEqual([b, a, c])
      expect(yield* move({})).toEqual([])
      expect(yield* keys).toEqual(["p/b", "p/z"])
      expect(yield* trashed).toEqual([])
    }))

    test("a prefix means whole artifacts, with the keys that they have elsewhere", () => Effect.gen(function*() {
      const a = yield* save({ content: "a", key: "elsewhere" })
      yield* (yield* Registry).alias(a, "p/a")
      yield* save({ content: "b", key: "px" })
      expect(yield* move({ prefixes: ["p/"] })).toMatchObject([{ uid: a, key: "elsewhere", keys: ["elsewhere", "p/a"] }])
      expect(yield* keys).toEqual(["px"])
    }))

    test("the newest live version of a family is its latest; numbers are never given twice", () => Effect.gen(function*() {
      const registry = yield* Registry
      const [one, two, three] = [yield* save({ content: "1", key: "k" }), yield* save({ content: "2", key: "k" }), yield* save({ content: "3", key: "k" })]
      expect(yield* move({ uids: [three] })).toMatchObject([{ isLatest: true, nextLatest: two }])
      expect((yield* registry.artifacts([one, two])).map(({ isLatest }) => isLatest)).toEqual([false, true])
      const four = yield* save({ content: "4", key: "other", revises: two })
      expect(four).toBe(`${one.slice(0, 16)}0003`)
      expect((yield* artifactOf(registry, two)).isLatest).toBe(false)
      expect(yield* move({ uids: [one] })).toMatchObject([{ isLatest: false, nextLatest: null }])
      // It comes back as one of the older ones.
      yield* restore([three])
      expect((yield* registry.artifacts([two, three, four])).map(({ isLatest }) => isLatest)).toEqual([false, false, true])
      yield* move({ uids: [two, three, four] })
      yield* restore([three])
      expect((yield* artifactOf(registry, three)).isLatest).toBe(true)
    }))

    test("artifacts come back with their keys in order, the primary one as before", () => Effect.gen(function*() {
      const registry = yield* Registry
      const account = yield* registry.account("ada")
      const a = yield* save({ content: "a", key: "first", description: "d" })
      for (const key of ["second", "third"]) yield* registry.alias(a, key)
      yield* registry.unalias("first")
      yield* registry.alias(a, "first")
      const before = yield* artifactOf(registry, a)
      yield* move({ uids: [a] }, { account })
      const { createdAt, hash, hashType, size, suffix } = before
      const [shown] = yield* Effect.flatMap(Trash, (trash) => trash.list)
      expect(shown).toEqual({
        uid: a, key: "second", keys: ["second", "third", "first"], suffix, description: "d", size, hash, hashType, createdAt, trashedAt: shown!.trashedAt, trashedBy: "ada"
      })
      expect(Date.parse(shown!.trashedAt)).toBeGreaterThanOrEqual(Date.parse(createdAt))
      expect(yield* restore([a], true)).toEqual([shown])
      expect(yield* keys).toEqual([])
      expect(yield* restore([a, a])).toEqual([shown])
      const after = yield* artifactOf(registry, a)
      expect(after).toEqual({ ...before, updatedAt: after.updatedAt })
      expect(yield* events("third")).toEqual([["aliased", a], ["released", a], ["restored", a]])
      expect(yield* trashed).toEqual([])
      expect(yield* Effect.flip(restore([a]))).toMatchObject({ _tag: "NotFound", what: "artifact in the trash", reference: a })
      // The age of keys says which follows the primary one.
      yield* registry.unalias("second")
      expect((yield* artifactOf(registry, a)).keys).toEqual(["third", "first"])
    }))

    test("a key that is taken, or that two of them had, is a conflict, and none comes back", () => Effect.gen(function*() {
      const a = yield* save({ content: "a", key: "k" })
      const other = yield* save({ content: "other", key: "other" })
      yield* move({ uids: [a, other] })
      const holder = yield* save({ content: "b", key: "k" })
      expect(yield* Effect.flip(restore([other, a]))).toMatchObject({ _tag: "KeyConflict", key: "k", uid: a, holder })
      expect(yield* Effect.flip(restore([other, a], true))).toMatchObject({ _tag: "KeyConflict" })
      expect(yield* keys).toEqual(["k"])
      yield* move({ uids: [holder] })
      expect(yield* Effect.flip(restore([a, holder]))).toMatchObject({ _tag: "KeyConflict", key: "k" })
      expect(yield* trashed).toEqual([holder, a, other])
      yield* restore([a, other])
      expect(yield* keys).toEqual(["k", "other"])
    }))

    test("a version tag that another version has by now, or that two of them had, keeps all where they are", () => Effect.gen(function*() {
      const first = yield* save({ content: "1", key: "k", version: "t" })
      const second = yield* save({ content: "2", key: "k" })
      yield* move({ uids: [first] })
      const third = yield* save({ content: "3", key: "k", version: "t" })
      expect(yield* Effect.flip(restore([first]))).toMatchObject({ _tag: "InvalidInput" })
      yield* move({ uids: [second, third] })
      expect(yield* Effect.flip(restore([third, second, first]))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* trashed).toHaveLength(3)
      yield* restore([first, second])
      expect(yield* trashed).toEqual([third])
    }))

    test("what has no copy any more cannot come back", () => Effect.gen(function*() {
      const registry = yield* Registry
      const a = yield* save({ content: "a", key: "a" })
      yield* move({ uids: [a] })
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
      yield* registry.setDefaultRoot(rootUid(2))
      // Artifacts in the trash hold no root.
      yield* registry.removeRoot(rootUid(1))
      expect(yield* Effect.flip(restore([a]))).toMatchObject({ _tag: "NoGoodLocation", uid: a })
    }))

    test("a file in place that was registered again meanwhile is a copy of both, as long as it is the same content", () => Effect.gen(function*() {
      const registry = yield* Registry
      const [a, b] = [yield* save({ content: "a", key: "a", inPlace: "a" }), yield* save({ content: "b", key: "b", inPlace: "b" })]
      yield* move({ uids: [a, b] })
      const again = yield* save({ content: "a", key: "again", inPlace: "a" })
      yield* save({ content: "other", key: "other", inPlace: "b" })
      yield* restore([a, b])
      for (const [uid, state] of [[a, "ok"], [again, "ok"], [b, "replaced"]] as const) expect((yield* artifactOf(registry, uid)).locations, uid).toMatchObject([{ state }])
    }))

    test("what is in it is found by uid, by the beginning of one, by key and by prefix", () => Effect.gen(function*() {
      const [a, b] = [yield* save({ content: "a", key: "p/it's %_" }), yield* save({ content: "b", key: "p/b" })]
      const live = yield* save({ content: "c", key: "p/c" })
      yield* move({ uids: [a, b] })
      const find = (reference: string) => Effect.flatMap(Trash, (trash) => trash.find(reference))
      expect(yield* find(a)).toEqual([a])
      expect(yield* find(a.slice(0, 10))).toEqual([a])
      expect(yield* find(a.slice(0, 3))).toEqual([])
      expect(yield* find("p/it's %_")).toEqual([a])
      expect(yield* find("p/")).toEqual([a, b].sort())
      expect(yield* find("p")).toEqual([])
      expect(yield* find(live)).toEqual([])
      expect(yield* find("")).toEqual([])
    }))
  })
