/**
 * What every store of folder members has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * folderMembersConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { Registry } from "../ports/Registry.ts"
import { type FolderExample, folderRequest, membersOf } from "./FolderExamples.ts"
import { exampleRoot, saveOne } from "./RegistryExamples.ts"

type Services = Registry | FolderMembers

const save = (example: FolderExample) =>
  Effect.flatMap(Registry, (registry) => Effect.map(registry.save([folderRequest(example)], { onDuplicate: "alias", account: null }), ([result]) => Result.getOrThrow(result!)))

const of = (uid: string) => Effect.flatMap(FolderMembers, (members) => members.of(uid))

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const folderMembersConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`folder members ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () =>
        Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1))).pipe(Effect.andThen(run()), Effect.asVoid, Effect.provide(layer)))

    test("are those of the save, in bytewise order; files have none", () => Effect.gen(function*() {
      const files = { "b": "2", "a/%FF": "1", "it's \"q\"": "3", "\u{1f600}": "4", "\uff5e": "5", ".hidden": "" }
      const { uid } = yield* save({ files, key: "folder" })
      expect(yield* of(uid)).toEqual(membersOf(files))
      expect((yield* of(uid)).map(({ path }) => path)).toEqual([".hidden", "a/%FF", "b", "it's \"q\"", "\uff5e", "\u{1f600}"])
      const file = yield* Effect.flatMap(Registry, (registry) => saveOne(registry, { content: "x", key: "x" }))
      expect(yield* of(file.uid)).toEqual([])
      expect(yield* of("nothing")).toEqual([])
      expect(yield* (yield* Registry).artifacts([uid])).toMatchObject([{ nFiles: 6, size: 5, hashType: "md5-d" }])
    }))

    test("make the content: a file that is called otherwise is a new version, the same files are the existing one", () => Effect.gen(function*() {
      const first = yield* save({ files: { a: "1", b: "2" }, key: "folder" })
      expect(yield* save({ files: { b: "2", a: "1" }, key: "folder" })).toMatchObject({ outcome: "existing", uid: first.uid })
      expect(yield* save({ files: { b: "2", a: "1" }, key: "other" })).toMatchObject({ outcome: "aliased", uid: first.uid })
      const second = yield* save({ files: { a: "1", c: "2" }, key: "folder" })
      expect(second).toMatchObject({ outcome: "newVersion" })
      expect((yield* of(first.uid)).map(({ path }) => path)).toEqual(["a", "b"])
      expect((yield* of(second.uid)).map(({ path }) => path)).toEqual(["a", "c"])
    }))

    test("objects of a folder are known by their place, others beside them are not", () => Effect.gen(function*() {
      const registry = yield* Registry
      yield* save({ files: { "a/b": "1" }, key: "folder", inPlace: "folder" })
      yield* saveOne(registry, { content: "x", key: "x", inPlace: "x" })
      const root = exampleRoot(1).uid
      expect(yield* registry.knownObjects(root, ["folder", "folder/a/b", "folder/new", "folderx", "x", "x/y"])).toEqual(new Set(["folder/a/b", "x"]))
    }))
  })
