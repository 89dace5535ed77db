/** Ingest in its variants, on real directories. */
import { createHash } from "node:crypto"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { instance, workplace, type Workplace } from "./Cli.ts"

const md5 = (bytes: string | Buffer): string => createHash("md5").update(bytes).digest("base64url")

/** Puts every file's times into the past, so that the stat cache trusts them. */
const settle = (...paths: ReadonlyArray<string>): Promise<void> =>
  new Promise((resolve, reject) => {
    spawn("find", [...paths, "-exec", "touch", "-h", "-d", "2020-01-02 03:04:05.678", "{}", "+"], { stdio: "ignore" })
      .on("close", (code) => (code === 0 ? setTimeout(resolve, 150) : reject(new Error(`find exited ${code}`))))
  })

const objects = (place: Workplace): ReadonlyArray<string> =>
  readdirSync(join(place.directory, "storage"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "root.json")
    .map((entry) => join(entry.parentPath, entry.name).slice(join(place.directory, "storage").length + 1))
    .sort()

describe("unchanged files", () => {
  it("are not opened, large ones among small ones included, and a changed one is", async () => {
    const place = await instance()
    for (let i = 0; i < 40; i++) place.write(`data/f${String(i).padStart(2, "0")}.txt`, `file ${i}`)
    const large = Buffer.alloc(17 * 1024 * 1024, 7)
    for (const name of ["f05-large.bin", "f20-large.bin"]) writeFileSync(join(place.directory, "data", name), large)
    await settle(join(place.directory, "data"))
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { files: 42, created: 41, aliased: 1 }, unopened: 0 })
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { files: 42, existing: 42 }, unopened: 42 })
    expect((await place.json("show", "data/f20-large.bin")).hash).toBe(md5(large))
    place.write("data/f07.txt", "changed")
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { existing: 41, newVersion: 1 }, unopened: 41 })
    await settle(join(place.directory, "data"))
    rmSync(join(place.directory, "data", "f08.txt"))
    // Every stamp is new: the directory is read again once, and not a second time.
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { files: 41, existing: 41 }, unopened: 0 })
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { files: 41, existing: 41 }, unopened: 41 })
  })

  it("are looked up again once anything in the registry has changed, and copied again when their artifact is gone", async () => {
    const place = await instance()
    for (const name of ["a", "b", "c"]) place.write(`data/${name}.txt`, `content of ${name}`)
    await settle(join(place.directory, "data"))
    await place.json("ingest", "data")
    await place.json("mv", "data/b.txt", "elsewhere/b.txt")
    expect(await place.json("ingest", "data")).toMatchObject({ counts: { existing: 2, aliased: 1 }, unopened: 3 })
    expect((await place.json("show", "data/b.txt")).keys).toEqual(["elsewhere/b.txt", "data/b.txt"])
    // The cache outlives the registry: files are recognised, but their content is unknown.
    for (const name of readdirSync(join(place.directory, ".sheaf"))) if (name.startsWith("registry.duckdb")) rmSync(join(place.directory, ".sheaf", name))
    rmSync(join(place.directory, "storage"), { recursive: true })
    rmSync(join(place.directory, ".sheaf", "config.json"))
    await place.json("init")
    expect((await place.json("ingest", "data")).counts).toMatchObject({ files: 3, created: 3 })
    expect((await place.run("cat", "data/c.txt")).stdout).toBe("content of c")
  })
})

describe("a dry run", () => {
  it("tells what ingest would do and changes nothing", async () => {
    const place = await instance()
    for (const name of ["same", "changed", "moved"]) place.write(`data/${name}.txt`, name)
    await place.json("ingest", "data")
    place.write("data/changed.txt", "other")
    place.write("data/new.txt", "new")
    place.write("data/copy of new.txt", "new")
    place.write("data/moved.txt", "same")
    const before = await place.json("ls")
    const planned = await place.json("ingest", "data", "--dry-run")
    expect(await place.json("ls")).toEqual(before)
    expect(await place.json("status", "data")).toMatchObject({ counts: { unchanged: 1, changed: 2, new: 2, missing: 0 } })
    const done = await place.json("ingest", "data")
    expect(done.counts).toEqual(planned.counts)
    expect(done.counts).toMatchObject({ existing: 1, newVersion: 1, created: 1, aliased: 1, moved: 1 })
  })
})

