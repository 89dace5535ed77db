import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { finished, instance, start } from "./Cli.ts"

describe("rm", () => {
  it("moves into the trash and restore puts back, with the documents of the machine interface", async () => {
    const place = await instance()
    place.write("plate1/a.csv", "a")
    place.write("plate1/b.csv", "b")
    await place.json("ingest", "plate1", "--key", "raw/plate1")
    const { uid } = await place.json("show", "raw/plate1/a.csv")
    expect(await place.json("rm", "raw/", "--dry-run")).toMatchObject({ dryRun: true, permanent: false, artifacts: [{ keys: ["raw/plate1/a.csv"] }, { keys: ["raw/plate1/b.csv"] }] })
    const removed = await place.run("rm", "raw/plate1/a.csv", "raw/plate1/b.csv")
    expect(removed).toMatchObject({ code: 0, stderr: "" })
    expect(removed.stdout).toContain("moved 2 artifacts to the trash, released 2 keys")
    expect(await place.json("ls")).toEqual([])
    expect(await place.failure("show", uid)).toMatchObject({ exit: 3, error: { code: "NotFound" } })
    const list = await place.json("rm", "--list")
    expect(list).toMatchObject([{ uid, key: "raw/plate1/a.csv", keys: ["raw/plate1/a.csv"], size: 1 }, { key: "raw/plate1/b.csv" }])
    expect((await place.run("rm", "--list", "--ndjson")).stdout.trimEnd().split("\n").map((line) => JSON.parse(line))).toEqual(list)
    expect(await place.json("restore", "raw/plate1/a.csv")).toMatchObject({ dryRun: false, artifacts: [{ uid }] })
    expect(await place.json("show", "raw/plate1/a.csv")).toMatchObject({ uid, isLatest: true })
    expect(await place.json("log", "raw/plate1/a.csv")).toMatchObject([{ event: "created" }, { event: "released" }, { event: "restored" }])
    place.write("other.csv", "other")
    await place.json("add", "other.csv", "--key", "raw/plate1/b.csv")
    const conflict = await place.failure("restore", "raw/plate1/b.csv")
    expect(conflict).toMatchObject({ exit: 4, error: { code: "KeyConflict", key: "raw/plate1/b.csv", uid: expect.any(String), holder: expect.any(String) } })
    expect(await place.failure("restore", "nothing")).toMatchObject({ exit: 3 })
  })

  it("--permanent prints the plan, and without a terminal and without --yes refuses with exit 2", async () => {
    const place = await instance()
    const root = join(place.directory, "storage", ".sheaf")
    for (const name of ["a.csv", "b.csv"]) {
      place.write(name, name)
      await place.json("add", name, "--key", `raw/${name}`)
    }
    const { path } = await place.json("show", "raw/a.csv")
    expect(await place.failure("rm", "--permanent", "raw/a.csv")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    const plan = await place.run("rm", "--permanent", "--dry-run", "raw/a.csv")
    expect(plan.stdout).toContain("to be deleted: 1 artifact, 1 key, 1 object, 5 B")
    expect(existsSync(path)).toBe(true)
    const planned = await place.json("rm", "--permanent", "--dry-run", "raw/a.csv")
    expect(planned).toMatchObject({ dryRun: true, permanent: true, artifacts: [{ keys: ["raw/a.csv"], inTrash: false }], objects: [{ path, size: 5 }], bytes: 5, kept: [], removed: null })
    expect(await place.json("rm", "--permanent", "--yes", "raw/a.csv")).toMatchObject({ dryRun: false, removed: { objects: 1, bytes: 5, kept: [], pending: [] } })
    expect(existsSync(path)).toBe(false)
    await place.json("rm", "raw/b.csv")
    expect((await place.run("rm", "--permanent", "--trashed", "--yes")).stdout).toContain("deleted 1 artifact, 1 object, 5 B")
    expect(readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name)).toEqual(["root.json"])
    expect(await place.json("doctor")).toMatchObject({ ok: true })
    for (const args of [[], ["--trashed"], ["--delete-source", "x"], ["--list", "x"]]) expect(await place.failure("rm", ...args)).toMatchObject({ exit: 2 })
  })
})

describe("gc", () => {
  it("lists what nothing refers to and removes it with --yes", async () => {
    const place = await instance()
    place.write("a.csv", "a")
    await place.json("add", "a.csv", "--key", "a.csv")
    const stray = place.write(`storage/.sheaf/AB/ABcd${"0".repeat(16)}.csv`, "stray")
    expect(await place.json("gc", "--dry-run")).toMatchObject({ dryRun: true, objects: [], young: 1, graceHours: 24, removed: null })
    expect(await place.failure("gc")).toMatchObject({ exit: 2 })
    expect(await place.json("gc", "--dry-run", "--grace", "0")).toMatchObject({ objects: [{ path: stray, size: 5, modifiedAt: expect.any(String) }], bytes: 5 })
    expect(existsSync(stray)).toBe(true)
    const ran = await place.run("gc", "--grace", "0", "--yes")
    expect(ran.stdout).toContain(stray)
    expect(ran.stdout).toContain("removed 1 object, 5 B")
    expect(existsSync(stray)).toBe(false)
    expect(await place.json("verify")).toMatchObject({ checked: 1, ok: 1 })
  })
})

describe("export and cache", () => {
  it("rebuild a tree and print a path", async () => {
    const place = await instance()
    place.write("plate1/a.csv", "a")
    place.write("plate1/sub/b.csv", "bb")
    await place.json("ingest", "plate1", "--key", "raw/plate1")
    expect(await place.json("export", "raw/plate1", "again")).toEqual({
      prefix: "raw/plate1", directory: join(place.directory, "again"), link: "copy", files: 2, written: 2, existing: 0, bytes: 3, failures: []
    })
    expect(readFileSync(join(place.directory, "again/sub/b.csv"), "utf8")).toBe("bb")
    place.write("again/a.csv", "x")
    expect(await place.failure("export", "raw/plate1", "again")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    const cached = await place.run("cache", "raw/plate1/a.csv")
    expect(cached.stdout).toBe(`${(await place.json("show", "raw/plate1/a.csv")).path}\n`)
    expect(await place.json("cache", "raw/plate1/a.csv")).toMatchObject({ key: "raw/plate1/a.csv", cachedAt: cached.stdout.trimEnd() })
    expect(await place.failure("cache", "none.csv")).toMatchObject({ exit: 3 })
  })

  it("killed at any moment, leaves no half file under a final name, and run again finishes", async () => {
    const place = await instance()
    const content = (i: number) => `${i} `.repeat(20_000)
    for (let i = 0; i < 200; i++) place.write(`d/${i}.txt`, content(i))
    await place.json("ingest", "d", "--key", "d")
    const target = join(place.directory, "out")
    const names = () => (existsSync(target) ? readdirSync(target).filter((name) => !name.startsWith(".")) : [])
    const child = start(place.directory, ["export", "d", "out"])
    const ended = finished(child)
    while (names().length < 5 && child.exitCode === null) await setImmediate()
    child.kill("SIGKILL")
    expect(await ended).toMatchObject({ signal: "SIGKILL" })
    for (const name of names()) expect(readFileSync(join(target, name), "utf8") === content(Number.parseInt(name, 10)), name).toBe(true)
    const before = names().length
    expect(await place.json("export", "d", "out")).toMatchObject({ files: 200, existing: before, written: 200 - before })
  })
})
