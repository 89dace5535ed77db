import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { checkArtifact } from "./ArtifactShape.ts"
import { instance, runShell, type Workplace } from "./Cli.ts"

let place: Workplace

beforeAll(async () => {
  place = await instance()
  place.write("a.csv", "a,b\n1,2\n")
  await place.json("add", "a.csv", "--key", "plate1/a.csv")
})

describe("add", () => {
  it("of one file gives the save result, and a new version for new content", async () => {
    place.write("r.csv", "1\n")
    const first = await place.json("add", "r.csv", "--key", "results/r.csv", "--description", "first read", "--kind", "table")
    expect(Object.keys(first).sort()).toEqual(["aliasOf", "artifact", "key", "movedFrom", "outcome", "warnings"])
    expect(first).toMatchObject({ outcome: "created", key: "results/r.csv", aliasOf: null, movedFrom: null, artifact: { description: "first read", kind: "table" } })
    checkArtifact(first.artifact)
    place.write("r.csv", "2\n")
    const second = await place.json("add", "r.csv", "--key", "results/r.csv")
    expect(second.outcome).toBe("newVersion")
    expect(second.artifact.uid.slice(0, 16)).toBe(first.artifact.uid.slice(0, 16))
    expect((await place.run("cat", "results/r.csv@1")).stdout).toBe("1\n")
    expect((await place.run("cat", "results/r.csv")).stdout).toBe("2\n")
    expect((await place.json("log", "results/r.csv")).map((event: any) => [event.event, event.uid])).toEqual([
      ["created", first.artifact.uid], ["newVersion", second.artifact.uid]
    ])
    expect((await place.run("show", "results/r.csv@1")).stdout).toContain("an older version")
  })
  it("of content that is known says so, and names both keys", async () => {
    place.write("dup.csv", "a,b\n1,2\n")
    const { stderr, stdout } = await place.run("add", "dup.csv", "--key", "results/dup.csv")
    expect(stdout).toMatch(/^aliased /)
    expect(stderr).toMatch(/^warning: .*plate1\/a.csv/)
    expect(await place.failure("add", "dup.csv", "--key", "results/dup2.csv", "--on-duplicate", "error")).toMatchObject({ exit: 4, error: { code: "DuplicateContent" } })
  })
  it("of several files has a result for each, and exits 10 when some failed", async () => {
    place.write("m/1.csv", "m1\n")
    place.write("m/2.csv", "m2\n")
    const ran = await place.run("add", "m/1.csv", "m/nowhere.csv", "m/2.csv", "--key", "many/", "--json")
    expect(ran.code).toBe(10)
    const results = JSON.parse(ran.stdout)
    expect(results.map((one: any) => [one.path, one.outcome ?? one.error.code, one.key])).toEqual([
      ["m/1.csv", "created", "many/1.csv"], ["m/nowhere.csv", "FileError", undefined], ["m/2.csv", "created", "many/2.csv"]
    ])
    const text = await place.run("add", "m/1.csv", "m/nowhere.csv", "--key", "many/")
    expect(text.stdout).toMatch(/^existing .* many\/1.csv\n$/)
    expect(text.stderr).toMatch(/^sheaf: .*m\/nowhere.csv: no such file or directory\n/)
    expect(await place.failure("add", "m/1.csv", "m/2.csv", "--key", "one.csv")).toMatchObject({ exit: 2, error: { code: "Usage" } })
  })
  it("of - takes what comes on stdin, of any length, and keeps nothing beside", async () => {
    const line = (args: string) => runShell(place.directory, `seq 1 2000000 | $SHEAF add - ${args}`)
    const saved = await line("--key stdin/numbers.csv --kind table --json")
    expect(JSON.parse(saved.stdout)).toMatchObject({ outcome: "created", key: "stdin/numbers.csv", artifact: { suffix: ".csv", kind: "table", size: 14_888_896 } })
    expect((await line("--key stdin/numbers.csv")).stdout).toMatch(/^existing /)
    expect(readdirSync(join(place.directory, ".sheaf/cache")).filter((name) => name.startsWith("content-"))).toEqual([])
    expect((await runShell(place.directory, "printf x | $SHEAF add - --description 'without a key'")).stdout).toMatch(/^created /)
    expect(await runShell(place.directory, "printf y | $SHEAF add -")).toMatchObject({ code: 2, stderr: expect.stringContaining("without a key") })
    expect(await place.failure("add", "-", "--key", "stdin/")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    expect(await place.failure("add", "-", "dup.csv", "--key", "stdin/")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    place.write("-", "a file of that name\n")
    expect(await place.json("add", "./-", "--key", "stdin/dash")).toMatchObject({ artifact: { size: 20 } })
  })
  it("refuses bad keys before anything changes", async () => {
    expect(await place.failure("add", "dup.csv", "--key", "../x.csv")).toMatchObject({ exit: 2, error: { code: "InvalidKey", key: "../x.csv" } })
    expect(await place.failure("add", "dup.csv", "--key", "x.txt")).toMatchObject({ exit: 2, error: { code: "SuffixMismatch" } })
    expect(await place.failure("add", "m")).toMatchObject({ error: { code: expect.stringMatching(/FileError|InvalidInput/) } })
  })
})

describe("get and cat", () => {
  it("give the bytes back, byte for byte", async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256))
    writeFileSync(join(place.directory, "b.bin"), bytes)
    const { artifact } = await place.json("add", "b.bin", "--key", "bytes/b.bin")
    expect((await place.run("cat", "bytes/b.bin")).bytes.equals(bytes)).toBe(true)
    expect((await place.run("get", "bytes/b.bin")).stdout).toBe(`${artifact.path}\n`)
    expect(await place.json("get", "bytes/b.bin")).toEqual(artifact)
    mkdirSync(join(place.directory, "out"))
    const copy = await place.run("get", "bytes/b.bin", "-o", "out")
    expect(copy).toMatchObject({ code: 0 })
    expect(readFileSync(join(place.directory, "out", "b.bin")).equals(bytes)).toBe(true)
    await place.json("get", "bytes/b.bin", "-oout/other name.bin")
    expect(readFileSync(join(place.directory, "out/other name.bin")).equals(bytes)).toBe(true)
  })
  it("never overwrite unless told to", async () => {
    place.write("mine.csv", "mine")
    const { error } = await place.failure("get", "plate1/a.csv", "-o", "mine.csv")
    expect(error.hint).toContain("--force")
    expect(readFileSync(join(place.directory, "mine.csv"), "utf8")).toBe("mine")
    expect((await place.run("get", "plate1/a.csv", "-o", "mine.csv", "--force")).code).toBe(0)
    expect(readFileSync(join(place.directory, "mine.csv"), "utf8")).toBe("a,b\n1,2\n")
  })
})

