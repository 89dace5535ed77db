import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { type IngestEvent, Sheaf } from "../../src/Promise.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

it("does without Effect what the services do", async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, "plate1"))
  for (const name of ["a.csv", "b.csv"]) writeFileSync(join(folder, "plate1", name), name)
  await using sheaf = await Sheaf.init(join(folder, "data"), { drivers, name: "mine", account: "me" })
  expect(sheaf.instance.config.name).toBe("mine")
  const saved = await sheaf.save(join(folder, "plate1", "a.csv"), { key: "raw/plate1/a.csv" })
  expect(saved).toMatchObject({ outcome: "created", artifact: { key: "raw/plate1/a.csv" }, warnings: [] })
  const events: Array<IngestEvent> = []
  for await (const event of sheaf.ingest(join(folder, "plate1"), { key: "raw/plate1" })) events.push(event)
  expect(events.at(-1)).toMatchObject({ type: "summary", counts: { files: 2, created: 1, existing: 1 } })
  const keys: Array<string> = []
  for await (const { key } of sheaf.list("raw")) keys.push(key)
  expect(keys).toEqual(["raw/plate1/a.csv", "raw/plate1/b.csv"])
  for await (const { key } of sheaf.list()) {
    expect(key).toBe(keys[0])
    break
  }
  expect(await sheaf.get("raw/plate1/a.csv")).toEqual(saved.artifact)
  const settled = await sheaf.saveMany([{ content: "x", key: "x.txt" }, { path: join(folder, "none"), key: "none" }])
  expect(settled).toMatchObject([{ status: "fulfilled", value: { outcome: "created" } }, { status: "rejected", reason: { _tag: "FileError", code: "ENOENT" } }])
  await sheaf.alias("x.txt", "y.txt")
  expect((await sheaf.mv("x.txt", "z.txt")).artifact).toMatchObject({ keys: ["z.txt", "y.txt"] })
  expect((await sheaf.log("z.txt")).map(({ event }) => event)).toEqual(["renamed"])
  expect(await sheaf.unalias("y.txt")).toMatchObject({ keys: ["z.txt"] })
  expect(await sheaf.status(join(folder, "plate1"), { key: "raw/plate1" })).toMatchObject({ counts: { unchanged: 2, new: 0 } })
  expect(await sheaf.tree()).toMatchObject({ files: 3, directories: 2 })
  const bytes: Array<Uint8Array> = []
  for await (const piece of sheaf.open("raw/plate1/a.csv")) bytes.push(piece)
  expect(Buffer.concat(bytes).toString()).toBe("a.csv")
  expect(await sheaf.localPath("raw/plate1/a.csv")).toBe(saved.artifact.path)
  await sheaf.copyTo("z.txt", join(folder, "copy.txt"))
  expect(readFileSync(join(folder, "copy.txt"), "utf8")).toBe("x")
  await sheaf.labels.create("by hand")
  const { by_hand } = await sheaf.labels.lookup()
  expect(await sheaf.labels.add(by_hand!.uid, "z.txt")).toMatchObject({ changed: 1 })
  expect(await sheaf.labels.setParent("by hand", (await sheaf.labels.create("top")).uid)).toMatchObject({ parent: "top" })
  expect(await sheaf.labels.list({ prefix: "by" })).toMatchObject([{ artifacts: 1 }])
  expect(await sheaf.labels.remove("by hand", ["raw/plate1/a.csv"])).toMatchObject({ changed: 0 })
  for await (const event of sheaf.ingest(join(folder, "plate1"), { key: "raw/plate1", labels: ["raw"], collection: "plate 1" })) events.push(event)
  expect(events.at(-1)).toMatchObject({ type: "summary", labels: ["raw"], collection: "plate 1" })
  expect(await sheaf.collections.append("plate 1", ["z.txt"])).toMatchObject({ outcome: "newVersion", members: 3 })
  expect((await sheaf.collections.show("plate 1@1")).artifacts).toMatchObject([{ key: keys[0], labels: ["raw"] }, { key: keys[1] }])
  expect(await sheaf.get("z.txt")).toMatchObject({ labels: ["by hand"], collections: ["plate 1"] })
  expect(await sheaf.collections.diff("plate 1")).toMatchObject({ added: [{ key: "z.txt" }] })
  expect(await sheaf.collections.create("found", { where: { labels: "raw" } })).toMatchObject({ members: 2 })
  expect(await sheaf.collections.append("found", sheaf.artifacts.where("key=z.txt").orderBy("key"))).toMatchObject({ members: 3 })
  expect(await sheaf.collections.delete("found")).toHaveLength(2)
  expect((await sheaf.collections.export("plate 1", join(folder, "exported"))).files).toHaveLength(3)
  expect([(await sheaf.collections.list()).length, (await sheaf.collections.log("plate 1")).length]).toEqual([1, 2])
  expect(await sheaf.verify()).toMatchObject({ checked: 3, ok: 3, damaged: [], missing: [] })
  expect(await sheaf.load("z.txt")).toBe("x")
  expect(await sheaf.cachePath("raw/plate1/a.csv")).toBe(saved.artifact.path)
  expect(await sheaf.export("raw", join(folder, "tree"))).toMatchObject({ files: 2, written: 2, failures: [] })
  const { artifacts: [gone] } = await sheaf.rm("z.txt")
  expect(await sheaf.trashed()).toMatchObject([{ uid: gone?.uid, keys: ["z.txt"] }])
  expect(await sheaf.restore(["z.txt"])).toMatchObject({ artifacts: [{ uid: gone?.uid }] })
  expect(await sheaf.collections.delete("plate 1")).toHaveLength(2)
  const plan = await sheaf.planDeletion("z.txt")
  expect(plan).toMatchObject({ artifacts: [{ keys: ["z.txt"] }], bytes: 1 })
  expect(await sheaf.deletePermanently(plan)).toMatchObject({ objects: 1, bytes: 1, pending: [] })
  expect(await sheaf.gc({ graceHours: 0 })).toMatchObject({ objects: [], removed: { objects: 0 } })
  expect((await sheaf.doctor()).filter(({ ok }) => !ok)).toEqual([])
})

