/**
 * What the system that Sheaf was conceived from gets wrong, one test for each such point. Each of them fails on the behaviour described there.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { type IngestEvent, type InitOptions, Sheaf } from "../../src/Promise.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

const all = async <A>(values: AsyncIterable<A>): Promise<Array<A>> => {
  const found: Array<A> = []
  for await (const value of values) found.push(value)
  return found
}

const place = async (options: InitOptions = {}) => {
  const folder = temporaryFolder()
  const sheaf = await Sheaf.init(join(folder, "instance"), { drivers, ...options })
  const file = (name: string, content = name): string => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }
  const text = async (reference: string): Promise<string> => Buffer.concat(await all(sheaf.open(reference))).toString()
  return { folder, sheaf, file, text }
}

describe("[fix]", () => {
  it("a path belongs to the deepest root that contains it, by whole segments", async () => {
    const { file, folder, sheaf } = await place()
    const [inner, outer, near] = [file("data/inner/a.csv"), file("data/b.csv"), file("data-1/c.csv")]
    await sheaf.storage.add(join(folder, "data"))
    await sheaf.storage.add(join(folder, "data/inner"))
    const locations = async (path: string) => (await sheaf.save(path, { description: path })).artifact.locations[0]!
    expect(await locations(inner)).toMatchObject({ storage: `file://${folder}/data/inner`, path: inner, keyIsVirtual: false })
    expect(await locations(outer)).toMatchObject({ storage: `file://${folder}/data`, path: outer, keyIsVirtual: false })
    // Inside no root, though its path begins with the text of one: it is copied.
    expect(await locations(near)).toMatchObject({ storage: `file://${folder}/instance/storage`, keyIsVirtual: true })
    await sheaf.close()
  })

  it("three spellings of a key are one key, and the result says that it was changed", async () => {
    const { sheaf } = await place()
    const first = await sheaf.saveContent("1", { key: "raw/a.csv" })
    const second = await sheaf.saveContent("2", { key: "/raw/a.csv" })
    const third = await sheaf.saveContent("3", { key: ".//raw//./a.csv" })
    expect([first.outcome, second.outcome, third.outcome]).toEqual(["created", "newVersion", "newVersion"])
    expect(second.warnings).toMatchObject([{ code: "KeyNormalized" }])
    expect(third).toMatchObject({ key: "raw/a.csv", warnings: [{ code: "KeyNormalized" }] })
    expect((await all(sheaf.list())).map(({ key }) => key)).toEqual(["raw/a.csv"])
    await sheaf.close()
  })

  it("a folder with other names is other content, though its hash is the same", async () => {
    const { file, folder, sheaf } = await place()
    file("one/a.txt", "1")
    file("one/b.txt", "2")
    file("two/b.txt", "1")
    file("two/c.txt", "2")
    const one = await sheaf.saveFolder(join(folder, "one"), { key: "one" })
    const two = await sheaf.saveFolder(join(folder, "two"), { key: "two" })
    expect(two.outcome).toBe("created")
    expect(two.artifact).toMatchObject({ hash: one.artifact.hash, hashType: "md5-d" })
    expect(two.artifact.uid).not.toBe(one.artifact.uid)
    await sheaf.close()
  })

  it("a second key for known content becomes an alias instead of being lost", async () => {
    const { sheaf } = await place()
    const { artifact } = await sheaf.saveContent("x", { key: "raw/a.txt" })
    const again = await sheaf.saveContent("x", { key: "copies/a.txt" })
    expect(again).toMatchObject({ outcome: "aliased", key: "copies/a.txt", aliasOf: "raw/a.txt", artifact: { uid: artifact.uid, keys: ["raw/a.txt", "copies/a.txt"] } })
    expect((await sheaf.get("copies/a.txt")).uid).toBe(artifact.uid)
    await sheaf.close()
  })

  it("a duplicate that stands where it is keeps its own place as a further location", async () => {
    const { file, sheaf, text } = await place()
    const [first, second] = [file("instance/storage/a.csv", "x,y"), file("instance/storage/deep/b.csv", "x,y")]
    await sheaf.save(first)
    const { artifact, outcome } = await sheaf.save(second)
    expect(outcome).toBe("aliased")
    expect(artifact.locations.map(({ path }) => path)).toEqual([first, second])
    // The bytes at hand are those of the place that is left.
    rmSync(first)
    expect(await text("a.csv")).toBe("x,y")
    expect(await sheaf.localPath("deep/b.csv")).toBe(second)
    await sheaf.close()
  })

  it("finding known content again does not change which run made it; the later run is a re-producer", async () => {
    const { sheaf } = await place()
    const make = async () => {
      const run = await sheaf.startRun({ transform: "make.py" })
      const { artifact } = await sheaf.saveContent("result", { key: "result.txt" })
      await sheaf.finishRun()
      return { run: run.uid, madeBy: artifact.run, uid: artifact.uid }
    }
    const first = await make()
    const second = await make()
    expect(second.run).not.toBe(first.run)
    expect([first.madeBy, second.madeBy]).toEqual([first.run, first.run])
    const { edges } = await sheaf.lineage(first.uid)
    const from = (run: string) => edges.filter((edge) => edge.from === run || edge.to === run).map(({ type }) => type)
    expect([from(first.run), from(second.run)]).toEqual([["output"], ["reproduced"]])
    await sheaf.close()
  })

  it("under policy semantic a new version never overwrites the bytes of the one before", async () => {
    const { sheaf, text } = await place({ keyPolicy: "semantic" })
    const first = await sheaf.saveContent("first", { key: "raw/a.txt" })
    const second = await sheaf.saveContent("second", { key: "raw/a.txt" })
    expect(second.outcome).toBe("newVersion")
    expect(second.artifact.path).toBe(first.artifact.path)
    expect([await text("raw/a.txt@1"), await text("raw/a.txt")]).toEqual(["first", "second"])
    await sheaf.close()
  })

  it("renaming onto a key of another artifact is a conflict that names both, and changes nothing", async () => {
    const { sheaf } = await place()
    const a = await sheaf.saveContent("a", { key: "a.txt" })
    const b = await sheaf.saveContent("b", { key: "b.txt" })
    await expect(sheaf.mv("a.txt", "b.txt")).rejects.toMatchObject({ _tag: "KeyConflict", key: "b.txt", uid: a.artifact.uid, holder: b.artifact.uid })
    expect([(await sheaf.get("a.txt")).uid, (await sheaf.get("b.txt")).uid]).toEqual([a.artifact.uid, b.artifact.uid])
    await sheaf.close()
  })

  it("asking for one artifact where several match says so and lists them", async () => {
    const { sheaf } = await place()
    const uids: Array<string> = []
    for (const key of ["raw/a.csv", "raw/b.csv"]) uids.push((await sheaf.saveContent(key, { key })).artifact.uid)
    await sheaf.saveContent("other", { key: "other.txt" })
    const matching = sheaf.artifacts.where({ key: { startswith: "raw/" } })
    expect(await matching.count()).toBe(2)
    await expect(matching.one()).rejects.toMatchObject({ _tag: "MultipleResults", total: 2, candidates: uids })
    await sheaf.close()
  })

  it("ingesting a directory gives every file its line and its key, duplicates too", async () => {
    const { file, folder, sheaf } = await place()
    for (let i = 0; i < 30; i++) file(`plate/${i}.csv`, `content ${i % 10}`)
    const events: Array<IngestEvent> = await all(sheaf.ingest(join(folder, "plate"), { items: true }))
    expect(events.filter(({ type }) => type === "item")).toHaveLength(30)
    expect(events.at(-1)).toMatchObject({ type: "summary", counts: { files: 30, created: 10, aliased: 20, skipped: 0, failed: 0 } })
    expect(await all(sheaf.list("plate"))).toHaveLength(30)
    await sheaf.close()
  })

  it("versions of a folder have places of their own, so old ones stay readable", async () => {
    const { file, folder, sheaf } = await place()
    file("zarr/0.0", "first")
    await sheaf.saveFolder(join(folder, "zarr"), { key: "a.zarr" })
    file("zarr/0.0", "second")
    const { outcome } = await sheaf.saveFolder(join(folder, "zarr"), { key: "a.zarr" })
    expect(outcome).toBe("newVersion")
    const read = async (reference: string) => Buffer.concat(await all(sheaf.openMember(reference))).toString()
    expect([await read("a.zarr@1/0.0"), await read("a.zarr/0.0")]).toEqual(["first", "second"])
    expect(readFileSync(join(folder, "zarr/0.0"), "utf8")).toBe("second")
    await sheaf.close()
  })
})