describe("mv, alias, unalias", () => {
  it("change names and nothing else", async () => {
    place.write("n.csv", "names\n")
    const { artifact } = await place.json("add", "n.csv", "--key", "names/n.csv")
    const moved = await place.json("mv", "names/n.csv", "names/m.csv")
    expect(moved).toMatchObject({ uid: artifact.uid, key: "names/m.csv", path: artifact.path })
    checkArtifact(moved)
    expect(await place.json("alias", "names/m.csv", "paper/fig.csv")).toMatchObject({ uid: artifact.uid, keys: ["names/m.csv", "paper/fig.csv"] })
    expect((await place.run("cat", "paper/fig.csv")).stdout).toBe("names\n")
    expect(await place.json("unalias", "paper/fig.csv")).toMatchObject({ uid: artifact.uid, keys: ["names/m.csv"] })
    expect((await place.json("log", "names/m.csv"))[0]).toMatchObject({ event: "renamed", uid: artifact.uid })
  })
  it("move prefixes at once, after a plan", async () => {
    place.write("p/1.csv", "p1")
    place.write("p/2.csv", "p2")
    await place.json("ingest", "p")
    const plan = await place.run("mv", "p/", "q/", "--dry-run")
    expect(plan.stdout).toBe("p/1.csv -> q/1.csv\np/2.csv -> q/2.csv\n2 keys would be renamed. Dry run: nothing was changed.\n")
    expect((await place.run("mv", "p/", "q/")).stdout).toBe("renamed 2 keys: p/ -> q/\n")
    expect((await place.run("ls", "q")).stdout).toBe("q/1.csv\nq/2.csv\n")
  })
  it("refuse to take another artifact's key, exit 4", async () => {
    const { error, exit } = await place.failure("mv", "names/m.csv", "plate1/a.csv")
    expect(exit).toBe(4)
    expect(error).toMatchObject({ code: "KeyConflict", key: "plate1/a.csv" })
    expect(await place.failure("mv", "nowhere.csv", "x.csv")).toMatchObject({ exit: 3, error: { code: "NotFound" } })
    expect(await place.failure("unalias", "nowhere.csv")).toMatchObject({ exit: 3 })
    expect(await place.failure("mv", "names/m.csv", "names/m.txt")).toMatchObject({ exit: 2, error: { code: "SuffixMismatch" } })
  })
})

