import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts, type SaveOptions } from "../../src/services/Artifacts.ts"
import { Collections } from "../../src/services/Collections.ts"
import { type DeleteOptions, Deletion, type TrashOptions } from "../../src/services/Deletion.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Garbage, type GarbageOptions } from "../../src/services/Garbage.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { Integrity } from "../../src/services/Integrity.ts"
import { Keys } from "../../src/services/Keys.ts"
import { openIntents } from "../../src/workers/PendingObjects.ts"
import { onMemory, temporaryInstance } from "./TemporaryInstance.ts"

const save = (content: string, key: string, options: SaveOptions = {}) =>
  Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, { key, ...options }))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const keys = (prefix = "") => Effect.flatMap(Artifacts, (artifacts) => Effect.map(Stream.runCollect(artifacts.list(prefix)), (all) => all.map(({ key }) => key)))
const log = (key: string) => Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.log(key), (events) => events.map(({ event, uid }) => [event, uid])))
const trash = (references: ReadonlyArray<string>, options?: TrashOptions) => Effect.flatMap(Deletion, (deletion) => deletion.trash(references, options))
const restore = (references: ReadonlyArray<string>, options?: TrashOptions) => Effect.flatMap(Deletion, (deletion) => deletion.restore(references, options))
const trashed = Effect.flatMap(Deletion, (deletion) => deletion.trashed)
const plan = (references: ReadonlyArray<string>, options?: DeleteOptions) => Effect.flatMap(Deletion, (deletion) => deletion.plan(references, options))
const purge = (references: ReadonlyArray<string>, options?: DeleteOptions) =>
  Effect.flatMap(Deletion, (deletion) => Effect.flatMap(deletion.plan(references, options), deletion.deletePermanently))
const findGarbage = (options?: GarbageOptions) => Effect.flatMap(Garbage, (garbage) => garbage.find(options))
const collectGarbage = (options?: GarbageOptions) => Effect.flatMap(Garbage, (garbage) => Effect.flatMap(garbage.find(options), garbage.remove))
const unwell = Effect.flatMap(Doctor, (doctor) => Effect.map(doctor.examine, (checks) => checks.filter(({ ok }) => !ok)))
/** Rows that contradict one another. */
const problems = Effect.map(unwell, (checks) => checks.filter(({ check }) => check === "registry tables"))

/** Every file that stands in a root, except its marker. */
const objectsIn = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).filter((path) => path !== ".sheaf/root.json" && !path.startsWith(".sheaf/pending/")).sort()

