import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Deletion } from "../../src/services/Deletion.ts"
import { Folders } from "../../src/services/Folders.ts"
import { Integrity } from "../../src/services/Integrity.ts"
import type { SaveOptions } from "../../src/services/Artifacts.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

const save = (path: string, options?: SaveOptions) => Effect.flatMap(Folders, (folders) => folders.save(path, options))
const members = (reference: string, glob?: string) => Effect.flatMap(Folders, (folders) => folders.members(reference, glob))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const read = (reference: string) =>
  Effect.gen(function*() {
    const folders = yield* Folders
    return Buffer.concat(yield* Stream.runCollect(folders.open(yield* folders.member(reference)))).toString()
  })

const make = (base: string, files: Readonly<Record<string, string>>): string => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true })
    writeFileSync(join(base, path), content)
  }
  return base
}

const vectors = (JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/hashes.json"), "utf8")) as {
  readonly folders: ReadonlyArray<{ readonly members?: ReadonlyArray<string>; readonly "md5-d": string; readonly size: number; readonly n_files: number }>
}).folders.filter(({ members }) => members !== undefined && members.length > 0)

describe("a folder as one artifact", () => {
  it("can be empty, and is an empty directory again", async () => {
    const { folder, run } = await temporaryInstance()
    mkdirSync(join(folder, "nothing"))
    const { artifact } = await run(save(join(folder, "nothing"), { key: "nothing" }))
    expect(artifact).toMatchObject({ size: 0, nFiles: 0, hash: "1B2M2Y8AsgTpgAmY7PhCfg" })
    const out = join(folder, "out", "again")
    expect(await run(Effect.flatMap(Folders, (folders) => folders.copyTo(artifact, out)))).toBe(0)
    expect(readdirSync(out)).toEqual([])
  })

  it("has the hash, size and number of files of the worked values", async () => {
    const { folder, run } = await temporaryInstance()
    for (const [n, { "md5-d": hash, members, n_files, size }] of vectors.entries()) {
      const path = make(join(folder, `v${n}`), Object.fromEntries(members!.map((content, i) => [`${i}.txt`, content])))
      expect((await run(save(path, { key: `v/${n}` }))).artifact).toMatchObject({ hash, hashType: "md5-d", size, nFiles: n_files })
    }
  })

  it("lists, globs and reads its files one by one, hostile names included", async () => {
    const { folder, run } = await temporaryInstance()
    const path = make(join(folder, "image.zarr"), { ".zattrs": "{}", "0/0.0": "a", "0/a b": "b", "100%.csv": "c", "%41": "d", "neu é/x": "e" })
    symlinkSync("0", join(path, "link"))
    const { artifact, warnings } = await run(save(path, { key: "images/image.zarr" }))
    expect(artifact).toMatchObject({ suffix: ".zarr", nFiles: 6 })
    expect(warnings.map(({ code }) => code)).toEqual(["MembersLeftOut"])
    expect((await run(members("images/image.zarr"))).map((member) => member.path)).toEqual(["%41", ".zattrs", "0/0.0", "0/a b", "100%.csv", "neu é/x"])
    expect((await run(members(artifact.uid, "0/*"))).map((member) => member.path)).toEqual(["0/0.0", "0/a b"])
    expect(await run(read("images/image.zarr/0/a b"))).toBe("b")
    expect(await run(read("images/image.zarr/neu é/x"))).toBe("e")
  })

  it("[fix] is other content when a file is renamed, though its hash is the same; and every version keeps its own bytes", async () => {
    const { folder, run } = await temporaryInstance()
    const path = make(join(folder, "run1"), { "a.txt": "1", "b.txt": "2" })
    const first = await run(save(path, { key: "run1" }))
    expect((await run(save(path, { key: "run1" }))).outcome).toBe("existing")
    renameSync(join(path, "b.txt"), join(path, "c.txt"))
    const second = await run(save(path, { key: "run1" }))
    expect(second).toMatchObject({ outcome: "newVersion", artifact: { hash: first.artifact.hash, uid: `${first.artifact.uid.slice(0, 16)}0001` } })
    expect(await run(read("run1@1/b.txt"))).toBe("2")
    expect(await run(read("run1/c.txt"))).toBe("2")
    expect(await run(get("run1@1"))).toMatchObject({ isLatest: false, formerKey: "run1" })
    const report = await run(Effect.flatMap(Integrity, (integrity) => integrity.verify({})))
    expect(report).toMatchObject({ checked: 4, ok: 4, damaged: [], missing: [] })
  })

  it("that is known leaves no second copy, and gets the further key", async () => {
    const { folder, run, storage } = await temporaryInstance()
    const path = make(join(folder, "a"), { x: "1" })
    const { artifact } = await run(save(path, { key: "a" }))
    expect(await run(save(path, { key: "b" }))).toMatchObject({ outcome: "aliased", artifact: { uid: artifact.uid } })
    const stored = readdirSync(storage, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name === "x")
    expect(stored).toHaveLength(1)
    expect(readdirSync(join(storage, ".sheaf/pending"))).toEqual([])
  })

  it("inside a root stays where it is, and verification names the file that changed", async () => {
    const { run, storage } = await temporaryInstance()
    const path = make(join(storage, "legacy"), { "a.txt": "1", "sub/b.txt": "2" })
    const { artifact } = await run(save(path))
    expect(artifact).toMatchObject({ key: "legacy", keyIsVirtual: false, path })
    writeFileSync(join(path, "sub/b.txt"), "3")
    const report = await run(Effect.flatMap(Integrity, (integrity) => integrity.verify({})))
    expect(report).toMatchObject({ checked: 2, ok: 1, damaged: [{ uid: artifact.uid, path: join(path, "sub/b.txt") }] })
    expect((await run(get("legacy"))).locations).toMatchObject([{ state: "damaged" }])
    writeFileSync(join(path, "sub/b.txt"), "2")
    await run(Effect.flatMap(Integrity, (integrity) => integrity.verify({})))
    expect((await run(get("legacy"))).locations).toMatchObject([{ state: "ok" }])
  })

  it("is copied out as it was", async () => {
    const { folder, run } = await temporaryInstance()
    const path = make(join(folder, "a"), { "x/1": "1", "y/z/2": "2", "e": "" })
    const { artifact } = await run(save(path, { key: "a" }))
    const out = join(folder, "out")
    expect(await run(Effect.flatMap(Folders, (folders) => folders.copyTo(artifact, out)))).toBe(3)
    expect(readFileSync(join(out, "y/z/2"), "utf8")).toBe("2")
    expect(existsSync(join(out, "e"))).toBe(true)
  })

  it("says what any save says: keys left alone or moved, descriptions and tags", async () => {
    const { fails, folder, run } = await temporaryInstance()
    const path = make(join(folder, "a"), { x: "1" })
    await run(save(path, { key: "a" }))
    expect(await run(save(path, { key: "a", description: "the first", version: "1.0" }))).toMatchObject({ outcome: "existing", artifact: { description: "the first", version: "1.0", nFiles: 1 } })
    expect((await run(save(path, { key: "b", onDuplicate: "reuse" }))).warnings.map(({ code }) => code)).toEqual(["KeyLeftAlone"])
    const other = await run(save(make(join(folder, "b"), { x: "2" }), { key: "b" }))
    expect((await run(save(path, { key: "b", description: "the second" }))).warnings.map(({ code }) => code)).toEqual(["KeyMoved", "DescriptionKept"])
    expect(await fails(save(path, { key: "a", version: "no tag" }))).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails(save(path, { revises: "none", key: "c" }))).toMatchObject({ _tag: "NotFound" })
    expect(await fails(save(make(join(folder, "c"), { x: "3" })))).toMatchObject({ _tag: "Unnamed", path: join(folder, "c") })
    expect(other.artifact.nFiles).toBe(1)
  })

  it("is no version of something that is in the trash", async () => {
    const { fails, folder, run } = await temporaryInstance()
    const first = (await run(save(make(join(folder, "a"), { x: "1" }), { key: "a" }))).artifact.uid
    await run(save(make(join(folder, "a"), { x: "2" }), { key: "a" }))
    await run(Effect.flatMap(Deletion, (deletion) => deletion.trash([first])))
    expect(await fails(save(make(join(folder, "a"), { x: "3" }), { key: "a", revises: "a@1" }))).toMatchObject({ _tag: "NotFound" })
  })
})
