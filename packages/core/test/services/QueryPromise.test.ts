import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { Sheaf } from "../../src/Promise.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

it("queries without Effect, by objects and by words of the command line", async () => {
  const folder = temporaryFolder()
  await using sheaf = await Sheaf.init(join(folder, "data"), { drivers })
  await sheaf.saveMany([
    { content: "a,b\n1,2\n", key: "raw/plate1/a.csv", description: "first" },
    { content: "a,b\n1,2\n3,4\n", key: "raw/plate1/b.csv" },
    { content: "text", key: "notes.txt", kind: "note" }
  ])
  const keys = (artifacts: ReadonlyArray<{ readonly key: string | null }>) => artifacts.map(({ key }) => key)
  expect(keys(await sheaf.artifacts.where({ suffix: ".csv", size: { gte: 10 } }).orderBy("createdAt").all())).toEqual(["raw/plate1/b.csv"])
  expect(keys(await sheaf.artifacts.where({ suffix: [".csv", ".txt"] }).orderBy("key", "desc").all())).toEqual(["raw/plate1/b.csv", "raw/plate1/a.csv", "notes.txt"])
  expect((await sheaf.artifacts.where("key__icontains=PLATE1").where({ description: null }).one()).key).toBe("raw/plate1/b.csv")
  expect((await sheaf.artifacts.where({ description: "first" }).first())?.key).toBe("raw/plate1/a.csv")
  expect(await sheaf.artifacts.where({ or: [{ kind: "note" }, { size: { lt: "9B" } }] }).count()).toBe(2)
  expect(await sheaf.artifacts.where({ createdAt: { gte: new Date(0) } }).exists()).toBe(true)
  expect(await sheaf.artifacts.where({ kind: "none" }).oneOrNone()).toBe(null)
  await expect(sheaf.artifacts.where({ suffix: ".csv" }).one()).rejects.toMatchObject({ _tag: "MultipleResults", total: 2, hint: expect.stringContaining("Narrow") })
  await expect(sheaf.artifacts.where({ kind: "none" }).one()).rejects.toMatchObject({ _tag: "NotFound" })
  await expect(sheaf.artifacts.where({ sise: 1 } as never).all()).rejects.toMatchObject({ _tag: "InvalidInput", hint: "Did you mean size?" })
  const seen: Array<string | null> = []
  for await (const { key } of sheaf.artifacts.orderBy("size")) {
    seen.push(key)
    if (seen.length === 2) break
  }
  expect(seen).toEqual(["notes.txt", "raw/plate1/a.csv"])
  const first = await sheaf.artifacts.page(2)
  const second = await sheaf.artifacts.page(2, first.next)
  expect([first.artifacts.length, second.artifacts.length, second.next]).toEqual([2, 1, null])
  expect(await sheaf.artifacts.writeTable(join(folder, "all.csv"))).toMatchObject({ rows: 3 })
  expect(existsSync(join(folder, "all.csv"))).toBe(true)
  expect(await sheaf.sql("SELECT b FROM plate ORDER BY b DESC", { tables: { plate: "raw/plate1/b.csv" } })).toEqual([{ b: 4 }, { b: 2 }])
  // The same program goes on with its own registry afterwards.
  await sheaf.saveContent("more", { key: "more.txt" })
  expect(await Promise.all([sheaf.sql("SELECT count(*) AS n FROM artifacts"), sheaf.artifacts.count(), sheaf.sql("SELECT max(size) AS n FROM artifacts")]))
    .toEqual([[{ n: 4 }], 4, [{ n: 12 }]])
  await expect(sheaf.sql("SELECT * FROM read_text('/etc/passwd')")).rejects.toMatchObject({ _tag: "InvalidInput" })
})
