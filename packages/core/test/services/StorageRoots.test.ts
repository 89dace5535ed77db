import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { type AddRootOptions, StorageRoots } from "../../src/services/StorageRoots.ts"
import { drivers, initialize, openInstance, recordsOf, type TemporaryInstance, temporaryFolder, temporaryInstance } from "./TemporaryInstance.ts"

const list = Effect.flatMap(StorageRoots, (roots) => roots.list)
const add = (location: string, options?: AddRootOptions) => Effect.flatMap(StorageRoots, (roots) => roots.add(location, options))
const show = (reference: string) => Effect.flatMap(StorageRoots, (roots) => roots.show(reference))
const find = (reference: string) => Effect.flatMap(StorageRoots, (roots) => roots.find(reference))
const deepest = (path: string) => Effect.flatMap(StorageRoots, (roots) => roots.deepest(path))
const remove = (reference: string) => Effect.flatMap(StorageRoots, (roots) => roots.remove(reference))
const makeDefault = (reference: string) => Effect.flatMap(StorageRoots, (roots) => roots.setDefault(reference))
const check = (reference: string) => Effect.flatMap(StorageRoots, (roots) => roots.check(reference))
const reach = (reference: string) => Effect.flatMap(StorageRoots, (roots) => Effect.flatMap(roots.find(reference), roots.reach))
const save = (path: string, options?: Parameters<Artifacts["Service"]["save"]>[1]) => Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path, options))

const marker = (directory: string) => join(directory, ".sheaf", "root.json")
const markerOf = (directory: string): { readonly root: string; readonly instance: string } => JSON.parse(readFileSync(marker(directory), "utf8"))

const folder = ({ folder }: TemporaryInstance, name: string): string => {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  return path
}

