/** Deleting and restoring artifacts that have something in common with others. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Artifacts, type SaveOptions } from "../../src/services/Artifacts.ts"
import { type DeleteOptions, Deletion } from "../../src/services/Deletion.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { Keys } from "../../src/services/Keys.ts"
import { Reading } from "../../src/services/Reading.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

const save = (content: string, options: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, options))
const saveFile = (path: string, options?: SaveOptions) => Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path, options))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const trash = (...references: ReadonlyArray<string>) => Effect.flatMap(Deletion, (deletion) => deletion.trash(references))
const restore = (...references: ReadonlyArray<string>) => Effect.flatMap(Deletion, (deletion) => deletion.restore(references))
const purge = (references: ReadonlyArray<string>, options?: DeleteOptions) =>
  Effect.flatMap(Deletion, (deletion) => Effect.flatMap(deletion.plan(references, options), deletion.deletePermanently))
const read = (reference: string) =>
  Effect.flatMap(Effect.all([Reading, get(reference)]), ([reading, artifact]) => Effect.map(Stream.runCollect(reading.open(artifact)), (pieces) => Buffer.concat(pieces).toString()))
const unwell = Effect.flatMap(Doctor, (doctor) => Effect.map(doctor.examine, (checks) => checks.filter(({ ok }) => !ok)))

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
})
