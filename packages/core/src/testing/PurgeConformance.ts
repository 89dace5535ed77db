/**
 * What deleting for good has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * purgeConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { randomUid } from "../domain/Uid.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { CollectionStore } from "../ports/CollectionStore.ts"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { LabelStore } from "../ports/LabelStore.ts"
import { Purge } from "../ports/Purge.ts"
import { Registry } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { Trash } from "../ports/Trash.ts"
import { folderRequest } from "./FolderExamples.ts"
import { allKeys, artifactOf, exampleRoot, hashOf, requestFor, rootUid, type SaveExample, saveOne } from "./RegistryExamples.ts"

type Services = Registry | Trash | Purge | CollectionStore | LabelStore | FolderMembers | RunRecords

const save = (example: SaveExample) => Effect.flatMap(Registry, (registry) => Effect.map(saveOne(registry, example), ({ uid }) => uid))

/** Saves requests of which none is refused; gives their uids. */
const saveAll = (requests: ReadonlyArray<SaveRequest>, onDuplicate: "alias" | "new" = "alias") =>
  Effect.flatMap(Registry, (registry) => Effect.map(registry.save(requests, { onDuplicate, account: null }), (results) => results.map((result) => Result.getOrThrow(result).uid)))

const plan = (uids: ReadonlyArray<string>) => Effect.flatMap(Purge, (purge) => purge.plan(uids))
const apply = (uids: ReadonlyArray<string>, { keepRoots = [], sources = false }: { readonly sources?: boolean; readonly keepRoots?: ReadonlyArray<string> } = {}) =>
  Effect.flatMap(Purge, (purge) => purge.apply(uids, { sources, keepRoots }))
const trash = (uids: ReadonlyArray<string>) => Effect.flatMap(Trash, (service) => service.move({ uids, prefixes: [] }, { dryRun: false, account: null }))
const open = Effect.flatMap(Purge, (purge) => purge.open)
const placesOf = (objects: ReadonlyArray<{ readonly objectKey: string }>) => objects.map(({ objectKey }) => objectKey)

