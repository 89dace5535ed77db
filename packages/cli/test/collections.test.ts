import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { checkArtifact } from "./ArtifactShape.ts"
import { instance, type Workplace } from "./Cli.ts"

const registered = async (contents: Readonly<Record<string, string>>): Promise<Workplace> => {
  const place = await instance()
  for (const [path, content] of Object.entries(contents)) place.write(path, content)
  await place.json("ingest", "plate")
  return place
}
const keysOf = ({ artifacts }: any): ReadonlyArray<string> => artifacts.map((one: any) => one.key)

describe("sheaf collection", () => {
  it("is made, grows by versions, and is shown in member order", async () => {
    const place = await registered({ "plate/a.csv": "a", "plate/b.csv": "b", "plate/c.csv": "c" })
    const made = await place.json("collection", "create", "sets/first", "plate/b.csv", "plate/a.csv", "--description", "both")
    expect(made).toMatchObject({ name: "sets/first", version: 1, isLatest: true, members: 2, outcome: "created", description: "both", warnings: [] })
    expect(made.uid).toMatch(/^[0-9A-Za-z]{16}0000$/)
    expect(made.hash).toMatch(/^[\w-]{22}$/)
    expect(await place.json("collection", "create", "sets/first", "plate/b.csv", "plate/a.csv")).toMatchObject({ uid: made.uid, outcome: "existing" })
    const longer = await place.json("collection", "append", "sets/first", "plate/c.csv")
    expect(longer).toMatchObject({ uid: `${made.uid.slice(0, 16)}0001`, version: 2, members: 3, outcome: "newVersion" })

    const shown = await place.json("collection", "show", "sets/first")
    expect(shown).toMatchObject({ uid: longer.uid, name: "sets/first", hash: longer.hash, version: 2, isLatest: true, trashed: [] })
    expect(keysOf(shown)).toEqual(["plate/b.csv", "plate/a.csv", "plate/c.csv"])
    checkArtifact(shown.artifacts[0])
    expect(shown.artifacts[0].collections).toEqual(["sets/first"])
    expect(await place.json("collection", "show", "sets/first@1")).toMatchObject({ uid: made.uid, isLatest: false })
    expect(await place.json("collection", "show", made.uid)).toMatchObject({ uid: made.uid, version: 1 })
    expect((await place.run("collection", "show", "sets/first")).stdout).toMatch(/^sets\/first\n.*\n(.*\n)*\w{20} .* plate\/b\.csv\n.* plate\/a\.csv\n.* plate\/c\.csv\n$/)
    expect((await place.json("show", "plate/a.csv")).collections).toEqual(["sets/first"])
    expect((await place.run("show", "plate/a.csv")).stdout).toMatch(/collections +sets\/first\n/)

    expect((await place.json("collection", "list")).map((one: any) => [one.name, one.version, one.members])).toEqual([["sets/first", 2, 3]])
    expect((await place.json("collection", "log", "sets/first")).map((one: any) => one.uid)).toEqual([made.uid, longer.uid])
    const diff = await place.json("collection", "diff", "sets/first@1", "sets/first")
    expect(diff).toMatchObject({ from: { version: 1 }, to: { version: 2 }, added: [{ key: "plate/c.csv" }], removed: [], changed: [], unchanged: 2 })
    expect((await place.run("collection", "diff", "sets/first")).stdout).toMatch(/^\+ \S+ {2}plate\/c\.csv\nsets\/first@1 -> sets\/first@2: 1 added, 0 removed, 0 changed, 2 unchanged\n$/)

    expect(await place.failure("collection", "show", "sets/frst")).toMatchObject({ exit: 3, error: { code: "NotFound", what: "collection", near: ["sets/first"] } })
    expect(await place.failure("collection", "create", "x", "plate/a.csv", "nothing")).toMatchObject({ exit: 3, error: { code: "NotFound", what: "artifact" } })
    expect(await place.failure("collection", "append", "x", "plate/a.csv")).toMatchObject({ exit: 3, error: { what: "collection" } })
    expect((await place.run("collection", "create", "x")).code).toBe(2)
    expect((await place.json("doctor")).ok).toBe(true)
  })

  it("is made of what a query finds, and grows by another", async () => {
    const place = await registered({ "plate/a.csv": "aaa", "plate/b.txt": "b", "plate/not.csv": "cc" })
    const made = await place.json("collection", "create", "sets/tables", "--query", "suffix=.csv", "size__gte=1", "--order", "size")
    expect(made).toMatchObject({ members: 2, outcome: "created" })
    expect(keysOf(await place.json("collection", "show", "sets/tables"))).toEqual(["plate/not.csv", "plate/a.csv"])
    expect(await place.json("collection", "append", "sets/tables", "--query", "--any", "suffix=.txt", "key=plate/a.csv")).toMatchObject({ version: 2, members: 3 })
    expect(keysOf(await place.json("collection", "show", "sets/tables"))).toEqual(["plate/not.csv", "plate/a.csv", "plate/b.txt"])
    expect(await place.json("collection", "create", "all", "--query")).toMatchObject({ members: 3 })
    expect(await place.json("collection", "create", "one", "--query", "not:suffix=.txt", "--order", "size", "--desc", "-n", "1")).toMatchObject({ members: 1 })
    expect((await place.json("find", "collections=one")).map((one: any) => one.key)).toEqual(["plate/a.csv"])
    expect((await place.run("collection", "create", "all", "--query", "suffix=.csv")).stdout).toMatch(/^made all@2 \(\w{20}\) with 2 members\n$/)

    expect(await place.failure("collection", "create", "x", "--query", "suffix=.tiff")).toMatchObject({ exit: 3, error: { code: "NotFound", what: "artifact that matches", reference: "suffix=.tiff" } })
    expect(await place.failure("collection", "create", "x", "--query", "sufix=.csv")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("collection", "create", "x", "plate/a.csv", "--order", "size")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    expect(await place.failure("collection", "append", "sets/tables")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    expect(await place.failure("collection", "append", "x", "--query")).toMatchObject({ exit: 3, error: { what: "collection" } })
    expect(await place.json("collection", "list")).toHaveLength(3)
  })

  it("is deleted with all its versions; its members stay, and can be deleted for good only then", async () => {
    const place = await instance()
    for (const name of ["a", "b"]) {
      place.write(`${name}.csv`, name)
      await place.json("add", `${name}.csv`, "--key", `raw/${name}.csv`)
    }
    await place.json("collection", "create", "set", "raw/a.csv")
    await place.json("collection", "append", "set", "raw/b.csv")
    expect(await place.failure("rm", "raw/a.csv", "--permanent", "--yes")).toMatchObject({ exit: 4, error: { code: "InUse" } })
    expect(await place.json("collection", "delete", "set")).toHaveLength(2)
    expect(await place.json("collection", "list")).toEqual([])
    expect(await place.failure("collection", "show", "set")).toMatchObject({ exit: 3 })
    expect(await place.json("show", "raw/a.csv")).toMatchObject({ collections: [] })
    await place.json("rm", "raw/a.csv", "--permanent", "--yes")
    // The name is free: a collection of it is a new one.
    expect(await place.json("collection", "create", "set", "raw/b.csv")).toMatchObject({ outcome: "created", version: 1 })
  })
  it("is exported as files under the members' keys", async () => {
    const place = await registered({ "plate/a.csv": "old", "plate/sub dir/b.csv": "b" })
    await place.json("collection", "create", "set", "plate/a.csv", "plate/sub dir/b.csv")
    place.write("plate/a.csv", "new")
    await place.json("ingest", "plate")
    expect(await place.json("collection", "export", "set", "out")).toMatchObject({ name: "set", version: 1, files: [{ path: "plate/a.csv" }, { path: "plate/sub dir/b.csv" }], failures: [], bytes: 4 })
    expect(readFileSync(join(place.directory, "out/plate/a.csv"), "utf8")).toBe("old")
    writeFileSync(join(place.directory, "out/plate/a.csv"), "mine")
    const again = await place.run("collection", "export", "set", "out")
    expect([again.code, again.stdout]).toEqual([10, "1 file of set@1, 1 B, in out\n"])
    expect(again.stderr).toMatch(/failed: plate\/a\.csv: .*exists already/)
    expect(readFileSync(join(place.directory, "out/plate/a.csv"), "utf8")).toBe("mine")
    expect((await place.run("collection", "export", "set", "out", "--force")).code).toBe(0)
    expect(readFileSync(join(place.directory, "out/plate/a.csv"), "utf8")).toBe("old")
  })

  it("has exactly one latest version, whoever writes at the same time", async () => {
    const place = await registered(Object.fromEntries(["a", "b", "c", "d"].map((name) => [`plate/${name}.csv`, name])))
    await Promise.all(["a", "b", "c", "d"].map((name) => place.json("collection", "create", "set", `plate/${name}.csv`)))
    const versions = await place.json("collection", "log", "set")
    expect(versions.map((one: any) => [one.version, one.isLatest])).toEqual([[1, false], [2, false], [3, false], [4, true]])
    expect(new Set(versions.map((one: any) => one.uid.slice(0, 16))).size).toBe(1)
    expect((await place.json("doctor")).ok).toBe(true)
  })
})

describe("sheaf ingest --collection", () => {
  it("is a collection of exactly the ingested set, in path order", async () => {
    const place = await registered({ "plate/b.csv": "2", "plate/a/z.csv": "1", "plate/a.csv": "3", "plate/same as b.csv": "2", "plate/sub/x": "" })
    await place.json("add", place.write("elsewhere.csv", "0"), "--key", "plate/not there.csv")
    await place.json("ingest", "plate")
    const first = await place.json("ingest", "plate", "--collection", "/sets//plates")
    expect(first).toMatchObject({ collection: "sets/plates", counts: { existing: 5 } })
    expect(keysOf(await place.json("collection", "show", "sets/plates"))).toEqual(["plate/a.csv", "plate/a/z.csv", "plate/b.csv", "plate/sub/x"])
    expect(await place.json("ingest", "plate", "--collection", "sets/plates")).toMatchObject({ collectionUid: first.collectionUid })

    rmSync(join(place.directory, "plate/a/z.csv"))
    renameSync(join(place.directory, "plate/b.csv"), join(place.directory, "plate/c.csv"))
    place.write("plate/a.csv", "changed")
    place.write("other/0.csv", "from the other directory")
    const second = await place.json("ingest", "plate", "other", "--collection", "sets/plates")
    const shown = await place.json("collection", "show", "sets/plates")
    expect(shown).toMatchObject({ uid: second.collectionUid, version: 2 })
    expect(shown.artifacts.map((one: any) => one.keys.at(-1))).toEqual(["plate/a.csv", "plate/c.csv", "plate/sub/x", "other/0.csv"])
    expect((await place.run("ingest", "plate", "--collection", "c2", "--label", "l")).stdout).toMatch(/All have the label l\.\nThey are the collection c2 \(\w{20}\)\.\n/)
  })

  it("leaves it as it was where files failed or there are none", async () => {
    const place = await instance()
    mkdirSync(join(place.directory, "plate"))
    expect(await place.json("ingest", "plate", "--collection", "c", "--label", "l")).toMatchObject({ collection: null, labels: [], warnings: [{ code: "CollectionNotMade" }] })
    place.write("plate/a.csv", "1")
    place.write("plate/b.csv", "1")
    const ran = await place.run("ingest", "plate", "--collection", "c", "--label", "l", "--on-duplicate", "error", "--json")
    expect(ran.code).toBe(10)
    expect(JSON.parse(ran.stdout)).toMatchObject({ counts: { created: 1, failed: 1 }, collection: null, labels: ["l"], warnings: [{ code: "CollectionNotMade" }] })
    expect(await place.json("collection", "list")).toEqual([])
    expect((await place.json("show", "plate/a.csv")).labels).toEqual(["l"])
    expect((await place.run("ls")).stdout).toBe("plate/a.csv\n")
  })

  it("counts files in place as well", async () => {
    const place = await instance()
    place.write("storage/run/a.csv", "1")
    place.write("storage/run/b.csv", "2")
    await place.json("ingest", "storage/run", "--collection", "run 1")
    expect(keysOf(await place.json("collection", "show", "run 1"))).toEqual(["run/a.csv", "run/b.csv"])
  })
})