describe("duplicates", () => {
  const prepared = async () => {
    const place = await instance()
    place.write("first/a.txt", "one")
    await place.json("ingest", "first")
    place.write("second/b.txt", "one")
    place.write("second/c.txt", "two")
    return place
  }
  it("reuse leaves keys alone", async () => {
    const place = await prepared()
    expect((await place.json("ingest", "second", "--on-duplicate", "reuse")).counts).toMatchObject({ existing: 1, created: 1, aliased: 0 })
    expect((await place.failure("show", "second/b.txt")).exit).toBe(3)
  })
  it("new makes a second artifact of the same bytes", async () => {
    const place = await prepared()
    expect((await place.json("ingest", "second", "--on-duplicate", "new")).counts).toMatchObject({ created: 2 })
    const [a, b] = await Promise.all([place.json("show", "first/a.txt"), place.json("show", "second/b.txt")])
    expect(a.hash).toBe(b.hash)
    expect(a.uid).not.toBe(b.uid)
  })
  it("error reports the file and goes on, exit 10", async () => {
    const place = await prepared()
    const ran = await place.run("ingest", "second", "--on-duplicate", "error", "--json")
    expect(ran.code).toBe(10)
    const summary = JSON.parse(ran.stdout)
    expect(summary.counts).toMatchObject({ files: 2, created: 1, failed: 1 })
    expect(summary.failures).toMatchObject([{ path: "second/b.txt", code: "DuplicateContent" }])
    expect(objects(place).length).toBe(2)
  })
})

describe("key policies", () => {
  it("semantic puts bytes at their key, and an older version keeps its own", async () => {
    const place = workplace()
    await place.json("init")
    await place.json("config", "set", "keyPolicy", "semantic")
    place.write("data/x/a.csv", "1")
    place.write("data/x/b.csv", "2")
    await place.json("ingest", "data")
    expect(objects(place)).toEqual(["data/x/a.csv", "data/x/b.csv"])
    const first = await place.json("show", "data/x/a.csv")
    expect(first).toMatchObject({ keyIsVirtual: false, path: join(place.directory, "storage/data/x/a.csv") })
    place.write("data/x/a.csv", "3")
    expect((await place.json("ingest", "data")).counts).toMatchObject({ newVersion: 1, existing: 1 })
    expect((await place.run("cat", "data/x/a.csv")).stdout).toBe("3")
    expect((await place.run("cat", "data/x/a.csv@1")).stdout).toBe("1")
    expect(await place.json("verify")).toMatchObject({ checked: 3, ok: 3 })
  })
  it("content stores equal bytes once, also as two artifacts", async () => {
    const place = workplace()
    await place.json("init")
    await place.json("config", "set", "keyPolicy", "content")
    place.write("data/a.csv", "same")
    place.write("data/b.csv", "same")
    expect((await place.json("ingest", "data", "--on-duplicate", "new")).counts).toMatchObject({ created: 2 })
    expect(objects(place)).toEqual([`.sheaf/cas/${md5("same").slice(0, 2)}/${md5("same")}`])
    expect((await place.run("cat", "data/b.csv")).stdout).toBe("same")
    place.write("data/c.csv", "same")
    expect((await place.json("ingest", "data")).counts).toMatchObject({ existing: 2, aliased: 1 })
    expect((await place.run("cat", "data/a.csv")).stdout).toBe("same")
  })
})

describe("in place", () => {
  it("registers files where they stand; other bytes at the same place are a new version, and the old place is no copy any more", async () => {
    const place = workplace()
    mkdirSync(join(place.directory, "legacy"))
    await place.json("init", "inst", "--storage", "legacy")
    const inst = ["--instance", "inst"]
    place.write("legacy/p/a.csv", "1")
    place.write("legacy/p/copy.csv", "1")
    const summary = await place.json("ingest", "legacy/p", ...inst)
    expect(summary).toMatchObject({ mode: "in-place", keyPrefix: "p", counts: { created: 1, aliased: 1 } })
    const a = await place.json("show", "p/a.csv", ...inst)
    expect(a.locations.map((location: any) => location.path)).toEqual([join(place.directory, "legacy/p/a.csv"), join(place.directory, "legacy/p/copy.csv")])
    expect(a.keyIsVirtual).toBe(false)
    place.write("legacy/p/a.csv", "22")
    expect((await place.json("ingest", "legacy/p", ...inst)).counts).toMatchObject({ newVersion: 1, existing: 1 })
    const old = await place.json("show", a.uid, ...inst)
    expect(old).toMatchObject({ isLatest: false, key: "p/copy.csv" })
    expect((await place.run("cat", a.uid, ...inst)).stdout).toBe("1")
    expect(await place.json("verify", ...inst)).toMatchObject({ damaged: [], missing: [] })
    expect(readdirSync(join(place.directory, "legacy")).sort()).toEqual([".sheaf", "p"])
  })
})