describe("adding a storage root", () => {
  it("registers the directory in normal form and marks it", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const big = folder(instance, "big disk")
    symlinkSync(big, join(instance.folder, "link"))
    const { notes, root } = await run(add(join(instance.folder, "link") + "/", { name: "big" }))
    expect(notes).toEqual([])
    expect(root).toEqual({
      uid: expect.stringMatching(/^[0-9A-Za-z]{12}$/), url: `file://${encodeURI(big)}`, scheme: "file", name: "big", default: false, readOnly: false, artifacts: 0, bytes: 0
    })
    expect(markerOf(big)).toMatchObject({ root: root.uid, instance: markerOf(instance.storage).instance })
    for (const reference of ["big", root.uid, root.url, big, join(instance.folder, "link"), `${big}/../big disk/`, relative(process.cwd(), big)]) {
      expect(await run(find(reference)), reference).toMatchObject({ uid: root.uid })
    }
    expect((await run(list)).map(({ default: isDefault, name }) => [name, isDefault])).toEqual([[null, true], ["big", false]])
  })

  it("counts what each root holds", async () => {
    const instance = await temporaryInstance()
    const big = folder(instance, "big")
    await instance.run(add(big, { default: true }))
    await instance.run(save(instance.file("a.csv", "1234"), { key: "a.csv" }))
    await instance.run(save(instance.inRoot("b.csv", "12345678")))
    await instance.run(save(instance.inRoot("c.csv", "12")))
    expect((await instance.run(list)).map(({ artifacts, bytes, default: isDefault, url }) => [url, isDefault, artifacts, bytes])).toEqual([
      [`file://${big}`, true, 1, 4], [`file://${instance.storage}`, false, 2, 10]
    ])
  })

  it("takes roots inside roots; a path belongs to the deepest, by whole segments", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const [data, inner, sibling] = [folder(instance, "data"), folder(instance, "data/inner"), folder(instance, "data/inner-1")]
    const { root: outerRoot } = await run(add(data))
    const { root: innerRoot } = await run(add(inner))
    expect((await run(deepest(inner)))?.uid).toBe(innerRoot.uid)
    expect((await run(deepest(sibling)))?.uid).toBe(outerRoot.uid)
    expect(await run(deepest(instance.folder))).toBeNull()
    expect(await instance.fails(deepest(join(data, "nothing")))).toMatchObject({ _tag: "FileError", code: "ENOENT" })
  })

  it("leaves a read-only root without a mark, and says when another instance manages it", async () => {
    const instance = await temporaryInstance()
    const plain = folder(instance, "plain")
    expect(await instance.run(add(plain, { readOnly: true }))).toMatchObject({ notes: [], root: { readOnly: true } })
    expect(readdirSync(plain)).toEqual([])
    const other = await temporaryInstance()
    const { instance: owner } = markerOf(other.storage)
    const before = readFileSync(marker(other.storage), "utf8")
    const { notes, root } = await instance.run(add(other.storage, { readOnly: true }))
    expect(notes).toEqual([expect.stringContaining(owner)])
    expect(root.readOnly).toBe(true)
    expect(readFileSync(marker(other.storage), "utf8")).toBe(before)
  })

  it("refuses what cannot be one before anything changes", async () => {
    const instance = await temporaryInstance()
    const other = await temporaryInstance()
    const { run } = instance
    const { instance: owner } = markerOf(other.storage)
    const free = folder(instance, "free")
    const copied = folder(instance, "copied")
    mkdirSync(join(copied, ".sheaf"))
    writeFileSync(marker(copied), readFileSync(marker(instance.storage)))
    const broken = folder(instance, "broken")
    mkdirSync(join(broken, ".sheaf"))
    writeFileSync(marker(broken), "{")
    mkdirSync(join(other.storage, "below"))
    const refused: ReadonlyArray<readonly [location: string, options: AddRootOptions, error: object]> = [
      [join(instance.folder, "nowhere"), {}, { _tag: "StorageRootProblem", exitCode: EXIT.notFound, hint: expect.stringContaining("Create the directory first") }],
      [instance.file("a.csv"), {}, { _tag: "StorageRootProblem", reason: "is not a directory" }],
      [join(instance.directory, ".sheaf", "cache"), {}, { _tag: "StorageRootProblem", exitCode: EXIT.conflict }],
      [instance.storage + "/", {}, { _tag: "StorageRootProblem", reason: expect.stringContaining("registered already"), exitCode: EXIT.conflict }],
      [instance.storage, { readOnly: true }, { _tag: "StorageRootProblem", reason: expect.stringContaining("registered already") }],
      [other.storage, {}, { _tag: "StorageRootProblem", reason: expect.stringContaining(owner), exitCode: EXIT.conflict }],
      [join(other.storage, "below"), {}, { _tag: "StorageRootProblem", reason: expect.stringContaining(owner), exitCode: EXIT.conflict }],
      [other.directory, {}, { _tag: "StorageRootProblem", reason: expect.stringContaining(owner), exitCode: EXIT.conflict }],
      [copied, {}, { _tag: "StorageRootProblem", reason: expect.stringContaining(instance.storage), exitCode: EXIT.conflict }],
      [broken, {}, { _tag: "StorageRootProblem", reason: expect.stringContaining("damaged marker") }],
      [free, { name: "a/b" }, { _tag: "InvalidInput" }],
      [free, { name: "" }, { _tag: "InvalidInput" }],
      [free, { readOnly: true, default: true }, { _tag: "InvalidInput" }],
      ["gopher://host/x", {}, { _tag: "StorageError", kind: "Unsupported" }]
    ]
    const before = await run(list)
    for (const [location, options, error] of refused) expect(await instance.fails(add(location, options)), `${location} ${JSON.stringify(options)}`).toMatchObject(error)
    expect(await run(list)).toEqual(before)
    expect(readdirSync(free)).toEqual([])
    expect(readdirSync(join(other.storage, "below"))).toEqual([])
    expect(existsSync(join(other.directory, ".sheaf", "root.json"))).toBe(false)
    await run(add(free, { name: "free" }))
    expect(await instance.fails(add(folder(instance, "second"), { name: "free" }))).toMatchObject({ _tag: "InvalidInput" })
  })

  it("restores a lost marker of a registered root, with the same uid", async () => {
    const instance = await temporaryInstance()
    const before = readFileSync(marker(instance.storage), "utf8")
    rmSync(marker(instance.storage))
    expect(await instance.fails(save(instance.file("a.csv"), { key: "a.csv" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    const { notes } = await instance.run(add(instance.storage))
    expect(notes).toEqual([expect.stringContaining("restored")])
    expect(readFileSync(marker(instance.storage), "utf8")).toBe(before)
    await instance.run(save(instance.file("a.csv"), { key: "a.csv" }))
  })

  it("of two that add one place at once, one is refused", async () => {
    const first = await temporaryInstance()
    const second = openInstance(first.directory)
    const place = folder(first, "place")
    const done = await Promise.allSettled([first.run(add(place)), second.runPromise(add(place))])
    expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    const [root] = (await first.run(list)).filter(({ url }) => url === `file://${place}`)
    expect(markerOf(place).root).toBe(root!.uid)
  })
})

describe("storage roots by name", () => {
  it("are found, or not with those there are", async () => {
    const instance = await temporaryInstance()
    await instance.run(add(folder(instance, "big"), { name: "big" }))
    expect(await instance.fails(show("bigger"))).toMatchObject({ _tag: "NotFound", what: "storage root", near: expect.arrayContaining(["big"]), exitCode: EXIT.notFound })
    expect(await instance.run(show("big"))).toMatchObject({ name: "big" })
  })

  it("become the default, unless they are read-only", async () => {
    const instance = await temporaryInstance()
    const big = folder(instance, "big")
    await instance.run(add(big, { name: "big" }))
    await instance.run(add(folder(instance, "archive"), { name: "archive", readOnly: true }))
    expect(await instance.run(makeDefault("big"))).toMatchObject({ name: "big", default: true })
    expect((await instance.run(list)).filter((root) => root.default)).toHaveLength(1)
    const { artifact } = await instance.run(save(instance.file("a.csv"), { key: "a.csv" }))
    expect(artifact.path).toContain(`${big}/`)
    expect(await instance.fails(makeDefault("archive"))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.permission })
    expect(await instance.run(show("big"))).toMatchObject({ default: true })
  })
})

describe("removing a storage root", () => {
  it("is refused with the count while it holds the only copies, and for the default one", async () => {
    const instance = await temporaryInstance()
    const big = folder(instance, "big")
    await instance.run(add(big, { name: "big" }))
    writeFileSync(join(big, "a.csv"), "a")
    writeFileSync(join(big, "b.csv"), "b")
    await instance.run(save(join(big, "a.csv")))
    await instance.run(save(join(big, "b.csv")))
    expect(await instance.fails(remove("big"))).toMatchObject({ _tag: "StorageRootProblem", reason: expect.stringContaining("2 artifacts"), exitCode: EXIT.conflict })
    expect(await instance.fails(remove(instance.storage))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.conflict })
    expect(await instance.run(list)).toHaveLength(2)
    expect(existsSync(marker(big))).toBe(true)
  })

  it("leaves its files and frees the place for another instance", async () => {
    const instance = await temporaryInstance()
    const big = folder(instance, "big")
    writeFileSync(join(big, "mine.txt"), "mine")
    await instance.run(add(big, { name: "big" }))
    expect(await instance.run(remove("big"))).toMatchObject({ name: "big", artifacts: 0 })
    expect(await instance.run(list)).toHaveLength(1)
    expect(readFileSync(join(big, "mine.txt"), "utf8")).toBe("mine")
    expect(existsSync(marker(big))).toBe(false)
    const other = await temporaryInstance()
    await other.run(add(big))
    expect(markerOf(big).instance).toBe(markerOf(other.storage).instance)
  })

  it("works for a root that cannot be reached any more", async () => {
    const instance = await temporaryInstance()
    const gone = folder(instance, "gone")
    await instance.run(add(gone, { name: "gone" }))
    rmSync(gone, { recursive: true })
    await instance.run(remove("gone"))
    expect(await instance.run(list)).toHaveLength(1)
  })
})

