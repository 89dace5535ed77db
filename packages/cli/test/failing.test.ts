import { DuckDBInstance } from "@duckdb/node-api"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { instance, runShell, type Workplace } from "./Cli.ts"

const VERIFY_FIELDS = ["checked", "bytes", "ok", "damaged", "missing"]
const ROOT_FIELDS = ["artifacts", "bytes", "default", "name", "readOnly", "scheme", "uid", "url"]

let place: Workplace
let places: Record<string, any>

beforeAll(async () => {
  place = await instance()
  for (const name of ["good", "damaged", "missing"]) place.write(`d/${name}.csv`, `${name} content\n`)
  await place.json("ingest", "d")
  places = Object.fromEntries((await place.json("ls")).map((one: any) => [one.key, one]))
})

describe("verify", () => {
  it("finds nothing wrong, then everything that is, exit 5", async () => {
    const clean = await place.json("verify")
    for (const field of VERIFY_FIELDS) expect(clean).toHaveProperty(field)
    expect(clean).toMatchObject({ checked: 3, ok: 3, damaged: [], missing: [] })
    const { path } = places["d/damaged.csv"]
    writeFileSync(path, readFileSync(path, "utf8").toUpperCase())
    rmSync(places["d/missing.csv"].path)
    const ran = await place.run("verify", "--json")
    expect(ran.code).toBe(5)
    expect(JSON.parse(ran.stdout)).toMatchObject({
      checked: 3,
      ok: 1,
      damaged: [{ uid: places["d/damaged.csv"].uid, path, expected: places["d/damaged.csv"].hash, found: expect.stringMatching(/^[\w-]{22}$/) }],
      missing: [{ uid: places["d/missing.csv"].uid, path: places["d/missing.csv"].path }]
    })
    const text = await place.run("verify", "d/damaged.csv")
    expect(text.code).toBe(5)
    expect(text.stdout).toMatch(/^1 copy, 16 B read in .*: 0 ok, 1 damaged\n {2}damaged {2}\w{20} {2}\//)
    expect((await place.run("verify", "--artifact", places["d/good.csv"].uid)).stdout).toMatch(/^1 copy, .* all are what they were\n$/)
  })
  it("of a share says how to draw it again", async () => {
    const { stdout } = await place.run("verify", "--sample", "50%", "--seed", "s")
    expect(stdout).toContain("A sample of 50 %, drawn with --seed s.")
  })
  it("is what cat and get believe: nothing damaged is given out, exit 5", async () => {
    const cat = await place.failure("cat", "d/damaged.csv")
    expect(cat).toMatchObject({ exit: 5, error: { code: "Damaged", uid: places["d/damaged.csv"].uid } })
    expect((await place.run("cat", "d/damaged.csv")).stdout).toBe("")
    expect(await place.failure("get", "d/damaged.csv", "-o", "copy.csv")).toMatchObject({ exit: 5 })
    expect(await place.failure("cat", "d/missing.csv")).toMatchObject({ exit: 5, error: { code: "NoGoodLocation" } })
  })
})

describe("storage", () => {
  it("roots come and go", async () => {
    const fresh = await instance()
    mkdirSync(join(fresh.directory, "lab"))
    fresh.write("lab/run/a.csv", "in place\n")
    const added = await fresh.json("storage", "add", "lab", "--name", "lab")
    expect(added).toMatchObject({ name: "lab", default: false, readOnly: false, url: `file://${fresh.directory}/lab` })
    const list = await fresh.json("storage", "list")
    for (const root of list) expect(Object.keys(root).sort()).toEqual(ROOT_FIELDS)
    expect(list.map((root: any) => [root.name, root.default])).toEqual([[null, true], ["lab", false]])
    expect((await fresh.run("storage", "list")).stdout).toMatch(/^name .*\n- .*default.*storage\nlab .*lab\n$/)
    expect(await fresh.json("ingest", "lab/run")).toMatchObject({ mode: "in-place", keyPrefix: "run", counts: { created: 1 } })
    expect(await fresh.json("show", "run/a.csv")).toMatchObject({ keyIsVirtual: false, path: join(fresh.directory, "lab/run/a.csv") })
    expect(await fresh.failure("storage", "remove", "lab")).toMatchObject({ exit: 4, error: { code: "StorageRootProblem" } })
    expect(await fresh.json("storage", "default", "lab")).toMatchObject({ name: "lab", default: true })
    expect(await fresh.json("storage", "show", "lab")).toMatchObject({ artifacts: 1, bytes: 9 })
    expect(await fresh.json("storage", "verify", "lab")).toMatchObject({ name: "lab", wrote: true })
    expect(await fresh.failure("storage", "show", "nope")).toMatchObject({ exit: 3, error: { code: "NotFound", near: expect.arrayContaining(["lab"]) } })
  })
  it("read-only roots are never the default, exit 7; one that is away is exit 8", async () => {
    const fresh = await instance()
    fresh.write("lab/a.csv", "x\n")
    await fresh.json("storage", "add", "lab", "--name", "lab", "--read-only")
    expect(await fresh.failure("storage", "default", "lab")).toMatchObject({ exit: 7, error: { code: "StorageRootProblem" } })
    renameSync(join(fresh.directory, "lab"), join(fresh.directory, "away"))
    expect(await fresh.failure("storage", "verify", "lab")).toMatchObject({ exit: 8, error: { code: "StorageError", kind: "Unavailable" } })
    expect((await fresh.run("ls")).code).toBe(0)
  })
  it("credentials in a URL are not repeated", async () => {
    const { stderr } = await place.run("storage", "add", "s3://AKIA123:hunter2@bucket/x?secret_access_key=abc")
    expect(stderr).not.toMatch(/hunter2|AKIA123|abc/)
    expect((await place.failure("storage", "add", "s3://AKIA123:hunter2@bucket/x")).error.message).not.toContain("hunter2")
  })
})

describe("the registry", () => {
  it("held by somebody else is waited for, then exit 6 with the holder", async () => {
    const fresh = await instance()
    const registry = join(fresh.directory, ".sheaf", "registry.duckdb")
    const holder = await DuckDBInstance.create(registry)
    try {
      const { error, exit } = await fresh.failure("ls", "--lock-timeout", "0.2")
      expect(exit).toBe(6)
      expect(error).toMatchObject({ code: "RegistryBusy", path: registry, pid: process.pid })
      expect(error.hint).toContain("--lock-timeout")
    } finally {
      holder.closeSync()
    }
    expect((await fresh.run("ls")).code).toBe(0)
  })
  it("of a newer version is left alone, exit 9", async () => {
    const fresh = await instance()
    const registry = join(fresh.directory, ".sheaf", "registry.duckdb")
    const database = await DuckDBInstance.create(registry)
    const connection = await database.connect()
    await connection.run("UPDATE meta SET value = '999' WHERE name = 'schema'")
    connection.closeSync()
    database.closeSync()
    const before = readFileSync(registry)
    expect(await fresh.failure("ls")).toMatchObject({ exit: 9, error: { code: "RegistryNewer", found: 999 } })
    fresh.write("a.csv", "a")
    expect(await fresh.failure("add", "a.csv", "--key", "a.csv")).toMatchObject({ exit: 9 })
    expect(readFileSync(registry).equals(before)).toBe(true)
  })
  it("that is damaged is an error without a stack, exit 1", async () => {
    const fresh = await instance()
    writeFileSync(join(fresh.directory, ".sheaf", "registry.duckdb"), "this is no database")
    const { code, stderr, stdout } = await fresh.run("ls")
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toMatch(/^sheaf: the registry .* failed while /)
    expect(stderr.trimEnd().split("\n")).toHaveLength(2)
  })
})

describe("an instance elsewhere", () => {
  it("is used by --instance and SHEAF_INSTANCE, and found from below", async () => {
    const inside = join(place.directory, "d")
    expect((await runShell(inside, "$SHEAF ls d/good.csv")).stdout).toBe("d/good.csv\n")
    expect((await runShell("/", `$SHEAF ls --instance '${place.directory}' d/good.csv`)).stdout).toBe("d/good.csv\n")
    expect((await runShell("/", `SHEAF_INSTANCE='${place.directory}' $SHEAF --quiet ls d/good.csv`)).stdout).toBe("d/good.csv\n")
  })
})