it("rejects with the typed errors themselves, and gives up when told to", async () => {
  const folder = temporaryFolder()
  await expect(Sheaf.open(folder, { drivers })).rejects.toMatchObject({ _tag: "NoInstance" })
  const sheaf = await Sheaf.init(folder, { drivers })
  await expect(sheaf.get("none.csv")).rejects.toMatchObject({ _tag: "NotFound", hint: expect.any(String) })
  const stop = AbortSignal.abort()
  await expect(sheaf.saveContent("x", { key: "x.txt", signal: stop })).rejects.toThrow()
  await expect(sheaf.get("x.txt")).rejects.toMatchObject({ _tag: "NotFound" })
  await expect(async () => { for await (const event of sheaf.ingest(join(folder, "none"))) void event }).rejects.toMatchObject({ _tag: "FileError" })
  await sheaf.close()
  await expect(sheaf.get("x.txt")).rejects.toThrow()
})

it("finds the driver for directories beside the program, where package managers keep packages apart", async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, "node_modules/@sheaf"), { recursive: true })
  for (const name of ["core", "storage-local"]) symlinkSync(join(import.meta.dirname, "../../..", name), join(folder, "node_modules/@sheaf", name))
  writeFileSync(join(folder, "program.mjs"), `import { Sheaf } from "@sheaf/core/promise"
    await using sheaf = await Sheaf.init(process.argv[2])
    console.log((await sheaf.saveContent("x", { key: "x.txt" })).outcome)`)
  const run = (cwd: string, program: string) => promisify(execFile)(process.execPath, [program, join(folder, "data")], { cwd })
  expect((await run("/", join(folder, "program.mjs"))).stdout).toBe("created\n")
  expect((await run(folder, "program.mjs")).stdout).toBe("existing\n")
})

it("refuses what it cannot make before anything is there", async () => {
  const folder = join(temporaryFolder(), "data")
  await expect(Sheaf.init(folder, { drivers, hash: "sha1" as never })).rejects.toMatchObject({ _tag: "InvalidInput", what: "hash" })
  expect(existsSync(folder)).toBe(false)
})

it("says that it was closed", async () => {
  const sheaf = await Sheaf.init(temporaryFolder(), { drivers })
  const keys = sheaf.list()
  await sheaf.close()
  await expect(sheaf.get("a.csv")).rejects.toMatchObject({ _tag: "InvalidInput", reason: "was closed in this program" })
  await expect(keys[Symbol.asyncIterator]().next()).rejects.toMatchObject({ _tag: "InvalidInput" })
  await sheaf.close()
})