describe("looking at a storage root", () => {
  it("writes, reads back and leaves nothing", async () => {
    const instance = await temporaryInstance()
    const before = readdirSync(instance.storage, { recursive: true }).filter((name) => name !== ".sheaf/tmp").sort()
    const checked = await instance.run(check(instance.storage))
    expect(checked).toMatchObject({ url: `file://${instance.storage}`, readOnly: false, wrote: true, driver: { name: "local" }, capabilities: { atomicCreate: true } })
    expect(checked.freeBytes).toBeGreaterThan(0)
    expect(readdirSync(instance.storage, { recursive: true }).filter((name) => name !== ".sheaf/tmp").sort()).toEqual(before)
    const plain = folder(instance, "plain")
    await instance.run(add(plain, { readOnly: true, name: "plain" }))
    expect(await instance.run(check("plain"))).toMatchObject({ wrote: false })
    expect(readdirSync(plain)).toEqual([])
  })

  it("tells a root from the bare mount point of a disk that is away", async () => {
    const instance = await temporaryInstance()
    const { storage } = instance
    await instance.run(reach(storage))
    renameSync(storage, storage + "-away")
    expect(await instance.fails(reach(storage))).toMatchObject({ _tag: "StorageError", kind: "Unavailable", exitCode: EXIT.storageUnavailable })
    mkdirSync(storage)
    expect(await instance.fails(reach(storage))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    expect(await instance.fails(check(storage))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    rmSync(storage, { recursive: true })
    renameSync(storage + "-away", storage)
    await instance.run(reach(storage))
    await instance.run(save(instance.inRoot("a.csv")))

    const plain = folder(instance, "plain")
    writeFileSync(join(plain, "x"), "x")
    await instance.run(add(plain, { readOnly: true }))
    await instance.run(reach(plain))
    rmSync(join(plain, "x"))
    expect(await instance.fails(reach(plain))).toMatchObject({ _tag: "StorageRootProblem", reason: expect.stringContaining("empty") })
  })

  it("says that the root of an instance that was moved is not where it was", async () => {
    const directory = join(temporaryFolder(), "a")
    const { storage } = await initialize(directory)
    renameSync(directory, directory + "2")
    const runtime = openInstance(realpathSync(directory + "2"), drivers, recordsOf(directory))
    expect(await runtime.runPromise(show(storage.uid))).toMatchObject({ url: storage.url })
    expect(await runtime.runPromise(Effect.flip(reach(storage.uid)))).toMatchObject({ _tag: "StorageError", kind: "Unavailable" })
  })
})