describe("the trash", () => {
  it("hides artifacts from every look, save, count and verification, and keeps their bytes", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const a = (await run(save("a", "raw/a.txt"))).artifact
    const b = (await run(save("b", "raw/b.txt"))).artifact
    expect(await run(trash(["raw/a.txt"]))).toMatchObject({ dryRun: false, artifacts: [{ uid: a.uid, keys: ["raw/a.txt"], nextLatest: null }] })
    expect(await run(keys())).toEqual(["raw/b.txt"])
    for (const reference of ["raw/a.txt", a.uid, a.uid.slice(0, 8), `hash:${a.hash}`, "raw/a.txt@1"]) {
      expect(await instance.fails(get(reference)), reference).toMatchObject({ _tag: "NotFound" })
    }
    expect(await run(Effect.flatMap(Registry, (registry) => registry.info))).toMatchObject({ artifacts: 1, keys: 1, locations: 1, bytes: 1 })
    expect(await run(Effect.flatMap(Registry, (registry) => registry.rootUsage))).toMatchObject([{ artifacts: 1, bytes: 1 }])
    expect(await run(Effect.flatMap(Integrity, (integrity) => integrity.verify()))).toMatchObject({ checked: 1, ok: 1 })
    expect(await instance.fails(Effect.flatMap(Keys, (service) => service.alias(a.uid, "again.txt")))).toMatchObject({ _tag: "NotFound" })
    expect(await run(trashed)).toMatchObject([{ uid: a.uid, key: "raw/a.txt", keys: ["raw/a.txt"], size: 1 }])
    expect(readFileSync(a.path!, "utf8")).toBe("a")
    expect(await run(problems)).toEqual([])
    // Duplicate detection knows nothing of it: single saves, batches and ingest.
    const again = await run(save("a", "again.txt"))
    expect(again).toMatchObject({ outcome: "created" })
    expect(again.artifact.uid).not.toBe(a.uid)
    await run(trash(["again.txt", b.uid]))
    instance.file("d/a.txt", "a")
    instance.file("d/b.txt", "b")
    const events = await run(Effect.flatMap(Ingest, (ingest) => Stream.runCollect(ingest.ingest({ paths: [join(instance.folder, "outside", "d")], key: "d" }))))
    expect(events.at(-1)).toMatchObject({ type: "summary", counts: { files: 2, created: 2 } })
    expect(await run(problems)).toEqual([])
  })

  it("releases every key of an artifact, and gives them back with the primary one in its place", async () => {
    const { run } = await temporaryInstance()
    const { uid } = (await run(save("a", "raw/a.txt"))).artifact
    await run(Effect.flatMap(Keys, (service) => service.alias(uid, "paper/figure.txt")))
    expect((await run(trash(["paper/figure.txt"]))).artifacts).toMatchObject([{ uid, key: "raw/a.txt", keys: ["raw/a.txt", "paper/figure.txt"] }])
    expect(await run(log("paper/figure.txt"))).toEqual([["aliased", uid], ["released", uid]])
    // By a key that it had, by uid and by the beginning of one.
    expect((await run(restore(["paper/figure.txt"]))).artifacts).toMatchObject([{ uid }])
    expect(await run(get("raw/a.txt"))).toMatchObject({ uid, key: "raw/a.txt", keys: ["raw/a.txt", "paper/figure.txt"], isLatest: true })
    expect(await run(log("paper/figure.txt"))).toEqual([["aliased", uid], ["released", uid], ["restored", uid]])
    await run(trash([uid]))
    await run(restore([uid.slice(0, 10)]))
    expect(await run(get("paper/figure.txt@1"))).toMatchObject({ uid })
    expect(await run(trashed)).toEqual([])
    expect(await run(problems)).toEqual([])
  })

  it("takes a prefix by whole segments, several at once, and all or nothing", async () => {
    const { fails, run } = await temporaryInstance()
    for (const key of ["raw/a.txt", "raw/sub/b.txt", "rawdata/c.txt", "other/d.txt"]) await run(save(key, key))
    expect(await fails(trash(["raw/", "nothing.txt"]))).toMatchObject({ _tag: "NotFound" })
    expect(await fails(trash(["nothing/"]))).toMatchObject({ _tag: "NotFound", reference: "nothing/" })
    expect(await fails(trash(["raw"]))).toMatchObject({ _tag: "NotFound", near: ["raw/"] })
    for (const all of ["/", "./", ""]) expect((await fails(trash([all])))._tag).toMatch(/InvalidInput|NotFound/)
    expect(await run(trash(["raw/"], { dryRun: true }))).toMatchObject({ dryRun: true, artifacts: [{ key: "raw/a.txt" }, { key: "raw/sub/b.txt" }] })
    expect(await run(keys())).toHaveLength(4)
    expect((await run(trash(["raw/", "other/d.txt", "raw/a.txt"]))).artifacts).toHaveLength(3)
    expect(await run(keys())).toEqual(["rawdata/c.txt"])
    expect((await run(restore(["raw/"]))).artifacts).toHaveLength(2)
    expect(await run(keys())).toEqual(["raw/a.txt", "raw/sub/b.txt", "rawdata/c.txt"])
    expect(await run(trash([]))).toMatchObject({ artifacts: [] })
  })

  it("leaves exactly one latest version in a family that has live ones", async () => {
    const { run } = await temporaryInstance()
    const versions: Array<string> = []
    for (const content of ["1", "2", "3"]) versions.push((await run(save(content, "k.txt"))).artifact.uid)
    const [first, second, third] = versions as [string, string, string]
    const latest = async () => (await Promise.all(versions.map((uid) => run(Effect.orElseSucceed(get(uid), () => null))))).filter((one) => one?.isLatest).map((one) => one!.uid)
    expect((await run(trash(["k.txt"]))).artifacts).toMatchObject([{ uid: third, isLatest: true, nextLatest: second }])
    expect(await latest()).toEqual([second])
    await run(trash([first]))
    expect(await latest()).toEqual([second])
    await run(trash([second]))
    expect(await latest()).toEqual([])
    await run(restore([first]))
    expect(await latest()).toEqual([first])
    await run(restore([third]))
    expect(await latest()).toEqual([third])
    await run(restore([second]))
    expect(await latest()).toEqual([third])
    // The number of a trashed version is not given again.
    await run(trash([third]))
    await run(Effect.flatMap(Keys, (service) => service.alias(second, "k.txt")))
    expect((await run(save("4", "k.txt"))).artifact.uid).toBe(`${first.slice(0, 16)}0003`)
    expect(await run(problems)).toEqual([])
  })

  it("a key taken meanwhile is a conflict that names both, and nothing changes", async () => {
    const { fails, run } = await temporaryInstance()
    const old = (await run(save("old", "k.txt"))).artifact.uid
    const other = (await run(save("other", "other.txt"))).artifact.uid
    await run(trash(["k.txt", "other.txt"]))
    const holder = (await run(save("new", "k.txt"))).artifact.uid
    expect(await fails(restore([other, old]))).toMatchObject({ _tag: "KeyConflict", key: "k.txt", uid: old, holder, exitCode: EXIT.conflict })
    expect(await run(keys())).toEqual(["k.txt"])
    // Two that had one key cannot come back together, and the key alone does not say which.
    await run(trash(["k.txt"]))
    expect(await fails(restore([old, holder]))).toMatchObject({ _tag: "KeyConflict", key: "k.txt" })
    expect(await fails(restore(["k.txt"]))).toMatchObject({ _tag: "MultipleResults", candidates: [old, holder].sort() })
    await run(restore([old]))
    expect(await run(get("k.txt"))).toMatchObject({ uid: old })
    expect(await fails(restore(["none.txt"]))).toMatchObject({ _tag: "NotFound" })
  })

  it("content saved again meanwhile makes two artifacts, also of one file in place", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const path = instance.inRoot("data/a.csv", "a,b\n")
    const saveFile = Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path))
    const first = (await run(saveFile)).artifact.uid
    await run(trash([first]))
    const second = (await run(saveFile)).artifact.uid
    expect(second).not.toBe(first)
    await run(Effect.flatMap(Keys, (service) => service.mv("data/a.csv", "data/again.csv")))
    await run(restore([first]))
    for (const uid of [first, second]) expect((await run(get(uid))).locations).toMatchObject([{ path, state: "ok" }])
    expect(await run(Effect.flatMap(Integrity, (integrity) => integrity.verify()))).toMatchObject({ checked: 2, ok: 2 })
    expect(await run(problems)).toEqual([])
  })

  it("takes hostile keys, and thousands of artifacts", async () => {
    const { run } = await temporaryInstance()
    const hostile = ["h/it's.txt", "h/\"quoted\".txt", "h/$1.txt", "h/100%.txt", "h/%FF%FE.txt", "h/\u202e.txt", "h/'; DROP TABLE reg.key; --.txt"]
    for (const key of hostile) await run(save(key, key))
    await run(trash(hostile))
    expect(await run(keys())).toEqual([])
    await run(restore(hostile))
    expect(await run(keys())).toEqual([...hostile].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    const items = Array.from({ length: 3_000 }, (_, i) => ({ content: String(i), key: `many/${i}.txt` }))
    await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany(items)))
    expect((await run(trash(["many/"]))).artifacts).toHaveLength(3_000)
    expect((await run(restore(["many/"]))).artifacts).toHaveLength(3_000)
    expect(await run(keys("many"))).toHaveLength(3_000)
    expect(await run(problems)).toEqual([])
  })
})

