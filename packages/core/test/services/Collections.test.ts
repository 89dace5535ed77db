import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { collectionHash } from "../../src/domain/ContentHash.ts"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Collections } from "../../src/services/Collections.ts"
import { Instance } from "../../src/services/Instance.ts"
import { Keys } from "../../src/services/Keys.ts"
import { Query } from "../../src/services/Query.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

type Service = Collections["Service"]

const use = <A, E>(call: (collections: Service) => Effect.Effect<A, E>) => Effect.flatMap(Collections, call)
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const put = async ({ run }: TemporaryInstance, contents: Readonly<Record<string, string>>) => {
  const uids: Record<string, string> = {}
  for (const [key, content] of Object.entries(contents)) {
    uids[key] = (await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, { key })))).artifact.uid
  }
  return uids
}
const keysOf = ({ artifacts }: { readonly artifacts: ReadonlyArray<{ readonly key: string | null }> }) => artifacts.map(({ key }) => key)

describe("collections", () => {
  it("keep their members in order, and show them as they were", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const uids = await put(instance, { "raw/a.csv": "1", "raw/b.csv": "2", "c.csv": "3" })
    const made = await run(use((collections) => collections.create("/plates//first", ["c.csv", "raw/a.csv", uids["c.csv"]!], { description: "two" })))
    expect(made).toMatchObject({ outcome: "created", name: "plates/first", version: 1, members: 2, description: "two", warnings: [{ code: "KeyNormalized" }] })
    await put(instance, { "raw/a.csv": "new" })
    const shown = await run(use((collections) => collections.show("plates/first")))
    expect(shown).toMatchObject({ uid: made.uid, isLatest: true, trashed: [], artifacts: [{ uid: uids["c.csv"] }, { uid: uids["raw/a.csv"], isLatest: false, collections: ["plates/first"] }] })
    expect(shown.hash).toBe(collectionHash(shown.artifacts.map(({ hash }) => hash)))
    expect((await run(get("raw/a.csv"))).collections).toEqual([])

    const longer = await run(use((collections) => collections.append("plates/first", ["raw/b.csv", "raw/a.csv"])))
    expect(longer).toMatchObject({ outcome: "newVersion", version: 2, members: 4 })
    expect(await run(use((collections) => collections.create("plates/first", ["raw/b.csv", "raw/a.csv", "c.csv", "raw/a.csv@1"])))).toMatchObject({
      outcome: "existing", uid: longer.uid, warnings: [{ code: "OrderKept" }]
    })
    expect(keysOf(await run(use((collections) => collections.show("plates/first"))))).toEqual(["c.csv", null, "raw/b.csv", "raw/a.csv"])
    for (const reference of ["plates/first@1", made.uid, made.uid.slice(0, 20)]) {
      expect(await run(use((collections) => collections.show(reference)))).toMatchObject({ uid: made.uid, version: 1, isLatest: false })
    }
    expect(await run(use((collections) => collections.log("plates/first@1")))).toMatchObject([{ version: 1, members: 2 }, { version: 2, members: 4, isLatest: true }])
    expect(await run(use((collections) => collections.diff("plates/first")))).toMatchObject({
      from: { version: 1 }, to: { version: 2 }, removed: [], changed: [], unchanged: 2, added: [{ key: "raw/a.csv" }, { key: "raw/b.csv" }]
    })
    expect((await run(get("c.csv"))).collections).toEqual(["plates/first"])
    expect(await run(use((collections) => collections.list))).toMatchObject([{ uid: longer.uid, members: 4 }])
  })

  it("of a query have what it finds, in its order, however many there are", async () => {
    const instance = await temporaryInstance()
    const { fails, run } = instance
    const uids = await put(instance, { "raw/b.csv": "1", "raw/a.csv": "22", "raw/c.txt": "333", "d.csv": "4444" })
    const made = await run(use((collections) => collections.create("tables", { where: { suffix: ".csv" } })))
    expect(made).toMatchObject({ outcome: "created", members: 3, notes: [] })
    expect(keysOf(await run(use((collections) => collections.show("tables"))))).toEqual(["raw/b.csv", "raw/a.csv", "d.csv"])
    expect(await run(use((collections) => collections.create("tables", Query.everything.where("suffix=.csv").orderBy("size", "desc"))))).toMatchObject({
      outcome: "existing", uid: made.uid, warnings: [{ code: "OrderKept" }]
    })
    expect(await run(use((collections) => collections.append("tables", Query.everything.orderBy("key").limit(4))))).toMatchObject({ outcome: "newVersion", version: 2, members: 4 })
    expect(keysOf(await run(use((collections) => collections.show("tables"))))).toEqual(["raw/b.csv", "raw/a.csv", "d.csv", "raw/c.txt"])
    expect(await run(use((collections) => collections.create("largest", Query.everything.orderBy("size", "desc").limit(1))))).toMatchObject({ members: 1 })
    expect((await run(use((collections) => collections.show("largest")))).artifacts[0]!.uid).toBe(uids["d.csv"])

    expect(await fails(use((collections) => collections.create("none", { where: { suffix: ".tiff" } })))).toMatchObject({ _tag: "NotFound", what: "artifact that matches", exitCode: EXIT.notFound })
    expect(await fails(use((collections) => collections.create("none", { where: ["sufix=.csv"] })))).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails(use((collections) => collections.create("none", { where: { key: { regex: "(" } } })))).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails(use((collections) => collections.append("none", { where: {} })))).toMatchObject({ _tag: "NotFound", what: "collection" })
    expect(await run(use((collections) => collections.list))).toHaveLength(2)
    expect(readdirSync(await run(Effect.map(Instance, ({ cacheFolder }) => cacheFolder))).filter((name) => name.startsWith("members"))).toEqual([])
  })

  it("are refused as a whole, saying why", async () => {
    const instance = await temporaryInstance()
    const { fails, run } = instance
    await put(instance, { "a.csv": "1" })
    expect(await fails(use((collections) => collections.create("set", ["a.csv", "b.csv"])))).toMatchObject({ _tag: "NotFound", what: "artifact", exitCode: EXIT.notFound })
    expect(await fails(use((collections) => collections.create("set", [])))).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails(use((collections) => collections.create("../set", ["a.csv"])))).toMatchObject({ _tag: "InvalidKey" })
    expect(await fails(use((collections) => collections.append("set", ["a.csv"])))).toMatchObject({ _tag: "NotFound", what: "collection" })
    expect(await run(use((collections) => collections.list))).toEqual([])
    const { uid } = await run(use((collections) => collections.create("cafe\u0301", ["a.csv"])))
    expect(await run(use((collections) => collections.get("caf\u00e9")))).toMatchObject({ uid })
    expect(await fails(use((collections) => collections.get("cafe\u0301@2")))).toMatchObject({ _tag: "NotFound", near: ["cafe\u0301@1"] })
    expect(await fails(use((collections) => collections.diff("caf\u00e9")))).toMatchObject({ _tag: "InvalidInput" })
    await put(instance, { "a.csv": "2" })
    await run(use((collections) => collections.create("cafe\u0301", ["a.csv"])))
    expect(await fails(use((collections) => collections.get(uid.slice(0, 10))))).toMatchObject({ _tag: "MultipleResults", exitCode: EXIT.conflict })
  })

  it("have members in different roots", async () => {
    const instance = await temporaryInstance()
    const { folder, run } = instance
    const other = join(folder, "other")
    mkdirSync(other)
    writeFileSync(join(other, "b.csv"), "in the other root")
    await run(Effect.flatMap(StorageRoots, (roots) => roots.add(other)))
    await put(instance, { "a.csv": "in the first root" })
    await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.save(join(other, "b.csv"))))
    await run(use((collections) => collections.create("spread", ["b.csv", "a.csv"])))
    const { artifacts } = await run(use((collections) => collections.show("spread")))
    expect(new Set(artifacts.map(({ storage }) => storage)).size).toBe(2)
    const out = join(folder, "out")
    expect(await run(use((collections) => collections.export("spread", out)))).toMatchObject({ files: [{ path: "b.csv" }, { path: "a.csv" }], failures: [], bytes: 34 })
    expect(readFileSync(join(out, "a.csv"), "utf8")).toBe("in the first root")
    expect(readFileSync(join(out, "b.csv"), "utf8")).toBe("in the other root")
  })
})