/** A save whose object stands at a place of its own choosing, as copies placed by their hash do. */
const placed = (content: string, key: string, objectKey: string): SaveRequest => {
  const request = requestFor({ content, key })
  return { ...request, object: { ...request.object, objectKey } }
}

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const purgeConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`purge ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () =>
        Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1))).pipe(Effect.andThen(run()), Effect.asVoid, Effect.provide(layer)))

    test("the plan names artifacts, live or in the trash, their keys and their objects", () => Effect.gen(function*() {
      const registry = yield* Registry
      const [a, b] = yield* saveAll([placed("aa", "z", "objects/a"), placed("b", "b", "objects/b")])
      yield* registry.alias(a!, "alias")
      const bare = yield* save({ content: "c", description: "no key" })
      yield* trash([a!])
      const { artifacts, objects } = yield* plan([bare, a!, b!, a!])
      expect(artifacts).toEqual([
        { uid: b, key: "b", keys: ["b"], size: 1, inTrash: false },
        { uid: a, key: "z", keys: ["z", "alias"], size: 2, inTrash: true },
        { uid: bare, key: null, keys: [], size: 1, inTrash: false }
      ])
      expect(objects).toHaveLength(3)
      expect(objects.slice(1)).toEqual([
        { root: rootUid(1), objectKey: "objects/a", inPlace: false, size: 2, hash: hashOf("aa"), hashType: "md5" },
        { root: rootUid(1), objectKey: "objects/b", inPlace: false, size: 1, hash: hashOf("b"), hashType: "md5" }
      ])
      expect(yield* Effect.flip(plan([a!, "nothing", "another"]))).toMatchObject({ _tag: "NotFound", reference: "another" })
      expect(yield* plan([])).toEqual({ artifacts: [], objects: [] })
      expect(yield* allKeys(registry)).toEqual(["b"])
    }))

    test("records go, all or none, and what keys pointed at stays in their logs", () => Effect.gen(function*() {
      const registry = yield* Registry
      const [one, two] = [yield* save({ content: "1", key: "k" }), yield* save({ content: "2", key: "k" })]
      const other = yield* save({ content: "other", key: "other" })
      yield* trash([other])
      expect(yield* Effect.flip(apply([two, "nothing"]))).toMatchObject({ _tag: "NotFound" })
      expect(yield* allKeys(registry)).toEqual(["k"])
      expect(yield* apply([two, other])).toHaveLength(2)
      expect(yield* allKeys(registry)).toEqual([])
      expect(yield* registry.info).toMatchObject({ artifacts: 1, keys: 0, locations: 1 })
      expect(yield* registry.keyLog("k")).toMatchObject([{ event: "created", uid: one }, { event: "newVersion", uid: two }, { event: "released", uid: two }])
      expect(yield* artifactOf(registry, one)).toMatchObject({ isLatest: true, formerKey: "k" })
      expect(yield* Effect.flatMap(Trash, (service) => service.list)).toEqual([])
      expect(yield* Effect.flip(plan([two]))).toMatchObject({ _tag: "NotFound" })
      expect(yield* saveOne(registry, { content: "2", key: "k" })).toMatchObject({ outcome: "created" })
    }))

    test("an object goes with the last artifact that has it, in the trash or not", () => Effect.gen(function*() {
      const [one, two] = yield* saveAll([placed("same", "one", "shared"), placed("same", "two", "shared")], "new")
      yield* trash([two!])
      expect(placesOf((yield* plan([one!])).objects)).toEqual([])
      expect(placesOf((yield* plan([one!, two!])).objects)).toEqual(["shared"])
      expect(yield* apply([one!])).toEqual([])
      expect(placesOf(yield* apply([two!]))).toEqual(["shared"])
    }))

    test("places where other bytes stand by now are nobody's", () => Effect.gen(function*() {
      const old = yield* save({ content: "old", key: "f", inPlace: "f" })
      yield* save({ content: "new", key: "f", inPlace: "f" })
      expect(yield* apply([old], { sources: true })).toEqual([])
      expect(yield* Effect.flatMap(Purge, (purge) => purge.referenced(rootUid(1), ["f", "g"]))).toEqual(new Set(["f"]))
    }))

    test("a file in place stays while another artifact with its bytes is registered there, also one in the trash", () => Effect.gen(function*() {
      const first = yield* save({ content: "same", key: "f", inPlace: "f" })
      yield* trash([first])
      const second = yield* save({ content: "same", key: "f", inPlace: "f" })
      expect((yield* plan([second])).objects).toEqual([])
      expect(yield* apply([second], { sources: true })).toEqual([])
    }))

    test("numbers of deleted versions are not given out again", () => Effect.gen(function*() {
      const registry = yield* Registry
      const first = yield* save({ content: "1", key: "k" })
      const version = (n: number) => `${first.slice(0, 16)}000${n}`
      const second = yield* save({ content: "2", key: "k" })
      yield* apply([second])
      expect((yield* registry.keyLog("k")).map(({ uid }) => uid)).toEqual([first, second, second])
      expect(yield* save({ content: "3", key: "k", revises: first })).toBe(version(2))
      yield* apply([version(2), first])
      expect((yield* save({ content: "4", key: "k" })).slice(16)).toBe("0000")
    }))

    test("objects are noted for removal until that is closed; files in place only when asked, those in some roots not", () => Effect.gen(function*() {
      const registry = yield* Registry
      yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
      const [own] = yield* saveAll([placed("own", "own", "own")])
      yield* registry.putLocation({ uid: own!, root: rootUid(2), objectKey: "copy", isVirtual: true })
      const file = yield* save({ content: "file", key: "file", inPlace: "file" })
      const source = yield* save({ content: "source", key: "source", inPlace: "source" })
      expect(placesOf(yield* apply([own!, file], { keepRoots: [rootUid(2)] }))).toEqual(["file", "own", "copy"])
      const [note] = yield* open
      expect(yield* open).toEqual([{
        uid: note!.uid, root: rootUid(1), objects: [{ objectKey: "own", inPlace: false, size: 3, hash: hashOf("own"), hashType: "md5" }]
      }])
      expect(placesOf(yield* apply([source], { sources: true }))).toEqual(["source"])
      expect((yield* open).map(({ objects }) => placesOf(objects))).toEqual([["own"], ["source"]])
      const purge = yield* Purge
      yield* purge.close([])
      yield* purge.close([note!.uid, "nothing"])
      expect((yield* open).map(({ objects }) => placesOf(objects))).toEqual([["source"]])
    }))

    test("thousands go at once, noted in pieces", () => Effect.gen(function*() {
      const uids = yield* saveAll(Array.from({ length: 2500 }, (_, i) => requestFor({ content: `${i}`, key: `k/it's ${i}` })))
      expect((yield* plan(uids)).artifacts).toHaveLength(2500)
      expect(yield* apply(uids)).toHaveLength(2500)
      expect((yield* open).map(({ objects }) => objects.length).sort((a, b) => a - b)).toEqual([500, 1000, 1000])
      expect(yield* (yield* Registry).info).toMatchObject({ artifacts: 0, keys: 0, locations: 0 })
    }))

    test("a member of a collection is refused, in the words of its latest version", () => Effect.gen(function*() {
      const [a, b] = [yield* save({ content: "a", key: "a" }), yield* save({ content: "b", key: "b" })]
      const store = yield* CollectionStore
      const put = (uids: ReadonlyArray<string>) =>
        store.put({ name: "set", members: { uids }, mode: "exactly", candidateUid: randomUid("collection"), description: null, account: null, run: null })
      const first = (yield* put([a, b])).collection.uid
      const second = (yield* put([a])).collection.uid
      yield* trash([a])
      expect(yield* Effect.flip(plan([b, a]))).toMatchObject({ _tag: "InUse", uid: a, holder: "collection set", holderUid: second })
      expect(yield* Effect.flip(apply([b]))).toMatchObject({ _tag: "InUse", uid: b, holderUid: first })
      expect(yield* store.members(first)).toEqual([a, b])
      yield* store.remove("set")
      expect(yield* apply([a, b])).toHaveLength(2)
    }))

    test("labels, inputs of runs and members of folders go with their artifact", () => Effect.gen(function*() {
      const registry = yield* Registry
      const labels = yield* LabelStore
      const runs = yield* RunRecords
      const { run } = yield* runs.start({
        uid: randomUid("run"), candidateTransform: randomUid("transform"), transformKey: "step", kind: "script", sourceHash: null, command: null, params: {}, environment: {}, gitCommit: null, account: null
      })
      const [folder] = yield* saveAll([folderRequest({ files: { "a b": "1", "sub/c": "22" }, key: "folder", inPlace: "folder" })])
      const made = yield* save({ content: "made", key: "made", run: run.uid })
      const { label } = yield* labels.create({ candidateUid: randomUid("label"), name: "l", type: null, parent: null, description: null, account: null })
      yield* labels.attach(label.uid, { uids: [folder!, made] }, null)
      yield* runs.addInputs(run.uid, [folder!])
      yield* saveOne(registry, { content: "made", key: "made", run: run.uid })
      const purge = yield* Purge
      expect(yield* purge.referenced(rootUid(1), ["folder", "folder/a b", "folder/b", "folderx", "x"])).toEqual(new Set(["folder/a b"]))
      expect((yield* plan([folder!])).objects).toEqual([
        { root: rootUid(1), objectKey: "folder/a b", inPlace: true, size: 1, hash: hashOf("1"), hashType: "md5" },
        { root: rootUid(1), objectKey: "folder/sub/c", inPlace: true, size: 2, hash: hashOf("22"), hashType: "md5" }
      ])
      yield* apply([folder!])
      expect(yield* (yield* FolderMembers).of(folder!)).toEqual([])
      expect(yield* labels.counts).toEqual(new Map([[label.uid, 1]]))
      expect((yield* runs.lineage({ type: "run", uid: run.uid }, { direction: "both", depth: 2 })).edges).toEqual([{ type: "output", from: run.uid, to: made }])
    }))
  })