describe("deleting for good", () => {
  it("deletes rows, and bytes when the last reference goes", async () => {
    const { fails, run, storage } = await temporaryInstance({ keyPolicy: "content" })
    const one = (await run(save("same", "one.txt"))).artifact
    const two = (await run(save("same", "two.txt", { onDuplicate: "new" }))).artifact
    expect(two.path).toBe(one.path)
    expect(await run(plan(["one.txt"]))).toMatchObject({ artifacts: [{ uid: one.uid, keys: ["one.txt"], inTrash: false }], objects: [], bytes: 0 })
    expect(await run(purge(["one.txt"]))).toMatchObject({ objects: 0 })
    expect(readFileSync(two.path!, "utf8")).toBe("same")
    await run(trash(["two.txt"]))
    expect(await run(plan(["two.txt"]))).toMatchObject({ artifacts: [{ uid: two.uid, inTrash: true }], objects: [{ path: two.path, size: 4 }], bytes: 4 })
    expect(await run(purge([], { trashed: true }))).toMatchObject({ artifacts: [{ uid: two.uid }], objects: 1, bytes: 4, kept: [], pending: [] })
    expect(objectsIn(storage)).toEqual([])
    expect(await fails(purge(["two.txt"]))).toMatchObject({ _tag: "NotFound" })
    expect(await run(trashed)).toEqual([])
    // What the key pointed at stays in its log.
    expect(await run(log("one.txt"))).toEqual([["created", one.uid], ["released", one.uid]])
    expect(await run(save("same", "one.txt"))).toMatchObject({ outcome: "created" })
    expect(await run(problems)).toEqual([])
    expect(await run(unwell)).toEqual([])
  })

  it("never deletes files that were registered in place, unless asked by name and unless they changed since", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const files = ["a", "b", "c"].map((name) => instance.inRoot(`data/${name}.csv`, name))
    for (const file of files) await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.save(file)))
    expect(await run(purge(["data/a.csv"]))).toMatchObject({ objects: 0, kept: [{ path: files[0] }] })
    expect(existsSync(files[0]!)).toBe(true)
    writeFileSync(files[2]!, "something else")
    expect(await run(purge(["data/"], { deleteSource: true }))).toMatchObject({ objects: 1, kept: [{ path: files[2] }] })
    expect(files.map((file) => existsSync(file))).toEqual([true, false, true])
    expect(await run(keys())).toEqual([])
  })

  it("a member of a collection is refused, naming the collection", async () => {
    const instance = await temporaryInstance()
    const { fails, run } = instance
    const { uid } = (await run(save("a", "a.txt"))).artifact
    await run(save("b", "b.txt"))
    const collection = await run(Effect.flatMap(Collections, (collections) => collections.create("plate1", ["a.txt"])))
    const refusal = { _tag: "InUse", uid, holder: "collection plate1", holderUid: collection.uid, exitCode: EXIT.conflict }
    expect(await fails(plan(["a.txt"]))).toMatchObject(refusal)
    expect(await fails(purge(["b.txt", "a.txt"]))).toMatchObject(refusal)
    expect(await run(keys())).toEqual(["a.txt", "b.txt"])
    // The trash keeps the bytes of members.
    await run(trash(["a.txt"]))
    await run(Effect.flatMap(Collections, (collections) => collections.delete("plate1")))
    expect(await run(purge([uid]))).toMatchObject({ objects: 1 })
  })

  it("changes nothing when the storage root cannot be reached", async () => {
    const { fails, run, storage } = await temporaryInstance()
    const { uid } = (await run(save("a", "a.txt"))).artifact
    const ready = await run(plan(["a.txt"]))
    rmSync(join(storage, ".sheaf", "root.json"))
    expect(await fails(Effect.flatMap(Deletion, (deletion) => deletion.deletePermanently(ready)))).toMatchObject({ _tag: "StorageRootProblem" })
    expect(await run(get("a.txt"))).toMatchObject({ uid })
  })

  it.skipIf(onMemory)("killed between rows and bytes, the next deletion or gc finishes it", { timeout: 13_000 }, async () => {
    for (const [method, allowed] of [["rename", 0], ["rename", 2], ["delete", 0]] as const) {
      // Only objects that equal content shares are moved aside.
      const instance = await temporaryInstance({ keyPolicy: method === "rename" ? "content" : "virtual" })
      const { run, storage } = instance
      const kept = (await run(save("kept", "kept.txt"))).artifact
      for (const n of [1, 2, 3, 4, 5]) await run(save(`content ${n}`, `gone/${n}.txt`))
      await run(trash(["gone/"]))
      await new Promise<void>((resolve, reject) => {
        const child = spawn(process.execPath, [join(import.meta.dirname, "DeleteProcess.ts"), instance.directory, method, String(allowed)], { stdio: ["ignore", "pipe", "inherit"] })
        child.stdout.once("data", () => child.kill("SIGKILL"))
        child.on("close", (_, signal) => (signal === "SIGKILL" ? resolve() : reject(new Error("it ended by itself"))))
      })
      // The rows are gone and the bytes are not; that is known, and nothing else is wrong.
      expect(await run(trashed)).toEqual([])
      expect(objectsIn(storage)).toHaveLength(6)
      expect(await run(unwell)).toMatchObject([{ check: "deletions" }])
      if (method === "rename") await run(Effect.flatMap(Deletion, (deletion) => deletion.finish))
      else expect(await run(collectGarbage())).toMatchObject({ pending: [] })
      expect(objectsIn(storage)).toEqual([kept.path!.slice(storage.length + 1)])
      expect(await run(unwell)).toEqual([])
      expect(await run(problems)).toEqual([])
    }
  })
})

