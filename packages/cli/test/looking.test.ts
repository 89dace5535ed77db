import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { checkArtifact, md5 } from "./ArtifactShape.ts"
import { instance, type Workplace, workplace } from "./Cli.ts"

const SUMMARY_FIELDS = ["counts", "bytes", "seconds", "filesPerSecond", "collection", "failures", "skips"]
const COUNTS = ["files", "created", "newVersion", "existing", "keyed", "aliased", "moved", "skipped", "failed"].sort()

let place: Workplace

beforeAll(async () => {
  place = await instance()
  place.write("plate1/a.csv", "a,b\n1,2\n")
  place.write("plate1/sub/b.csv", "a,b\n3,4\n")
  place.write("plate1/sub/copy of b.csv", "a,b\n3,4\n")
  place.write("plate1/notes", "")
  await place.json("ingest", "plate1")
})

describe("init", () => {
  it("makes an instance once, and says what a second one would have to do", async () => {
    const fresh = workplace()
    const first = await fresh.run("init", "data", "--storage", "data/files", "--hash", "sha256", "--name", "mine")
    expect(first).toMatchObject({ code: 0 })
    expect(first.stdout).toContain("made the instance mine")
    const again = await fresh.run("init", "data")
    expect(again.code).toBe(0)
    expect(again.stdout).toContain("nothing was changed")
    expect(await fresh.json("init", "data")).toMatchObject({ created: false, name: "mine", hash: "sha256", storage: `file://${fresh.directory}/data/files` })
    const other = await fresh.failure("init", "data", "--storage", "elsewhere")
    expect(other).toMatchObject({ exit: 4, error: { code: "InstanceConflict" } })
    expect(other.error.hint).toContain("sheaf storage add")
    expect(existsSync(join(fresh.directory, "elsewhere"))).toBe(false)
  })
  it("of an instance inside an instance is refused", async () => {
    const fresh = await instance()
    expect(await fresh.failure("init", "storage/inner")).toMatchObject({ exit: 4, error: { code: "InstanceConflict" } })
  })
})

