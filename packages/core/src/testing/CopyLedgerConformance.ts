/**
 * What every ledger of copies has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * copyLedgerConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Result, type Scope } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { CopyLedger, type CopyPosition, type ListedFinding } from "../ports/CopyLedger.ts"
import { type CopyFilter, Registry } from "../ports/Registry.ts"
import { Trash } from "../ports/Trash.ts"
import { folderRequest } from "./FolderExamples.ts"
import { artifactOf, exampleRoot, hashOf, requestFor, rootUid } from "./RegistryExamples.ts"

type Services = Registry | Trash | CopyLedger

const ROOT = rootUid(1)

const temporaryFile = Effect.map(
  Effect.acquireRelease(Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-ledger-"))), (path) => Effect.sync(() => rmSync(path, { recursive: true }))),
  (folder) => join(folder, "it's a list")
)

/** Saves requests of which none is refused; gives their uids. */
const saveAll = (requests: ReadonlyArray<SaveRequest>) =>
  Effect.flatMap(Registry, (registry) => Effect.map(registry.save(requests, { onDuplicate: "alias", account: null }), (results) => results.map((result) => Result.getOrThrow(result).uid)))

const inPlace = (...names: ReadonlyArray<string>) => saveAll(names.map((name) => requestFor({ content: name, key: name, inPlace: name })))

/** The lines of a list that is taken in parts of a size. */
const listed = (file: string, limit = 1000, filter: Omit<CopyFilter, "root"> = {}) =>
  Effect.gen(function*() {
    const ledger = yield* CopyLedger
    const lines: Array<string> = []
    let after: CopyPosition | null = null
    do {
      const part: { readonly copies: number; readonly end: CopyPosition | null } = yield* ledger.list(ROOT, filter, { after, limit, file })
      const text = readFileSync(file, "utf8")
      const own = text.split("\n").slice(0, -1)
      expect(own).toHaveLength(part.copies)
      expect(own.length).toBeLessThanOrEqual(limit)
      lines.push(...own)
      after = part.end
    } while (after !== null)
    return lines
  })

const placesIn = (lines: ReadonlyArray<string>) => lines.map((line) => line.split("\t")[0])

