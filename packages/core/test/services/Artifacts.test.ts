import { createHash } from "node:crypto"
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer, ManagedRuntime, Result, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Session } from "../../src/ports/Session.ts"
import { Artifacts, type SaveItem, type SaveOptions } from "../../src/services/Artifacts.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { Reading } from "../../src/services/Reading.ts"
import * as MemoryStorage from "../../src/testing/MemoryStorage.ts"
import { Sheaf } from "../../src/Sheaf.ts"
import { drivers, initialize, openInstance, recordsOf, type TemporaryInstance, temporaryFolder, temporaryInstance } from "./TemporaryInstance.ts"

const save = (path: string, options?: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path, options))
const saveContent = (content: string | Uint8Array, options: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, options))
const saveMany = (items: ReadonlyArray<SaveItem>) => Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany(items))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const resolve = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.resolve(reference))
const examine = Effect.flatMap(Doctor, (doctor) => doctor.examine)

const md5 = (content: string | Uint8Array): string => createHash("md5").update(content).digest("base64url")

/** Files below the default root apart from its marker, as object keys. */
const objects = ({ storage }: TemporaryInstance): ReadonlyArray<string> =>
  (readdirSync(storage, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(storage.length + 1))
    .filter((key) => key !== ".sheaf/root.json" && !key.endsWith(".intent")).sort()

const isHealthy = async (instance: TemporaryInstance): Promise<void> => {
  for (const check of await instance.run(examine)) expect(check).toMatchObject({ ok: true })
}

describe("saving a file", () => {
  it("copies it from outside every root, verified by hash, to the place its uid gives", async () => {
    const instance = await temporaryInstance()
    const { run, storage } = instance
    const { artifact, ...rest } = await run(save(instance.file("a.csv", "x,y\n"), { key: "raw/a.csv", description: "first", kind: "dataset" }))
    expect(rest).toEqual({ outcome: "created", key: "raw/a.csv", aliasOf: null, movedFrom: null, warnings: [] })
    const objectKey = `.sheaf/${artifact.uid.slice(0, 2)}/${artifact.uid}.csv`
    expect(artifact).toMatchObject({
      key: "raw/a.csv", keys: ["raw/a.csv"], suffix: ".csv", size: 4, hash: md5("x,y\n"), hashType: "md5", description: "first", kind: "dataset",
      keyIsVirtual: true, isLatest: true, path: join(storage, objectKey)
    })
    expect(objects(instance)).toEqual([objectKey])
    expect(readFileSync(artifact.path!, "utf8")).toBe("x,y\n")
    expect(await run(get("raw/a.csv"))).toEqual(artifact)
    await isHealthy(instance)
  })

  it("registers it in place inside the deepest root, with the path as key", async () => {
    const instance = await temporaryInstance()
    const nested = join(instance.storage, "nested")
    mkdirSync(nested)
    const { run } = instance
    const outer = await run(save(instance.inRoot("plate/a.csv")))
    expect(outer).toMatchObject({ outcome: "created", key: "plate/a.csv", artifact: { keyIsVirtual: false, path: join(instance.storage, "plate/a.csv") } })
    expect(await run(get("plate/a.csv"))).toEqual(outer.artifact)
    const other = await run(save(instance.inRoot("plate/b.csv"), { key: "elsewhere/b.csv" }))
    expect(other).toMatchObject({ key: "elsewhere/b.csv", artifact: { path: join(instance.storage, "plate/b.csv") } })
    await run(Effect.flatMap(Registry, (registry) => registry.addRoot({
      uid: "nestedroot12", url: `file://${nested}`, scheme: "file", name: "nested", isDefault: false, readOnly: true, createdAt: new Date().toISOString()
    })))
    const inner = await run(save(instance.inRoot("nested/c.csv")))
    expect(inner).toMatchObject({ outcome: "created", key: "c.csv", artifact: { storage: `file://${nested}` } })
    expect(await instance.fails(save(instance.inRoot("nested/d.csv"), { storage: instance.storage }))).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(save(instance.file("e.csv"), { key: "e.csv", storage: "nested" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.permission })
  })

  it("follows a link to what it means", async () => {
    const instance = await temporaryInstance()
    symlinkSync(instance.file("blob", "content"), join(instance.folder, "latest.txt"))
    const { artifact } = await instance.run(save(join(instance.folder, "latest.txt"), { key: "a.txt" }))
    expect(artifact).toMatchObject({ suffix: ".txt", hash: md5("content") })
  })

  it("keeps every outcome of the decision table apart, and no object that nothing refers to", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const one = await run(save(instance.file("1.txt", "one"), { key: "k.txt" }))
    const again = await run(save(instance.file("1b.txt", "one"), { key: "k.txt" }))
    expect(again).toMatchObject({ outcome: "existing", artifact: { uid: one.artifact.uid }, warnings: [] })
    const alias = await run(save(instance.file("1c.txt", "one"), { key: "l.txt" }))
    expect(alias).toMatchObject({ outcome: "aliased", aliasOf: "k.txt", artifact: { uid: one.artifact.uid, keys: ["k.txt", "l.txt"] }, warnings: [{ code: "AliasMade" }] })
    const reused = await run(save(instance.file("1d.txt", "one"), { key: "m.txt", onDuplicate: "reuse" }))
    expect(reused).toMatchObject({ outcome: "existing", key: "m.txt", aliasOf: "k.txt", warnings: [{ code: "KeyLeftAlone" }] })
    expect(reused.warnings[0]!.message).toMatch(/k\.txt.*m\.txt/)
    const two = await run(save(instance.file("2.txt", "two"), { key: "two.txt" }))
    const moved = await run(save(instance.file("1e.txt", "one"), { key: "two.txt" }))
    expect(moved).toMatchObject({ outcome: "moved", movedFrom: two.artifact.uid, warnings: [{ code: "KeyMoved" }] })
    expect(await run(get(two.artifact.uid))).toMatchObject({ key: null, formerKey: "two.txt" })
    const keyless = await run(save(instance.file("3.txt", "three"), { description: "no key" }))
    expect(keyless).toMatchObject({ outcome: "created", key: null })
    expect(await run(save(instance.file("3b.txt", "three"), { key: "three.txt" }))).toMatchObject({ outcome: "keyed", artifact: { uid: keyless.artifact.uid, key: "three.txt" } })
    const second = await run(save(instance.file("1f.txt", "one"), { key: "copy.txt", onDuplicate: "new" }))
    expect(second).toMatchObject({ outcome: "created" })
    expect(second.artifact.uid).not.toBe(one.artifact.uid)
    const refused = await instance.fails(save(instance.file("2b.txt", "two"), { key: "new.txt", onDuplicate: "error" }))
    expect(refused).toMatchObject({ _tag: "DuplicateContent", uid: two.artifact.uid, exitCode: EXIT.conflict })
    expect(objects(instance)).toHaveLength(4)
    await isHealthy(instance)
  })

  it("puts the object of a new version where its final uid says", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const first = await run(save(instance.file("a.csv", "1"), { key: "a.csv" }))
    const second = await run(save(instance.file("a.csv", "2"), { key: "a.csv" }))
    expect(second).toMatchObject({ outcome: "newVersion", artifact: { isLatest: true, keys: ["a.csv"] } })
    expect(await run(get("a.csv"))).toEqual(second.artifact)
    const stem = first.artifact.uid.slice(0, 16)
    expect(second.artifact.uid).toBe(`${stem}0001`)
    expect(objects(instance)).toEqual([`.sheaf/${stem.slice(0, 2)}/${stem}0000.csv`, `.sheaf/${stem.slice(0, 2)}/${stem}0001.csv`])
    const now = await run(get("a.csv"))
    expect(readFileSync(now.path!, "utf8")).toBe("2")
    expect(now.path).toBe(join(instance.storage, `.sheaf/${stem.slice(0, 2)}/${stem}0001.csv`))
    expect(await run(get(first.artifact.uid))).toMatchObject({ isLatest: false, key: null, formerKey: "a.csv" })
    await isHealthy(instance)
  })

  it.each(["semantic", "content"] as const)("keeps old versions readable under policy %s", async (keyPolicy) => {
    const instance = await temporaryInstance({ keyPolicy })
    const { run } = instance
    const saved = []
    for (const text of ["1", "2", "3"]) saved.push(await run(save(instance.file("a.csv", text), { key: "d/a.csv" })))
    const twice = await run(save(instance.file("b.csv", "3"), { key: "d/b.csv", onDuplicate: "new" }))
    for (const [i, { artifact }] of [...saved, twice].entries()) expect(readFileSync((await run(get(artifact.uid))).path!, "utf8")).toBe(["1", "2", "3", "3"][i])
    if (keyPolicy === "semantic") expect((await run(get("d/a.csv@3"))).path).toBe(join(instance.storage, "d/a.csv"))
    else expect(objects(instance)).toEqual(["1", "2", "3"].map((text) => `.sheaf/cas/${md5(text).slice(0, 2)}/${md5(text)}`).sort())
    expect(await run(save(instance.file("c.csv", "1"), { key: "d/c.csv" }))).toMatchObject({ outcome: "keyed" })
    expect(readFileSync((await run(get("d/c.csv"))).path!, "utf8")).toBe("1")
    await isHealthy(instance)
  })

  it("reads and copies a large file piece by piece", async () => {
    const instance = await temporaryInstance()
    const large = Buffer.alloc(20 * 1024 * 1024 + 7, "sheaf")
    const copied = await instance.run(save(instance.file("large.bin", large), { key: "large.bin" }))
    expect(copied).toMatchObject({ outcome: "created", artifact: { size: large.length, hash: md5(large) } })
    expect(readFileSync(copied.artifact.path!).equals(large)).toBe(true)
    const inPlace = await instance.run(save(instance.inRoot("large.bin", large)))
    expect(inPlace).toMatchObject({ outcome: "existing", artifact: { uid: copied.artifact.uid } })
    expect((await instance.run(get("large.bin"))).locations).toHaveLength(2)
  })

  it("never records a file that keeps changing", async () => {
    const instance = await temporaryInstance()
    const path = instance.file("growing.bin", Buffer.alloc(64 * 1024 * 1024))
    const timer = setInterval(() => appendFileSync(path, "x"), 1)
    try {
      expect(await instance.fails(save(path, { key: "growing.bin" }))).toMatchObject({ _tag: "FileChanged", attempts: 3, exitCode: EXIT.integrity })
    } finally {
      clearInterval(timer)
    }
    expect(objects(instance)).toEqual([])
    expect(await instance.fails(get("growing.bin"))).toMatchObject({ _tag: "NotFound" })
  })

  it("refuses what makes no sense before anything changes", async () => {
    const instance = await temporaryInstance()
    const { fails, file, folder } = instance
    expect(await fails(save(join(folder, "none.csv"), { key: "a.csv" }))).toMatchObject({ _tag: "FileError", code: "ENOENT", exitCode: EXIT.notFound })
    expect(await fails(save(folder, { key: "a.csv" }))).toMatchObject({ _tag: "FileError", code: "EISDIR" })
    expect(await fails(save(file("a.csv")))).toMatchObject({ _tag: "Unnamed", exitCode: EXIT.usage })
    expect(await fails(save(file("a.csv"), { key: "../a.csv" }))).toMatchObject({ _tag: "InvalidKey", exitCode: EXIT.usage })
    expect(await fails(save(file("a.csv"), { key: ".sheaf/a.csv" }))).toMatchObject({ _tag: "InvalidKey" })
    const mismatch = await fails(save(file("a.csv"), { key: "raw/a.txt" }))
    expect(mismatch).toMatchObject({ _tag: "SuffixMismatch", keySuffix: ".txt", contentSuffix: ".csv" })
    expect(await fails(save(file("a.csv"), { key: "a.csv", storage: "nowhere" }))).toMatchObject({ _tag: "InvalidInput" })
    expect(objects(instance)).toEqual([])
    expect(await instance.run(save(file("a.csv"), { key: "raw/a.txt", allowSuffixMismatch: true }))).toMatchObject({ key: "raw/a.txt", artifact: { suffix: ".csv" } })
  })

  it("says what it made of a key and a suffix", async () => {
    const instance = await temporaryInstance()
    const { file, run } = instance
    expect(await run(save(file("A.csv", "1"), { key: "./raw//A.csv" }))).toMatchObject({ key: "raw/A.csv", warnings: [{ code: "KeyNormalized" }] })
    expect(await run(save(file("a.csv", "2"), { key: "raw/a.csv" }))).toMatchObject({ warnings: [{ code: "KeyNotPortable" }] })
    const composite = await run(save(file("x.bam.bai", "3"), { key: "x.bam.bai" }))
    expect(composite).toMatchObject({ artifact: { suffix: ".bai" }, warnings: [{ code: "UnknownCompositeSuffix" }] })
    expect(composite.warnings[0]!.message).toContain("suffixes.composite .bam.bai")
    expect(await run(save(file("2.csv", "2"), { key: "raw/a.csv", description: "now described", kind: "model" }))).toMatchObject({
      outcome: "existing", artifact: { description: "now described", kind: null }, warnings: [{ code: "KindKept" }]
    })
    expect(await run(save(file("2.csv", "2"), { key: "raw/a.csv", description: "otherwise" }))).toMatchObject({
      artifact: { description: "now described" }, warnings: [{ code: "DescriptionKept" }]
    })
  })

  it("does not write where a root was that is gone, also when it was open", async () => {
    const instance = await temporaryInstance()
    await instance.run(save(instance.file("a.csv"), { key: "a.csv" }))
    renameSync(instance.storage, instance.storage + "-away")
    expect(await instance.fails(save(instance.file("b.csv"), { key: "b.csv" }))).toMatchObject({ _tag: "StorageError", kind: "Unavailable", exitCode: EXIT.storageUnavailable })
    mkdirSync(instance.storage)
    expect(await instance.fails(save(instance.file("b.csv"), { key: "b.csv" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    expect(readdirSync(instance.storage)).toEqual([])
    renameSync(instance.storage, instance.storage + "-empty")
    renameSync(instance.storage + "-away", instance.storage)
    expect(await instance.run(save(instance.file("b.csv"), { key: "b.csv" }))).toMatchObject({ outcome: "created" })
  })

  it("never writes into the root of another instance, or where the root's marker is gone", async () => {
    const instance = await temporaryInstance()
    const marker = join(instance.storage, ".sheaf", "root.json")
    renameSync(marker, marker + ".away")
    expect(await instance.fails(save(instance.file("a.csv"), { key: "a.csv" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    writeFileSync(marker, JSON.stringify({ format: 1, root: "someroot0000", instance: "somebodyelse" }))
    expect(await instance.fails(save(instance.file("a.csv"), { key: "a.csv" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.conflict })
    expect(await instance.run(save(instance.inRoot("b.csv")))).toMatchObject({ outcome: "created" })
    expect(objects(instance)).toEqual([".sheaf/root.json.away", "b.csv"])
  })

  it("works for many savers of one process at once", async () => {
    const instance = await temporaryInstance()
    const files = Array.from({ length: 60 }, (_, i) => instance.file(`${i}.txt`, `content ${i % 20}`))
    const results = await Promise.all(files.map((path, i) => instance.run(save(path, { key: `k/${i}.txt` }))))
    expect(results.filter(({ outcome }) => outcome === "created")).toHaveLength(20)
    expect(results.filter(({ outcome }) => outcome === "aliased")).toHaveLength(40)
    expect(objects(instance)).toHaveLength(20)
    await isHealthy(instance)
  })
})

describe("a root that is no directory", () => {
  it.each(["virtual", "content"] as const)("takes the same saves under policy %s, small and large, and gives the same bytes back", async (keyPolicy) => {
    const folder = temporaryFolder()
    const all = [...drivers, MemoryStorage.driver()]
    const directory = join(folder, "instance")
    await Effect.runPromise(Sheaf.init(directory, { ...recordsOf(directory), drivers: all, storage: "memory://bucket", keyPolicy }))
    const runtime = ManagedRuntime.make(Sheaf.layer({ ...recordsOf(directory), instance: directory, drivers: all }))
    const large = Buffer.alloc(10 * 1024 * 1024, "sheaf")
    writeFileSync(join(folder, "large.bin"), large)
    writeFileSync(join(folder, "small.txt"), "one")
    const saved = await runtime.runPromise(Effect.gen(function*() {
      const first = yield* save(join(folder, "small.txt"), { key: "a.txt" })
      const second = yield* saveContent("two", { key: "a.txt" })
      const big = yield* save(join(folder, "large.bin"), { key: "large.bin" })
      const again = yield* save(join(folder, "large.bin"), { key: "again.bin" })
      return [first, second, big, again]
    }))
    expect(saved.map(({ outcome }) => outcome)).toEqual(["created", "newVersion", "created", "aliased"])
    expect(saved[2]).toMatchObject({ artifact: { size: large.length, hash: md5(large), keyIsVirtual: true } })
    const bytes = (reference: string) =>
      Effect.gen(function*() {
        const { uid } = yield* resolve(reference)
        return Buffer.concat([...(yield* Stream.runCollect((yield* Reading).open(uid)))])
      })
    expect((await runtime.runPromise(bytes("a.txt@1"))).toString()).toBe("one")
    expect((await runtime.runPromise(bytes("a.txt"))).toString()).toBe("two")
    expect((await runtime.runPromise(bytes("again.bin"))).equals(large)).toBe(true)
    const places = await runtime.runPromise(Effect.flatMap(Registry, (registry) => Stream.runCollect(registry.copies({}))))
    const { uid } = saved[1]!.artifact
    if (keyPolicy === "virtual") expect(places.map(({ objectKey }) => objectKey)).toContain(`.sheaf/${uid.slice(0, 2)}/${uid}.txt`)
    expect((await runtime.runPromise(examine)).filter(({ ok }) => !ok)).toEqual([])
    await runtime.dispose()
  })
})

describe("saving from memory", () => {
  it("takes bytes and text, and the suffix from the key", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    expect(await run(saveContent("grün", { key: "notes/a.txt" }))).toMatchObject({ outcome: "created", artifact: { suffix: ".txt", size: 5, hash: md5("grün") } })
    expect(await run(saveContent(new Uint8Array([1, 2]), { description: "two bytes" }))).toMatchObject({ key: null, artifact: { size: 2 } })
    expect(await instance.fails(saveContent("x", {}))).toMatchObject({ _tag: "Unnamed" })
    expect(await run(saveContent("", { key: "empty.txt" }))).toMatchObject({ outcome: "created" })
    expect(await run(saveContent("", { key: "empty2.txt" }))).toMatchObject({ outcome: "created" })
    expect(await run(saveContent("", { key: "empty.txt" }))).toMatchObject({ outcome: "existing" })
  })
})

describe("saving many", () => {
  it("gives each item its own result, as if saved one after the other", async () => {
    const instance = await temporaryInstance()
    const { file } = instance
    const many: Array<SaveItem> = Array.from({ length: 2_300 }, (_, i) => ({ path: file(`many/${i}.txt`, `${i % 1_000}`), key: `m/${i}.txt` }))
    many[5] = { path: file("none"), key: "bad/../key" }
    many[6] = { path: join(instance.folder, "missing"), key: "m/missing" }
    many[7] = { content: "0", key: "m/0.txt", onDuplicate: "error" }
    many[8] = { content: "0", key: "m/8.txt", onDuplicate: "error" }
    many[9] = { content: "new content", key: "m/0.txt" }
    const results = await instance.run(saveMany(many))
    expect(results).toHaveLength(many.length)
    const outcome = (i: number) => {
      const result = results[i]!
      return Result.isSuccess(result) ? result.success.outcome : result.failure._tag
    }
    expect([0, 1, 5, 6, 7, 8, 9, 1_000, 1_001].map(outcome)).toEqual([
      "created", "created", "InvalidKey", "FileError", "existing", "DuplicateContent", "newVersion", "keyed", "aliased"
    ])
    expect(await instance.run(get("m/1500.txt"))).toMatchObject({ hash: md5("500"), keys: ["m/500.txt", "m/1500.txt"] })
    expect(await instance.run(get("m/0.txt"))).toMatchObject({ hash: md5("new content") })
    expect(new Set(objects(instance)).size).toBe(1_000 + 1)
    await isHealthy(instance)
  })

  it("knows content without a key from an item before it", async () => {
    const { file, run } = await temporaryInstance()
    const results = await run(saveMany([{ content: "1", key: "a.txt" }, { content: "1" }, { path: file("b.txt", "1") }, { content: "2" }]))
    expect(results.map((result) => (Result.isSuccess(result) ? result.success.outcome : result.failure._tag))).toEqual(["created", "existing", "existing", "Unnamed"])
    expect(Result.isFailure(results[3]!) && results[3].failure.message).toBe("content would be registered without a key, a description or a run")
  })

  it("warns of keys that some systems take for one, among themselves and with those that were there", async () => {
    const instance = await temporaryInstance()
    await instance.run(saveContent("first", { key: "Data/Ä.txt" }))
    const items = Array.from({ length: 80 }, (_, i): SaveItem => ({ content: `${i}`, key: `k/${i}.txt` }))
    items[10] = { content: "10", key: "data/a\u0308.txt" }
    items[50] = { content: "50", key: "K/7.TXT" }
    const results = await instance.run(saveMany(items))
    const warned = results.flatMap((result, i) => (Result.isSuccess(result) && result.success.warnings.length > 0 ? [[i, result.success.warnings[0]!.code]] : []))
    expect(warned).toEqual([[10, "KeyNotPortable"], [50, "KeyNotPortable"]])
    expect(await instance.run(saveContent("last", { key: "K/9.txt" }))).toMatchObject({ warnings: [{ code: "KeyNotPortable" }] })
    expect((await instance.run(examine)).filter(({ check }) => check === "portability")).toHaveLength(3)
  })
})

describe("references", () => {
  it("resolve by uid, its beginning, key, number, date and hash, and say what was meant", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const one = await run(saveContent("1", { key: "raw/a@2.csv" }))
    const first = await run(saveContent("first", { key: "raw/a.csv" }))
    const second = await run(saveContent("second", { key: "raw/a.csv" }))
    const uid = async (reference: string) => (await run(resolve(reference))).uid
    expect(await uid(first.artifact.uid)).toBe(first.artifact.uid)
    expect(await uid(one.artifact.uid.slice(0, 8))).toBe(one.artifact.uid)
    expect(await uid("/raw//a.csv")).toBe(second.artifact.uid)
    expect(await uid("raw/a.csv@1")).toBe(first.artifact.uid)
    expect(await uid("raw/a.csv@2")).toBe(second.artifact.uid)
    expect(await uid("raw/a@2.csv")).toBe(one.artifact.uid)
    expect(await uid(`raw/a.csv@${first.artifact.createdAt}`)).toBe(first.artifact.uid)
    expect(await uid("raw/a.csv@9999-01-01")).toBe(second.artifact.uid)
    expect(await uid(`hash:${md5("first")}`)).toBe(first.artifact.uid)
    const ambiguous = await instance.fails(resolve(first.artifact.uid.slice(0, 16)))
    expect(ambiguous).toMatchObject({ _tag: "MultipleResults", candidates: [first.artifact.uid, second.artifact.uid], exitCode: EXIT.conflict })
    expect(await instance.fails(resolve("raw/b.csv"))).toMatchObject({ _tag: "NotFound", near: expect.arrayContaining(["raw/a.csv"]), exitCode: EXIT.notFound })
    expect(await instance.fails(resolve("raw/a.csv@3"))).toMatchObject({ _tag: "NotFound" })
    expect(await instance.fails(resolve("raw/a.csv@1999-01-01"))).toMatchObject({ _tag: "NotFound" })
    const decomposed = "raw/u\u0308.csv"
    const umlaut = await run(saveContent("u", { key: decomposed }))
    expect(await run(resolve("raw/ü.csv"))).toMatchObject({ uid: umlaut.artifact.uid, key: decomposed, note: expect.stringContaining("Unicode") })
    const hash = await run(saveContent("first", { key: "copy.csv", onDuplicate: "new" }))
    expect(await instance.fails(resolve(`hash:${md5("first")}`))).toMatchObject({ _tag: "MultipleResults", candidates: [first.artifact.uid, hash.artifact.uid] })
  })

  it("list, log and tree show what is there", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    for (const [key, text] of [["a/x.csv", "1"], ["a/sub/y.txt", "22"], ["a-b/z.csv", "333"], ["b.csv", "1"]] as const) await run(saveContent(text, { key }))
    const keys = (prefix?: string) => Effect.flatMap(Artifacts, (artifacts) => Stream.runCollect(Stream.map(artifacts.list(prefix), ({ key }) => key)))
    expect(await run(keys())).toEqual(["a-b/z.csv", "a/sub/y.txt", "a/x.csv", "b.csv"])
    expect(await run(keys("a/"))).toEqual(["a/sub/y.txt", "a/x.csv"])
    const artifacts = await run(Effect.flatMap(Artifacts, (service) => Stream.runCollect(service.listArtifacts())))
    expect(artifacts.map(({ keys: all }) => all)).toEqual([["a-b/z.csv"], ["a/sub/y.txt"], ["a/x.csv", "b.csv"]])
    expect(await run(Effect.flatMap(Artifacts, (service) => service.tree("", { depth: 1 })))).toEqual({
      prefix: "", directories: 3, files: 4, bytes: 7, suffixes: { ".csv": 3, ".txt": 1 },
      children: [
        { name: "a-b", children: [], size: 3, files: 1 }, { name: "a", children: [], size: 3, files: 2 }, { name: "b.csv", children: null, size: 1, files: 1 }
      ]
    })
    await run(saveContent("other", { key: "b.csv" }))
    const log = await run(Effect.flatMap(Artifacts, (service) => service.log("b.csv")))
    expect(log.map(({ event }) => event)).toEqual(["aliased", "created"])
    expect(await instance.fails(Effect.flatMap(Artifacts, (service) => service.log("c.csv")))).toMatchObject({ _tag: "NotFound" })
  })
})

describe("the session", () => {
  it("says on whose behalf and in which run records are made", async () => {
    const directory = temporaryFolder()
    await initialize(directory)
    const session = Layer.succeed(Session, { account: "somebody", run: "run1234567890abc" })
    const runtime = ManagedRuntime.make(Layer.provideMerge(Sheaf.layer({ ...recordsOf(directory), instance: directory, drivers }), session))
    const { artifact } = await runtime.runPromise(saveContent("x", {}))
    await runtime.dispose()
    expect(artifact).toMatchObject({ key: null, run: "run1234567890abc" })
    const account = await openInstance(directory).runPromise(Effect.flatMap(Registry, (registry) => registry.account("somebody")))
    expect([account, "somebody"]).toContain(artifact.createdBy)
  })
})

describe("beside ingest", () => {
  it("leaves the same: what one saved the other recognises", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    instance.file("dir/a.txt", "a")
    instance.file("dir/b.txt", "b")
    const saved = await run(save(join(instance.folder, "outside", "dir", "a.txt"), { key: "dir/a.txt" }))
    const events = await run(Effect.flatMap(Ingest, (ingest) => Stream.runCollect(ingest.ingest({ paths: [join(instance.folder, "outside", "dir")] }))))
    expect(events.at(-1)).toMatchObject({ type: "summary", counts: { files: 2, created: 1, existing: 1 } })
    expect(await run(get("dir/a.txt"))).toMatchObject({ uid: saved.artifact.uid })
    expect(await run(save(join(instance.folder, "outside", "dir", "b.txt"), { key: "dir/b.txt" }))).toMatchObject({ outcome: "existing" })
    expect(objects(instance)).toHaveLength(2)
    await isHealthy(instance)
  })

  it("a file replaced in place becomes a new version, and the old one has no good copy there", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const path = instance.inRoot("a.csv", "1")
    const first = await run(save(path))
    truncateSync(path)
    writeFileSync(path, "two")
    const second = await run(save(path))
    expect(second).toMatchObject({ outcome: "newVersion", key: "a.csv" })
    expect((await run(get(first.artifact.uid))).locations).toMatchObject([{ state: "replaced" }])
    expect(existsSync(realpathSync(path))).toBe(true)
  })
})
