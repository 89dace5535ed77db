import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { instance, PACKAGE, type Workplace } from "./Cli.ts"

const STORAGE_LOCAL = pathToFileURL(join(PACKAGE, "../storage-local/src/index.ts")).href

/** A driver that serves directories under another scheme, without telling that they are local. */
const DRIVER = `
import { Effect } from "${pathToFileURL(join(PACKAGE, "node_modules/effect/dist/index.js")).href}"
import { driver as local } from "${STORAGE_LOCAL}"
export const driver = {
  scheme: "webdav", name: "webdav", contract: 1,
  normalize: (url) => Effect.map(local.normalize(url.slice("webdav://".length)), (file) => file.replace(/^file:/, "webdav:")),
  open: (url, options) => Effect.map(local.open(url.replace(/^webdav:/, "file:"), options), (handle) => ({ ...handle, capabilities: { ...handle.capabilities, localPath: false } }))
}`

const install = (place: Workplace, name: string, version: string, source: string): void => {
  place.write(`node_modules/${name}/package.json`, JSON.stringify({ name, version, type: "module", exports: "./index.js" }))
  place.write(`node_modules/${name}/index.js`, source)
}

let place: Workplace

beforeAll(async () => {
  place = await instance()
})

describe("packages named in the config", () => {
  it("have to be there before the setting is changed, and the message says how", async () => {
    const { error, exit } = await place.failure("config", "set", "key-policy", "package:@team/policy")
    expect([exit, error.code, error.package, error.setting]).toEqual([1, "PackageProblem", "@team/policy", "keyPolicy"])
    expect(error.hint).toContain("npm install @team/policy --prefix")
    expect(await place.json("config", "get", "keyPolicy")).toEqual({ keyPolicy: "virtual" })
    expect(await place.failure("config", "set", "keyPolicy", "package:../evil")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("config", "set", "keyPolicy", "semantical")).toMatchObject({ exit: 2, error: { code: "InvalidInput", reason: expect.stringContaining("\"virtual\"") } })
    expect(await place.failure("config", "set", "drivers", "@team/dav,./here")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("storage", "add", "webdav://somewhere")).toMatchObject({ error: { code: "StorageError", kind: "Unsupported", message: expect.stringContaining("sheaf config set drivers") } })
  })

  it("bring a kind of storage: added, written, read and verified like any other, also by ingest", async () => {
    install(place, "@team/sheaf-webdav", "0.3.0", DRIVER)
    expect(await place.json("config", "set", "drivers", "@team/sheaf-webdav")).toEqual({ drivers: ["@team/sheaf-webdav"] })
    const dav = join(place.directory, "dav")
    mkdirSync(dav)
    expect(await place.json("storage", "add", `webdav://${dav}`, "--name", "dav")).toMatchObject({ scheme: "webdav", name: "dav" })
    place.write("a.csv", "a,b\n1,2\n")
    const { artifact } = await place.json("add", "a.csv", "--key", "raw/a.csv", "--storage", "dav")
    expect(artifact.path).toMatch(/^webdav:\/\//)
    expect((await place.run("cat", "raw/a.csv")).stdout).toBe("a,b\n1,2\n")
    expect(await place.json("verify")).toMatchObject({ checked: 1, ok: 1, damaged: [], missing: [] })
    expect((await place.json("doctor")).checks).toContainEqual(expect.objectContaining({ check: "package @team/sheaf-webdav", ok: true, detail: expect.stringContaining("version 0.3.0: storage webdav:") }))
    expect((await place.run("get", "raw/a.csv", "-o", "copy.csv")).code).toBe(0)
    place.write("in/b.csv", "b\n")
    expect((await place.json("ingest", "in", "--key", "many", "--storage", "dav")).counts).toMatchObject({ files: 1, created: 1 })
    expect((await place.run("cat", "many/b.csv")).stdout).toBe("b\n")
    expect((await place.json("init")).created).toBe(false)
    // What goes wrong in the package's own copy of the library is the same typed error here.
    rmSync(dav, { recursive: true })
    expect(await place.failure("cat", "raw/a.csv")).toMatchObject({ error: { code: expect.stringMatching(/^(NoGoodLocation|StorageError)$/) } })
  })

  it("that are gone keep commands from working with a message, except those that mend it", async () => {
    const other = await instance()
    install(other, "policy", "1.0.0", "export const keyPolicy = { name: \"none\", contract: 1, reject: () => \"no more keys\" }")
    await other.json("config", "set", "key-policy", "package:policy")
    rmSync(join(other.directory, "node_modules"), { recursive: true })
    expect(await other.failure("ls")).toMatchObject({ exit: 1, error: { code: "PackageProblem" } })
    const doctor = await other.run("doctor", "--json")
    expect(doctor.code).toBe(5)
    expect(JSON.parse(doctor.stdout).checks).toContainEqual(expect.objectContaining({ check: "package policy", ok: false, advice: expect.stringContaining("npm install policy") }))
    expect(await other.json("config", "set", "key-policy", "virtual")).toEqual({ keyPolicy: "virtual" })
    expect(await other.json("ls")).toEqual([])
    writeFileSync(join(other.directory, "x.txt"), "x")
    expect(await other.json("add", "x.txt", "--key", "x.txt")).toMatchObject({ outcome: "created" })
  })
})