describe("ingest", () => {
  it("reports as the machine interface fixes it, and finds everything again", async () => {
    const summary = await place.json("ingest", "plate1")
    for (const field of SUMMARY_FIELDS) expect(summary).toHaveProperty(field)
    expect(Object.keys(summary.counts).sort()).toEqual(COUNTS)
    expect(summary.counts).toMatchObject({ files: 4, existing: 4, created: 0, failed: 0 })
    expect(summary).toMatchObject({ interrupted: false, dryRun: false, mode: "managed", collection: null, failures: [], skips: [] })
  })
  it("prints a summary for people, with every count that is not zero", async () => {
    place.write("more/x.csv", "x\n")
    place.write("more/y.csv", "a,b\n1,2\n")
    const { code, stderr, stdout } = await place.run("ingest", "more", "--key", "more stuff")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toMatch(/^2 files, 10 B in \d.* \(.* files\/s\), copied into .*storage\n {2}1 created\n {2}1 existing under another key, given this one too\n$/)
    expect((await place.run("ingest", "more", "--key", "more stuff", "-q")).stdout).toBe("")
  })
  it("says when the prefix was changed into the form that keys have", async () => {
    place.write("slash/z.csv", "z\n")
    expect(await place.json("ingest", "slash", "--key", "/raw//slash/", "--dry-run")).toMatchObject({ keyPrefix: "raw/slash", warnings: [{ code: "KeyNormalized", paths: [] }] })
    expect(await place.json("ingest", "slash", "--key", "raw/slash/", "--dry-run")).toMatchObject({ keyPrefix: "raw/slash", warnings: [] })
  })
  it("--dry-run changes nothing", async () => {
    place.write("dry/new.csv", "new\n")
    const { stdout } = await place.run("ingest", "dry", "--dry-run")
    expect(stdout).toContain("Dry run: nothing was changed.")
    expect(await place.json("ls", "dry")).toEqual([])
  })
  it("--ndjson prints an event a line: items, progress, and one summary at the end", async () => {
    const { code, stdout } = await place.run("ingest", "plate1", "--ndjson", "--rehash")
    expect(code).toBe(0)
    const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    const items = events.filter((event) => event.type === "item")
    expect(items.map((item) => item.path).sort()).toEqual(["plate1/a.csv", "plate1/notes", "plate1/sub/b.csv", "plate1/sub/copy of b.csv"])
    expect(items.find((item) => item.path === "plate1/a.csv")).toMatchObject({ outcome: "existing", key: "plate1/a.csv", hash: md5("a,b\n1,2\n"), size: 8 })
    for (const event of events) expect(["item", "progress", "summary"]).toContain(event.type)
    expect(events.at(-1)).toMatchObject({ type: "summary", counts: { files: 4, existing: 4 } })
  })
  it("goes on after a file that fails, lists it and exits 10", async () => {
    place.write("partly/good.csv", "good\n")
    place.write("partly/other.csv", "a,b\n1,2\n")
    const { code, stderr, stdout } = await place.run("ingest", "partly", "--on-duplicate", "error")
    expect(code).toBe(10)
    expect(stdout).toContain("1 failed")
    expect(stderr).toMatch(/^failed: partly\/other.csv: .*already registered/)
    const again = await place.run("ingest", "partly", "--on-duplicate", "error", "--json")
    expect(again.code).toBe(10)
    expect(JSON.parse(again.stdout)).toMatchObject({ counts: { failed: 1, existing: 1 }, failures: [{ path: "partly/other.csv", code: "DuplicateContent" }] })
  })
  it("refuses what it cannot take, with the next step", async () => {
    expect(await place.failure("ingest", "plate1/a.csv")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("ingest", "nowhere")).toMatchObject({ exit: 3, error: { code: "FileError", errno: "ENOENT", path: "nowhere" } })
    expect(await place.failure("ingest", "plate1", "--key", "a/../b")).toMatchObject({ exit: 2, error: { code: "InvalidKey" } })
    expect(await place.failure("ingest", "plate1", "--storage", "nope")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
  })
})

describe("status", () => {
  it("compares without changing", async () => {
    const fresh = await instance()
    fresh.write("d/same.csv", "1")
    fresh.write("d/other.csv", "2")
    fresh.write("d/gone.csv", "3")
    await fresh.json("ingest", "d")
    fresh.write("d/other.csv", "changed")
    fresh.write("d/new.csv", "4")
    rmSync(join(fresh.directory, "d/gone.csv"))
    const report = await fresh.json("status", "d")
    expect(report).toMatchObject({ counts: { files: 3, unchanged: 1, changed: 1, new: 1, missing: 1 }, changed: ["d/other.csv"], new: ["d/new.csv"] })
    const { stdout } = await fresh.run("status", "d")
    expect(stdout).toMatch(/^d: 3 files: 1 unchanged, 1 new, 1 changed, 1 missing\n {2}new +d\/new.csv\n {2}changed +d\/other.csv\n {2}missing +d\/gone.csv\n$/)
    expect(await fresh.json("status", "d")).toEqual(report)
  })
})

describe("ls", () => {
  it("lists keys bytewise, one a line, and the artifacts each once as JSON", async () => {
    const { stdout } = await place.run("ls", "plate1")
    expect(stdout).toBe("plate1/a.csv\nplate1/notes\nplate1/sub/b.csv\nplate1/sub/copy of b.csv\n")
    const artifacts = await place.json("ls", "plate1")
    artifacts.forEach(checkArtifact)
    expect(artifacts.map((one: any) => one.keys)).toEqual([
      expect.arrayContaining(["plate1/a.csv"]), ["plate1/notes"], ["plate1/sub/b.csv", "plate1/sub/copy of b.csv"]
    ])
    const lines = (await place.run("ls", "plate1", "--ndjson")).stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    expect(lines).toEqual(artifacts)
  })
  it("takes a prefix by whole segments", async () => {
    expect(await place.run("ls", "plate")).toMatchObject({ code: 0, stdout: "", stderr: "sheaf: there are no keys below plate\n" })
    expect(await place.json("ls", "plate")).toEqual([])
    expect((await place.run("ls", "./plate1//sub/")).stdout).toBe("plate1/sub/b.csv\nplate1/sub/copy of b.csv\n")
  })
  it("-l adds size, time and hash", async () => {
    const { stdout } = await place.run("ls", "-l", "plate1/a.csv")
    expect(stdout).toMatch(new RegExp(`^ +8 B {2}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC {2}${md5("a,b\n1,2\n")} md5 {2}plate1/a.csv\n$`))
  })
})

describe("tree", () => {
  it("of keys has totals and suffixes", async () => {
    const { stdout } = await place.run("tree", "plate1")
    expect(stdout).toBe([
      "plate1",
      "1 sub-directory & 4 files with suffix '.csv', 1 without, 24 B",
      "├── a.csv", "├── notes", "└── sub/", "    ├── b.csv", "    └── copy of b.csv", ""
    ].join("\n"))
    expect(await place.json("tree", "plate1")).toMatchObject({ prefix: "plate1", directories: 1, files: 4, bytes: 24, suffixes: { "": 1, ".csv": 3 } })
  })
  it("of a directory needs no instance", async () => {
    const fresh = workplace()
    fresh.write("d/e/f.txt", "abc")
    expect((await fresh.run("tree", "./d")).stdout).toBe("./d\n1 sub-directory & 1 file with suffix '.txt', 3 B\n└── e/\n    └── f.txt\n")
    expect((await fresh.run("tree", "d")).stdout).toContain("└── e/")
    expect(await fresh.failure("tree", "./nowhere")).toMatchObject({ exit: 3, error: { code: "FileError" } })
  })
})

describe("show", () => {
  it("is a card, or the artifact", async () => {
    const artifact = await place.json("show", "plate1/a.csv")
    checkArtifact(artifact)
    expect(artifact).toMatchObject({ key: "plate1/a.csv", suffix: ".csv", size: 8, hash: md5("a,b\n1,2\n"), hashType: "md5", isLatest: true, keyIsVirtual: true })
    expect(readFileSync(artifact.path, "utf8")).toBe("a,b\n1,2\n")
    const { stdout } = await place.run("show", "plate1/a.csv")
    expect(stdout.split("\n")[0]).toBe("plate1/a.csv")
    for (const word of [artifact.uid, artifact.hash, artifact.path, "8 bytes"]) expect(stdout).toContain(word)
    for (const reference of [artifact.uid, artifact.uid.slice(0, 10), `hash:${artifact.hash}`, "plate1/a.csv@1"]) {
      expect((await place.json("show", reference)).uid).toBe(artifact.uid)
    }
  })
  it("of a folder of keys names what is in it", async () => {
    expect(await place.failure("show", "plate1/sub")).toMatchObject({ exit: 3, error: { code: "NotFound", near: ["plate1/sub/b.csv", "plate1/sub/copy of b.csv"] } })
  })
  it("of what is not there suggests what is near, exit 3", async () => {
    const { error, exit } = await place.failure("show", "plate1/a.cvs")
    expect(exit).toBe(3)
    expect(error).toMatchObject({ code: "NotFound", reference: "plate1/a.cvs", near: expect.arrayContaining(["plate1/a.csv"]) })
    expect((await place.run("show", "plate1/a.cvs")).stderr).toMatch(/^sheaf: no .*"plate1\/a.cvs"\nDid you mean plate1\/a.csv/)
  })
})