describe("exporting a collection", () => {
  it("writes each member under its key, byte for byte, and none over another", async () => {
    const instance = await temporaryInstance()
    const { folder, run } = instance
    const uids = await put(instance, { "raw/a.csv": "old", "raw/x%FFy%0Az.csv": "odd", "gone.csv": "gone", "raw/b.csv": "also a folder", "raw/b.csv/c.csv": "in it" })
    await put(instance, { "raw/a.csv": "new" })
    await run(Effect.flatMap(Keys, (keys) => keys.unalias("gone.csv")))
    await run(use((collections) => collections.create("set", [uids["raw/a.csv"]!, "raw/a.csv", "raw/x%FFy%0Az.csv", "gone.csv@1", "raw/b.csv/c.csv", "raw/b.csv"])))
    const out = join(folder, "out")
    const report = await run(use((collections) => collections.export("set", out)))
    expect(report.files.map(({ path }) => path)).toEqual([`${uids["raw/a.csv"]}.csv`, "raw/a.csv", "raw/x%FFy%0Az.csv", "gone.csv", "raw/b.csv/c.csv", `${uids["raw/b.csv"]}.csv`])
    expect(report.failures).toEqual([])
    expect(readFileSync(join(out, "raw/a.csv"), "utf8")).toBe("new")
    expect(readFileSync(join(out, `${uids["raw/a.csv"]}.csv`), "utf8")).toBe("old")
    const names = readdirSync(join(out, "raw"), "latin1")
    expect(names.sort()).toEqual(["a.csv", "b.csv", "x\u00ffy\nz.csv"])

    // Again: what is there already stays, and only other content is in the way.
    expect(await run(use((collections) => collections.export("set", out)))).toMatchObject({ failures: [], files: report.files })
    writeFileSync(join(out, "gone.csv"), "mine")
    expect((await run(use((collections) => collections.export("set", out)))).failures.map(({ code, path }) => [path, code])).toEqual([["gone.csv", "InvalidInput"]])
    expect(readFileSync(join(out, "gone.csv"), "utf8")).toBe("mine")
    await run(use((collections) => collections.export("set", out, { overwrite: true })))
    expect(readFileSync(join(out, "gone.csv"), "utf8")).toBe("gone")
    expect(await instance.fails(use((collections) => collections.export("set", join(out, "gone.csv"))))).toMatchObject({ _tag: "FileError" })
    expect(await instance.fails(use((collections) => collections.export("set", join(instance.directory, ".sheaf", "x"))))).toMatchObject({ _tag: "FileError" })
    expect(existsSync(join(instance.directory, ".sheaf", "x"))).toBe(false)
  })
})