describe("what goes wrong with one file", () => {
  it("does not stop the others: a file that keeps changing is reported, never recorded", async () => {
    const place = await instance()
    for (let i = 0; i < 20; i++) place.write(`data/f${i}.txt`, `file ${i}`)
    const growing = join(place.directory, "data", "growing.log")
    // Long enough to hash that the writer is heard from meanwhile, however busy the machine.
    writeFileSync(growing, "")
    truncateSync(growing, 400 * 1024 * 1024)
    const writer = spawn(process.execPath, ["-e", `const fs = require("fs"); const fd = fs.openSync(${JSON.stringify(growing)}, "r+");
      console.log("up"); for (let i = 0; ; i++) fs.writeSync(fd, String(i), 0)`], { stdio: ["ignore", "pipe", "ignore"] })
    try {
      await new Promise((resolve) => writer.stdout.once("data", resolve))
      const ran = await place.run("ingest", "data", "--json")
      expect(ran.code).toBe(10)
      const summary = JSON.parse(ran.stdout)
      expect(summary.counts).toMatchObject({ files: 21, created: 20, failed: 1 })
      expect(summary.failures).toMatchObject([{ path: "data/growing.log", code: "FileChanged" }])
    } finally {
      writer.kill("SIGKILL")
    }
    expect(objects(place).length).toBe(20)
    expect((await place.json("ingest", "data")).counts).toMatchObject({ existing: 20, created: 1 })
  })
  it("excluded files and folders, and roots of their own, are skipped and say so", async () => {
    const place = await instance()
    for (const path of ["data/keep.txt", "data/drop.tmp", "data/cache/x.txt", "data/deep/drop.tmp", "data/other/y.txt"]) place.write(path, path)
    await place.json("storage", "add", "data/other")
    const { counts, skips } = await place.json("ingest", "data", "--exclude", "*.tmp", "--exclude", "cache/**")
    expect(counts).toMatchObject({ created: 1, skipped: 4, files: 5 })
    expect(skips.map((skip: any) => `${skip.path}: ${skip.reason.split(":")[0]}`).sort()).toEqual([
      "data/cache: excluded", "data/deep/drop.tmp: excluded", "data/drop.tmp: excluded", "data/other: another storage root"
    ])
  })
})

describe("the instance's hash", () => {
  it("sha256-tree of a large file is the same by many threads as by one", async () => {
    const place = workplace()
    await place.json("init", "--hash", "sha256-tree")
    const bytes = Buffer.alloc(41 * 1024 * 1024 + 17, "sheaf")
    writeFileSync(place.write("data/big.bin", ""), bytes)
    expect((await place.json("ingest", "data")).counts.created).toBe(1)
    const digests = []
    for (let at = 0; at < bytes.length; at += 8 * 1024 * 1024) digests.push(createHash("sha256").update(bytes.subarray(at, at + 8 * 1024 * 1024)).digest())
    const big = await place.json("show", "data/big.bin")
    expect(big).toMatchObject({ hashType: "sha256-tree", hash: createHash("sha256").update(Buffer.concat(digests)).digest("base64url") })
    expect(readFileSync(big.path).equals(bytes)).toBe(true)
    expect(statSync(big.path).mode & 0o222).toBe(0)
  })
})

describe("a path that cannot be ingested", () => {
  it("is refused before anything changes", async () => {
    const place = await instance()
    place.write("file.txt", "x")
    place.write("data/a.txt", "a")
    symlinkSync("data", join(place.directory, "link"))
    expect(await place.failure("ingest", "nowhere")).toMatchObject({ exit: 3, error: { code: "FileError" } })
    expect(await place.failure("ingest", "file.txt")).toMatchObject({ exit: 2, error: { hint: expect.stringContaining("sheaf add") } })
    expect(await place.failure("ingest", "data", "--key", "../up")).toMatchObject({ exit: 2, error: { code: "InvalidKey" } })
    expect(await place.failure("ingest", "data", "nowhere")).toMatchObject({ exit: 3 })
    expect(await place.json("ls")).toEqual([])
    expect(objects(place)).toEqual([])
    expect(existsSync(join(place.directory, "storage", ".sheaf", "pending"))).toBe(false)
    expect((await place.json("ingest", "link")).counts.created).toBe(1)
  })
})