describe("gc", () => {
  it("removes only old objects of its own that nothing refers to, and lists them first", async () => {
    const instance = await temporaryInstance()
    const { run, storage } = instance
    const live = (await run(save("live", "live.txt"))).artifact
    const inTrash = (await run(save("trash", "trash.txt"))).artifact
    await run(trash(["trash.txt"]))
    const name = (first: string) => `${first}${"0".repeat(16)}`
    const strays = [`.sheaf/AB/${name("ABcd")}.csv`, ".sheaf/cas/x-/x-aaaaaaaaaaaaaaaaaaaa"]
    const others = ["mine.csv", ".sheaf/notes.txt", `.sheaf/AC/${name("ABcd")}.csv`, `.sheaf/AB/short.csv`, ".sheaf/tool/x.txt", `sub/.sheaf/AB/${name("ABcd")}.csv`]
    const young = `.sheaf/YY/${name("YYcd")}.csv`
    for (const path of [...strays, ...others, young]) instance.inRoot(path, "x")
    const old = new Date(Date.now() - 25 * 3_600_000)
    for (const path of [...strays, ...others, live.path!.slice(storage.length + 1), inTrash.path!.slice(storage.length + 1)]) utimesSync(join(storage, path), old, old)
    const found = await run(findGarbage())
    expect(found).toMatchObject({ bytes: 2, young: 1, skipped: [], objects: strays.map((path) => ({ path: join(storage, path), size: 1 })) })
    expect(existsSync(join(storage, strays[0]!))).toBe(true)
    expect(await run(Effect.flatMap(Garbage, (garbage) => garbage.remove(found)))).toMatchObject({ objects: 2, bytes: 2 })
    const expected = [...others, young, live.path!.slice(storage.length + 1), inTrash.path!.slice(storage.length + 1)].sort()
    expect(objectsIn(storage)).toEqual(expected)
    expect(await run(findGarbage())).toMatchObject({ objects: [] })
    expect(await run(collectGarbage({ graceHours: 0 }))).toMatchObject({ objects: 1 })
    expect(await instance.fails(findGarbage({ graceHours: -1 }))).toMatchObject({ _tag: "InvalidInput" })
  })

  it("leaves objects that a living process has announced, also those that equal content shares", async () => {
    const instance = await temporaryInstance()
    const { run, storage } = instance
    const [own, shared] = [`.sheaf/AB/ABcd${"0".repeat(16)}.csv`, ".sheaf/cas/x-/x-aaaaaaaaaaaaaaaaaaaa"]
    for (const path of [own, shared]) instance.inRoot(path, "x")
    const intents = openIntents(storage)
    intents.add([own])
    intents.reserve(shared)
    expect(await run(findGarbage({ graceHours: 0 }))).toMatchObject({ objects: [] })
    intents.close()
    const found = await run(findGarbage({ graceHours: 0 }))
    expect(found.objects).toHaveLength(2)
    // Announced between the list and the removal: it is put back.
    const later = openIntents(storage)
    later.reserve(shared)
    expect(await run(Effect.flatMap(Garbage, (garbage) => garbage.remove(found)))).toMatchObject({ objects: 1, kept: [{ path: join(storage, shared) }] })
    expect(objectsIn(storage)).toEqual([shared])
    later.close()
  })

  it("an object that is referred to again stays, with its bytes", async () => {
    const { run } = await temporaryInstance({ keyPolicy: "content" })
    const { path } = (await run(save("same", "one.txt"))).artifact
    await run(trash(["one.txt"]))
    const ready = await run(plan(["one.txt"]))
    const again = (await run(save("same", "two.txt"))).artifact
    expect(again.path).toBe(path)
    expect(await run(Effect.flatMap(Deletion, (deletion) => deletion.deletePermanently(ready)))).toMatchObject({ artifacts: [{ key: "one.txt" }], objects: 0 })
    expect(readFileSync(path!, "utf8")).toBe("same")
    expect(await run(collectGarbage({ graceHours: 0 }))).toMatchObject({ objects: 0 })
    expect(await run(Effect.flatMap(Integrity, (integrity) => integrity.verify()))).toMatchObject({ checked: 1, ok: 1 })
  })
})
