/** Deleting and restoring artifacts that have something in common with others. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Artifacts, type SaveOptions } from "../../src/services/Artifacts.ts"
import { type DeleteOptions, Deletion } from "../../src/services/Deletion.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Folders } from "../../src/services/Folders.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { Keys } from "../../src/services/Keys.ts"
import { Labels } from "../../src/services/Labels.ts"
import { Reading } from "../../src/services/Reading.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

const save = (content: string, options: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, options))
const saveFile = (path: string, options?: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path, options))
const saveFolder = (path: string, options?: SaveOptions) => Effect.flatMap(Folders, (folders) => folders.save(path, options))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const trash = (...references: ReadonlyArray<string>) => Effect.flatMap(Deletion, (deletion) => deletion.trash(references))
const restore = (...references: ReadonlyArray<string>) => Effect.flatMap(Deletion, (deletion) => deletion.restore(references))
const purge = (references: ReadonlyArray<string>, options?: DeleteOptions) =>
  Effect.flatMap(Deletion, (deletion) => Effect.flatMap(deletion.plan(references, options), deletion.deletePermanently))
const read = (reference: string) =>
  Effect.flatMap(Effect.all([Reading, get(reference)]), ([reading, artifact]) => Effect.map(Stream.runCollect(reading.open(artifact)), (pieces) => Buffer.concat(pieces).toString()))
const unwell = Effect.flatMap(Doctor, (doctor) => Effect.map(doctor.examine, (checks) => checks.filter(({ ok }) => !ok)))
const filesIn = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => path !== ".sheaf/root.json" && !path.startsWith(".sheaf/pending/")).sort()

describe("a uid", () => {
  it("that was deleted for good never comes again: versions count on behind it", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const first = (await run(save("1", { key: "k.txt" }))).artifact.uid
    const version = (n: number) => `${first.slice(0, 16)}000${n}`
    expect((await run(save("2", { key: "k.txt" }))).artifact.uid).toBe(version(1))
    await run(purge(["k.txt"]))
    expect((await run(save("3", { key: "k.txt", revises: first }))).artifact).toMatchObject({ uid: version(2), isLatest: true })
    // What the key pointed at is not taken for something else.
    await expect(run(get("k.txt@2"))).rejects.toMatchObject({ _tag: "NotFound" })
    expect(await run(get("k.txt@3"))).toMatchObject({ uid: version(2) })
    await run(purge(["k.txt"]))
    await run(Effect.flatMap(Keys, (keys) => keys.alias(first, "again/k.txt")))
    instance.file("again/k.txt", "4")
    await run(Effect.flatMap(Ingest, (ingest) => Stream.runDrain(ingest.ingest({ paths: [join(instance.folder, "outside/again")] }))))
    expect(await run(get("again/k.txt"))).toMatchObject({ uid: version(3), isLatest: true })
    expect(await run(unwell)).toEqual([])
  })
})

describe("a version tag", () => {
  it("that another version has by now refuses a restore, and nothing changes", async () => {
    const { fails, run } = await temporaryInstance()
    const first = (await run(save("1", { key: "k.txt", version: "1.0" }))).artifact.uid
    await run(trash(first))
    const second = (await run(save("2", { key: "k.txt" }))).artifact.uid
    await run(trash(second))
    await run(restore(first))
    const third = (await run(save("3", { key: "k.txt" }))).artifact.uid
    await run(trash(first))
    await run(save("4", { key: "k.txt", version: "1.0" }))
    expect(await fails(restore(first))).toMatchObject({ _tag: "InvalidInput", message: expect.stringContaining("has that tag by now") })
    expect(await run(get("k.txt"))).toMatchObject({ version: "1.0", isLatest: true })
    await expect(run(get(first))).rejects.toMatchObject({ _tag: "NotFound" })
    await run(trash("k.txt"))
    const both = await fails(restore(first, `${third.slice(0, 16)}0002`))
    expect(both).toMatchObject({ _tag: "InvalidInput" })
    await run(restore(first))
    expect(await run(get(first))).toMatchObject({ version: "1.0" })
    expect(await run(unwell)).toEqual([])
  })
})

describe("a file in place", () => {
  it("stays while another artifact with its bytes is registered there, also one in the trash", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const path = instance.inRoot("data/a.csv", "a,b\n")
    const first = (await run(saveFile(path))).artifact.uid
    await run(trash(first))
    const second = (await run(saveFile(path))).artifact.uid
    expect(second).not.toBe(first)
    expect(await run(purge([second], { deleteSource: true }))).toMatchObject({ objects: 0 })
    expect(existsSync(path)).toBe(true)
    await run(restore(first))
    expect(await run(read(first))).toBe("a,b\n")
  })

  it("that is a file of a folder replaced since goes when it is asked for", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const path = instance.inRoot("data/f/x", "1")
    await run(saveFolder(join(path, "..")))
    await run(purge(["data/f"]))
    const again = (await run(saveFolder(join(path, "..")))).artifact.uid
    instance.inRoot("data/f/x", "2")
    const changed = (await run(saveFolder(join(path, "..")))).artifact.uid
    expect(changed.slice(0, 16)).toBe(again.slice(0, 16))
    const file = (await run(saveFile(path))).artifact.uid
    await run(purge([changed]))
    expect(await run(purge([file], { deleteSource: true }))).toMatchObject({ objects: 1, kept: [] })
    expect(existsSync(path)).toBe(false)
  })
})

describe("under policy semantic", () => {
  it("an object beside the files of a folder goes with its artifact", async () => {
    const instance = await temporaryInstance({ keyPolicy: "semantic" })
    const { run, storage } = instance
    instance.file("d/x", "1")
    await run(saveFolder(join(instance.folder, "outside/d"), { key: "d" }))
    await run(save("2", { key: "d/y" }))
    expect(filesIn(storage)).toEqual(["d/x", "d/y"])
    expect(await run(purge(["d/y"]))).toMatchObject({ objects: 1, kept: [] })
    expect(filesIn(storage)).toEqual(["d/x"])
  })

  it("a folder that was replaced by one with other names for the same contents stays replaced when it is restored", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const path = instance.inRoot("d/one.txt", "1")
    const first = (await run(saveFolder(join(path, "..")))).artifact.uid
    await run(trash("d"))
    renameSync(path, join(path, "../two.txt"))
    await run(saveFolder(join(path, ".."), { key: "e" }))
    await run(restore(first))
    expect((await run(get(first))).locations).toMatchObject([{ state: "replaced" }])
  })

  it("a folder without files has a directory of its own, which keeps no object", async () => {
    const instance = await temporaryInstance({ keyPolicy: "semantic" })
    const { run, storage } = instance
    const empty = join(instance.folder, "empty")
    mkdirSync(empty)
    const folder = (await run(saveFolder(empty, { key: "d" }))).artifact
    expect(readdirSync(folder.path!)).toEqual([])
    // Somebody takes the directory away, and another object comes to stand there.
    rmdirSync(folder.path!)
    await run(save("1", { key: "d" }))
    expect(filesIn(storage)).toEqual(["d"])
    expect(await run(purge(["d"]))).toMatchObject({ objects: 1, kept: [] })
    expect(filesIn(storage)).toEqual([])
  })

  it("a key below that of a file gets a virtual place, for a folder too", async () => {
    const instance = await temporaryInstance({ keyPolicy: "semantic" })
    const { run, storage } = instance
    await run(save("1", { key: "a" }))
    const below = (await run(save("2", { key: "a/b/c" }))).artifact
    expect(below).toMatchObject({ key: "a/b/c", keyIsVirtual: true })
    instance.file("d/x", "3")
    const folder = (await run(saveFolder(join(instance.folder, "outside/d"), { key: "a/b/d" }))).artifact
    expect(folder).toMatchObject({ key: "a/b/d", keyIsVirtual: true, nFiles: 1 })
    expect(readFileSync(join(folder.path!, "x"), "utf8")).toBe("3")
    expect(await run(read("a"))).toBe("1")
    expect(await run(read("a/b/c"))).toBe("2")
    expect(filesIn(storage)).toHaveLength(3)
  })

  it("a large file whose key is a folder of others gets a virtual place", async () => {
    const instance = await temporaryInstance({ keyPolicy: "semantic" })
    const { run } = instance
    await run(save("1", { key: "a/b" }))
    const large = instance.file("large", new Uint8Array(9 * 1024 * 1024))
    expect((await run(saveFile(large, { key: "a" }))).artifact).toMatchObject({ key: "a", keyIsVirtual: true })
    expect((await run(saveFile(large, { key: "a/b/c", onDuplicate: "new" }))).artifact).toMatchObject({ key: "a/b/c", keyIsVirtual: true })
  })
})

describe("KEY@N", () => {
  it("of an artifact in the trash or deleted is not found, and takes no label from it", async () => {
    const { fails, run } = await temporaryInstance()
    const { uid } = (await run(save("1", { key: "k.txt" }))).artifact
    await run(save("2", { key: "k.txt" }))
    await run(Effect.flatMap(Labels, (labels) => Effect.andThen(labels.create("good"), labels.add("good", [uid]))))
    await run(trash(uid))
    expect(await fails(get("k.txt@1"))).toMatchObject({ _tag: "NotFound" })
    expect(await fails(Effect.flatMap(Labels, (labels) => labels.remove("good", ["k.txt@1"])))).toMatchObject({ _tag: "NotFound" })
    await run(restore(uid))
    expect(await run(get("k.txt@1"))).toMatchObject({ uid, labels: ["good"] })
  })
})
