import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { driver as local } from "../../../storage-local/src/index.ts"
import { type StorageDriver, StorageError } from "../../src/ports/Storage.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Copying } from "../../src/services/Copying.ts"
import { Deletion } from "../../src/services/Deletion.ts"
import { Folders } from "../../src/services/Folders.ts"
import { Integrity } from "../../src/services/Integrity.ts"
import type { SaveOptions } from "../../src/services/Artifacts.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { driver as memory } from "../../src/testing/MemoryStorage.ts"
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

const mkdirp = (path: string): string => {
  mkdirSync(path, { recursive: true })
  return path
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

describe("a folder in a store that is no directory", () => {
  /** An instance with a bucket that refuses the keys it is told, and what is in the bucket beside the root's marker. */
  const withBucket = async () => {
    const inner = memory()
    const refused = { is: (_key: string): boolean => false }
    const store: StorageDriver = {
      ...inner,
      open: (url, options) => Effect.map(inner.open(url, options), (handle) => ({
        ...handle,
        write: (key, body, write) => Effect.suspend(() => refused.is(key)
          ? Effect.fail(new StorageError({ kind: "Unavailable", driver: "memory", operation: "write", key, retry: false }))
          : handle.write(key, body, write))
      }))
    }
    const bucket = await Effect.runPromise(Effect.scoped(inner.open("memory://bucket", { create: true, readOnly: false })))
    const instance = await temporaryInstance({}, [local, store])
    await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.add("memory://bucket", { name: "bucket" })))
    const objects = async () => (await Effect.runPromise(Stream.runCollect(bucket.list({ prefix: ".sheaf/" })))).map(({ key }) => key).filter((key) => key !== ".sheaf/root.json")
    return { ...instance, refused, objects, bucket }
  }
  const copy = (reference: string, to: string) => Effect.flatMap(Copying, (copying) => Effect.flatMap(get(reference), (artifact) => copying.copy(artifact, to)))

  const deleted = (uid: string) => Effect.flatMap(Deletion, (deletion) => Effect.flatMap(deletion.plan([uid]), deletion.deletePermanently))

  it("is uploaded file by file, read, verified, got and removed; known content is not uploaded twice", async () => {
    const { folder, objects, run } = await withBucket()
    const path = make(join(folder, "image.zarr"), { ".zattrs": "{}", "0/0.0": "a", "neu é/100%": "b", empty: "" })
    const { artifact } = await run(save(path, { key: "image.zarr", storage: "bucket" }))
    expect(artifact).toMatchObject({ nFiles: 4, storage: "memory://bucket", path: expect.stringMatching(/^memory:\/\/bucket\/\.sheaf\/..\/[0-9A-Za-z]{20}\.zarr$/) })
    expect(await objects()).toHaveLength(4)
    expect(await run(save(path, { key: "again.zarr", storage: "bucket" }))).toMatchObject({ outcome: "aliased" })
    expect(await objects()).toHaveLength(4)
    expect(await run(read("image.zarr/neu é/100%"))).toBe("b")
    expect(await run(Effect.flatMap(Integrity, (integrity) => integrity.verify({})))).toMatchObject({ checked: 4, ok: 4, damaged: [], missing: [] })
    const out = join(folder, "out")
    expect(await run(Effect.flatMap(Folders, (folders) => folders.copyTo(artifact, out)))).toBe(4)
    expect(readFileSync(join(out, "0/0.0"), "utf8")).toBe("a")
    await run(deleted(artifact.uid))
    expect(await objects()).toEqual([])
  })

  it("leaves nothing where one of its files is refused, in the bucket and in the registry", async () => {
    const { fails, folder, objects, refused, run } = await withBucket()
    const path = make(join(folder, "run"), Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${n}.csv`, `content ${n}`])))
    refused.is = (key) => key.endsWith("/31.csv")
    expect(await fails(save(path, { key: "run", storage: "bucket" }))).toMatchObject({ _tag: "StorageError", kind: "Unavailable" })
    expect(await objects()).toEqual([])
    expect(await fails(get("run"))).toMatchObject({ _tag: "NotFound" })
    refused.is = () => false
    await run(save(path, { key: "run", storage: "bucket" }))
    expect(await objects()).toHaveLength(40)
  })

  it("of which a file stands in the bucket already is not copied there, and that file stays", async () => {
    const { bucket, fails, folder, objects, run } = await withBucket()
    const { artifact } = await run(save(make(join(folder, "run"), { a: "1", b: "2", c: "3" }), { key: "run" }))
    const theirs = `.sheaf/${artifact.uid.slice(0, 2)}/${artifact.uid}/c`
    await Effect.runPromise(bucket.write(theirs, { type: "bytes", bytes: Buffer.from("3") }, { mode: "create" }))
    expect(await fails(copy("run", "bucket"))).toMatchObject({ _tag: "StorageError", kind: "AlreadyExists" })
    expect(await objects()).toEqual([theirs])
  })

  it("has a second copy there and back, which is read when the first one is gone", async () => {
    const { directory, fails, folder, objects, refused, run, storage } = await withBucket()
    for (const [name, files] of [["full", { "a/x": "1", y: "2" }], ["empty", {}]] as const) {
      const { artifact } = await run(save(make(mkdirp(join(folder, name)), files), { key: name }))
      refused.is = (key) => key.endsWith("/y")
      if (name === "full") expect(await fails(copy(name, "bucket"))).toMatchObject({ _tag: "StorageError", kind: "Unavailable" })
      expect(await objects()).toEqual([])
      refused.is = () => false
      expect(await run(copy(name, "bucket"))).toMatchObject({ copied: true, bytes: artifact.size })
      expect(await run(copy(name, "bucket"))).toMatchObject({ copied: false, bytes: 0 })
      expect(await objects()).toHaveLength(Object.keys(files).length)
      rmSync(artifact.path!, { recursive: true })
      const out = join(folder, `${name} out`)
      await run(Effect.flatMap(Folders, (folders) => folders.copyTo(artifact, out)))
      if (name === "full") {
        expect(readFileSync(join(out, "a/x"), "utf8")).toBe("1")
        const other = mkdirp(join(directory, "other root"))
        await run(Effect.flatMap(StorageRoots, (roots) => roots.add(other, { name: "other" })))
        const { path } = await run(copy(name, "other"))
        expect(readFileSync(join(path, "y"), "utf8")).toBe("2")
      }
      await run(deleted(artifact.uid))
      expect(await objects()).toEqual([])
    }
    expect(existsSync(storage)).toBe(true)
  })
})