describe("config", () => {
  it("reads and changes settings", async () => {
    expect((await place.run("config", "get", "onDuplicate")).stdout).toBe("alias\n")
    expect((await place.run("config", "get")).stdout).toContain("\nonDuplicate = alias\n")
    expect(await place.json("config", "set", "suffixes.composite", ".bam.bai,.x.y")).toEqual({ "suffixes.composite": [".bam.bai", ".x.y"] })
    expect((await place.run("config", "get", "suffixes.composite")).stdout).toBe(".bam.bai,.x.y\n")
    expect(await place.failure("config", "set", "onDuplicate", "perhaps")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("config", "set", "colour", "blue")).toMatchObject({ exit: 2 })
    expect(await place.failure("config", "set", "hash", "sha256")).toMatchObject({ exit: 2 })
  })
})

describe("info and doctor", () => {
  it("describe the instance", async () => {
    const info = await place.json("info")
    expect(info).toMatchObject({ directory: place.directory, hash: "md5", schema: 2, roots: 1, storage: `file://${place.directory}/storage` })
    expect(info.artifacts).toBeGreaterThan(4)
    expect((await place.run("info")).stdout).toContain(place.directory)
    const { checks, ok } = await place.json("doctor")
    expect(ok).toBe(true)
    for (const check of checks) expect(Object.keys(check).sort()).toEqual(["advice", "check", "detail", "ok"])
  })
  it("doctor says what is wrong with a broken config, exit 5", async () => {
    const fresh = await instance()
    writeFileSync(join(fresh.directory, ".sheaf", "config.json"), "{")
    const { code, stdout } = await fresh.run("doctor")
    expect(code).toBe(5)
    expect(stdout).toContain("config")
    expect(await fresh.failure("ls")).toMatchObject({ exit: 1, error: { code: "InvalidConfig" } })
  })
})

describe("versions", () => {
  it("are made explicitly with --revises, also with another suffix, and tagged once in a family", async () => {
    const place = await instance()
    place.write("a.csv", "1\n")
    place.write("b.tsv", "2\n")
    place.write("c.csv", "3\n")
    const first = await place.json("add", "a.csv", "--key", "raw/a.csv", "--version", "1.0")
    const second = await place.json("add", "b.tsv", "--revises", "raw/a.csv")
    expect(second).toMatchObject({ outcome: "newVersion", key: null, artifact: { uid: `${first.artifact.uid.slice(0, 16)}0001`, suffix: ".tsv", isLatest: true } })
    expect(await place.failure("add", "c.csv", "--revises", first.artifact.uid, "--version", "1.0")).toMatchObject({ error: { code: "InvalidInput" } })
    const third = await place.json("add", "c.csv", "--revises", first.artifact.uid, "--version", "3.0")
    expect(third).toMatchObject({ outcome: "newVersion", key: "raw/a.csv", artifact: { uid: `${first.artifact.uid.slice(0, 16)}0002`, version: "3.0" } })
    expect(await place.json("show", "raw/a.csv@1")).toMatchObject({ uid: first.artifact.uid, version: "1.0", isLatest: false, formerKey: "raw/a.csv" })
    const known = await place.json("add", "a.csv", "--revises", third.artifact.uid)
    expect(known.outcome).toBe("moved")
    expect(known.warnings.map(({ code }: { readonly code: string }) => code)).toContain("NotRevised")
  })
})