/** Records what was found for the first lines of a list, findings given by their number. */
const record = (file: string, to: number, findings: ReadonlyArray<ListedFinding>, from = 0) =>
  Effect.flatMap(CopyLedger, (ledger) => ledger.record({ root: ROOT, file }, { from, to, findings }))

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const copyLedgerConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`copy ledger ${name}`, () => {
    const test = (title: string, run: (file: string) => Effect.Effect<unknown, unknown, Services | Scope.Scope>): void =>
      it.live(title, () =>
        Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1))).pipe(
          Effect.andThen(temporaryFile), Effect.flatMap(run), Effect.scoped, Effect.asVoid, Effect.provide(layer)))

    test("lists copies in bytewise order of their places, in parts of any size", (file) => Effect.gen(function*() {
      const names = ["b", "a b", "it's \"q\"", "\u{1f600}", "\uff5e", "a,b", "%FF", "a/b", "a.b"]
      const uids = yield* inPlace(...names)
      const inOrder = ["%FF", "a b", "a,b", "a.b", "a/b", "b", "it's \"q\"", "\uff5e", "\u{1f600}"]
      const lines = yield* listed(file)
      expect(lines).toEqual(inOrder.map((place) => [place, Buffer.byteLength(place), "md5", hashOf(place), uids[names.indexOf(place)]].join("\t")))
      for (const limit of [1, 2, 3, 9, 10]) expect(yield* listed(file, limit), `${limit}`).toEqual(lines)
      expect(yield* (yield* CopyLedger).count(ROOT, {})).toEqual({ copies: 9, replaced: 0 })
      expect(yield* (yield* CopyLedger).count(rootUid(2), {})).toEqual({ copies: 0, replaced: 0 })
    }))

    test("several artifacts at one place are a line each", (file) => Effect.gen(function*() {
      const registry = yield* Registry
      const requests = ["one", "two"].map((key) => {
        const request = requestFor({ content: "same", key })
        return { ...request, object: { ...request.object, objectKey: "shared" } }
      })
      const uids = (yield* registry.save(requests, { onDuplicate: "new", account: null })).map((result) => Result.getOrThrow(result).uid)
      for (const limit of [1, 2, 3]) expect((yield* listed(file, limit)).map((line) => line.split("\t")[4])).toEqual([...uids].sort())
    }))

    test("chooses by uid, by key and by a sample", (file) => Effect.gen(function*() {
      const [a, b] = yield* inPlace("p/a", "p/b", "px")
      yield* (yield* Registry).alias(b!, "q/b")
      expect(placesIn(yield* listed(file, 10, { uids: [a!, "nothing"] }))).toEqual(["p/a"])
      expect(placesIn(yield* listed(file, 10, { keyPrefix: "p" }))).toEqual(["p/a", "p/b"])
      expect(placesIn(yield* listed(file, 10, { keyPrefix: "q/b" }))).toEqual(["p/b"])
      expect(placesIn(yield* listed(file, 10, { uids: [] }))).toEqual([])
      expect(yield* (yield* CopyLedger).count(ROOT, { keyPrefix: "p", uids: [b!] })).toEqual({ copies: 1, replaced: 0 })
      yield* inPlace(...Array.from({ length: 400 }, (_, i) => `many/${i}`))
      const drawn = placesIn(yield* listed(file, 1000, { sample: { seed: "it's", share: 0.25 } }))
      expect(placesIn(yield* listed(file, 7, { sample: { seed: "it's", share: 0.25 } }))).toEqual(drawn)
      expect(drawn.length).toBeGreaterThan(40)
      expect(drawn.length).toBeLessThan(180)
      expect(yield* (yield* CopyLedger).count(ROOT, { sample: { seed: "it's", share: 0.25 } })).toEqual({ copies: drawn.length, replaced: 0 })
    }))

    test("what is in the trash and what was replaced is in no list", (file) => Effect.gen(function*() {
      const [a] = yield* inPlace("a", "b")
      yield* saveAll([requestFor({ content: "other", key: "b", inPlace: "b" })])
      expect(placesIn(yield* listed(file))).toEqual(["a", "b"])
      expect(yield* (yield* CopyLedger).count(ROOT, {})).toEqual({ copies: 2, replaced: 1 })
      yield* Effect.flatMap(Trash, (trash) => trash.move({ uids: [a!], prefixes: [] }, { dryRun: false, account: null }))
      for (const limit of [1, 10]) expect(placesIn(yield* listed(file, limit))).toEqual(["b"])
    }))

    test("records what was found, line by line", (file) => Effect.gen(function*() {
      const registry = yield* Registry
      const uids = yield* inPlace("a", "b", "c", "d", "e")
      yield* listed(file)
      const states = () => Effect.map(registry.artifacts(uids), (all) => all.map(({ locations: [first] }) => `${first!.state} ${first!.verifiedAt === null ? "never" : "verified"}`))
      yield* record(file, 4, [{ line: 1, state: "missing" }, { line: 2, state: null }, { line: 3, state: "damaged" }])
      expect(yield* states()).toEqual(["ok verified", "missing verified", "ok never", "damaged verified", "ok never"])
      yield* record(file, 0, [])
      // Read again later they are good, and others are not touched.
      yield* record(file, 5, [], 3)
      expect(yield* states()).toEqual(["ok verified", "missing verified", "ok never", "ok verified", "ok verified"])
    }))

    test("copies that were replaced or forgotten since are left as they are", (file) => Effect.gen(function*() {
      const registry = yield* Registry
      const [a, b] = yield* inPlace("a", "b")
      yield* listed(file)
      yield* saveAll([requestFor({ content: "other", key: "a", inPlace: "a" })])
      yield* registry.putLocation({ uid: b!, root: ROOT, objectKey: "c", isVirtual: true, from: "b" })
      yield* record(file, 2, [{ line: 0, state: "damaged" }, { line: 1, state: "missing" }])
      expect((yield* artifactOf(registry, a!)).locations).toMatchObject([{ state: "replaced", verifiedAt: null }])
      expect((yield* artifactOf(registry, b!)).locations).toMatchObject([{ state: "ok", path: "/data/1/c", verifiedAt: null }])
    }))

    test("files of folders are copies each, and a folder is as good as its worst file", (file) => Effect.gen(function*() {
      const registry = yield* Registry
      const [folder] = yield* saveAll([folderRequest({ files: { "x": "1", "sub/y": "2", "sub/z": "3" }, key: "folder", inPlace: "folder" })])
      const [single] = yield* inPlace("folder.txt")
      const lines = yield* listed(file, 2)
      expect(placesIn(lines)).toEqual(["folder.txt", "folder/sub/y", "folder/sub/z", "folder/x"])
      expect(lines[1]).toBe(`folder/sub/y\t1\tmd5\t${hashOf("2")}\t${folder}`)
      expect(yield* (yield* CopyLedger).count(ROOT, {})).toEqual({ copies: 4, replaced: 0 })
      expect(yield* listed(file)).toEqual(lines)
      const state = () => Effect.map(artifactOf(registry, folder!), ({ locations: [first] }) => first!.state)
      yield* record(file, 4, [{ line: 1, state: "missing" }, { line: 3, state: "damaged" }])
      expect(yield* state()).toBe("damaged")
      yield* record(file, 4, [{ line: 2, state: "missing" }])
      expect(yield* state()).toBe("missing")
      // Not all of its files were looked at.
      yield* record(file, 3, [])
      expect(yield* state()).toBe("missing")
      yield* record(file, 4, [{ line: 2, state: null }])
      expect(yield* state()).toBe("missing")
      yield* record(file, 4, [])
      expect(yield* state()).toBe("ok")
      expect((yield* artifactOf(registry, single!)).locations).toMatchObject([{ state: "ok" }])
    }))
  })
