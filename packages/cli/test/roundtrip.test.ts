import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { instance, type Workplace, workplace } from "./Cli.ts"

const ARTIFACT_FIELDS = [
  "uid", "key", "keys", "formerKey", "suffix", "kind", "description", "version", "isLatest", "size", "hash", "hashType", "nFiles", "nObservations", "keyIsVirtual",
  "storage", "path", "locations", "labels", "collections", "run", "transform", "createdBy", "createdAt", "updatedAt"
].sort()
const SUMMARY_FIELDS = ["counts", "bytes", "seconds", "filesPerSecond", "collection", "failures", "skips"]
const COUNTS = ["files", "created", "newVersion", "existing", "keyed", "aliased", "moved", "skipped", "failed"].sort()
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const md5 = (content: string | Buffer): string => createHash("md5").update(content).digest("base64url")

const checkArtifact = (artifact: Record<string, any>) => {
  expect(Object.keys(artifact).sort()).toEqual(ARTIFACT_FIELDS)
  expect(artifact["uid"]).toMatch(/^[0-9A-Za-z]{20}$/)
  expect(artifact["createdAt"]).toMatch(ISO)
  expect(artifact["updatedAt"]).toMatch(ISO)
  for (const location of artifact["locations"]) expect(Object.keys(location).sort()).toEqual(["keyIsVirtual", "path", "state", "storage", "verifiedAt"])
}

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
    const { rmSync } = await import("node:fs")
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
    expect((await place.run("ls", "plate")).stdout).toBe("")
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
  it("of what is not there suggests what is near, exit 3", async () => {
    const { error, exit } = await place.failure("show", "plate1/a.cvs")
    expect(exit).toBe(3)
    expect(error).toMatchObject({ code: "NotFound", reference: "plate1/a.cvs", near: expect.arrayContaining(["plate1/a.csv"]) })
    expect((await place.run("show", "plate1/a.cvs")).stderr).toMatch(/^sheaf: no .*"plate1\/a.cvs"\nDid you mean plate1\/a.csv/)
  })
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
    expect(info).toMatchObject({ directory: place.directory, hash: "md5", schema: 1, roots: 1, storage: `file://${place.directory}/storage` })
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
