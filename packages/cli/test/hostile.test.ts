/**
 * A tree of everything a file system allows: ingested, read back, and ingested again.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { finished, instance, start, type Workplace } from "./Cli.ts"

const asRoot = process.getuid?.() === 0

/** Names as latin1 strings of their bytes, and the keys they get. */
const NAMES: ReadonlyArray<readonly [name: string, key: string]> = [
  ["plain.csv", "plain.csv"],
  ["with space.txt", "with space.txt"],
  ["quote'\"double.txt", "quote'\"double.txt"],
  ["%41.csv", "%41.csv"],
  ["100%.csv", "100%.csv"],
  ["a%0Ab.csv", "a%250Ab.csv"],
  ["a\nb.csv", "a%0Ab.csv"],
  ["tab\there.tsv", "tab%09here.tsv"],
  ["back\\slash", "back%5Cslash"],
  ["-dash", "-dash"],
  ["--json", "--json"],
  ["\\N", "%5CN"],
  ["#comment", "#comment"],
  ["caf\xc3\xa9.txt", "caf\u00e9.txt"],
  ["cafe\xcc\x81.txt", "cafe\u0301.txt"],
  ["Case.txt", "Case.txt"],
  ["case.txt", "case.txt"],
  ["\xf0\x9f\x8e\x89.md", "\u{1f389}.md"],
  ["bad\xffbyte\xfe.bin", "bad%FFbyte%FE.bin"],
  ["half\xe2\x98.bin", "half%E2%98.bin"],
  ["c1\xc2\x85control", "c1%C2%85control"],
  ["long".repeat(63) + "end", "long".repeat(63) + "end"],
  [".hidden", ".hidden"],
  ["...", "..."],
  ["NUL", "NUL"]
]

let place: Workplace
const at = (latin1: string): Buffer => Buffer.from(join(place.directory, "tree") + "/" + latin1, "latin1")
const contents = new Map<string, string>()

beforeAll(async () => {
  place = await instance()
  const tree = join(place.directory, "tree")
  mkdirSync(join(tree, ...Array.from({ length: 12 }, (_, i) => `level${i}`)), { recursive: true })
  NAMES.forEach(([name, key], i) => {
    writeFileSync(at(name), `content ${i}\n`)
    contents.set(`tree/${key}`, `content ${i}\n`)
  })
  const deep = Array.from({ length: 12 }, (_, i) => `level${i}`).join("/")
  writeFileSync(at(`${deep}/bottom.txt`), "deep")
  contents.set(`tree/${deep}/bottom.txt`, "deep")
  for (const name of ["empty1", "empty2"]) {
    writeFileSync(at(name), "")
    contents.set(`tree/${name}`, "")
  }
  copyFileSync(at("plain.csv"), at("copy of plain.csv"))
  contents.set("tree/copy of plain.csv", contents.get("tree/plain.csv")!)
  symlinkSync("plain.csv", at("link to file"))
  symlinkSync(".", at("loop"))
  symlinkSync("nowhere", at("broken"))
  execFileSync("mkfifo", [join(tree, "fifo")])
  writeFileSync(at("secret"), "not for everybody")
  chmodSync(at("secret"), 0)
})

describe("a hostile tree", () => {
  it("is ingested whole: items add up, and every file that could be read has the md5 of its bytes", async () => {
    const ran = await finished(start(place.directory, ["ingest", "tree", "--ndjson"]))
    const events = ran.stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    const summary = events.at(-1)
    const items = events.filter((event) => event.type === "item")
    const saved = contents.size + (asRoot ? 1 : 0)
    expect(ran.code).toBe(asRoot ? 0 : 10)
    expect(summary.counts).toMatchObject({ files: saved + 4 + (asRoot ? 0 : 1), skipped: 4, failed: asRoot ? 0 : 1 })
    const { created, existing, keyed, aliased, moved, newVersion, skipped, failed, files } = summary.counts
    expect(created + existing + keyed + aliased + moved + newVersion + skipped + failed).toBe(files)
    expect(items.length).toBe(files)
    expect(items.filter((item) => item.outcome === "aliased").map((item) => item.key)).toEqual(["tree/plain.csv"])
    expect(summary.skips.map((skip: any) => skip.path.split("/").at(-1)).sort()).toEqual(["broken", "fifo", "link to file", "loop"])
    for (const [key, content] of contents) {
      const item = items.find((one) => one.key === key)
      expect(item, key).toMatchObject({ hash: createHash("md5").update(content).digest("base64url"), size: content.length })
    }
    expect(summary.warnings.map((warning: any) => warning.paths.length)).toEqual([2, 2])
  })

  it("gives every byte back", async () => {
    for (const [key, content] of contents) {
      const ran = await finished(start(place.directory, ["cat", "--", key]))
      expect(ran.code, `${key}: ${ran.stderr}`).toBe(0)
      expect(ran.stdout, key).toBe(content)
    }
  })

  it("is all known the second time, also when everything is read again", async () => {
    const saved = contents.size + (asRoot ? 1 : 0)
    for (const flags of [[], ["--rehash"]]) {
      const ran = await finished(start(place.directory, ["ingest", "tree", "--json", ...flags]))
      expect(JSON.parse(ran.stdout).counts).toMatchObject({ existing: saved, created: 0, aliased: 0, newVersion: 0, moved: 0 })
    }
  })

  it("follows symlinks when asked to, once around each loop", async () => {
    const ran = await finished(start(place.directory, ["ingest", "tree", "--json", "--follow-symlinks", "--key", "followed"]))
    const { skips } = JSON.parse(ran.stdout)
    expect(skips.map((skip: any) => `${skip.path.split("/").at(-1)}: ${skip.reason}`).sort()).toEqual(["broken: broken symlink", "fifo: special file", "loop: symlink loop"])
    const linked = await place.json("show", "followed/link to file")
    expect(linked.hash).toBe((await place.json("show", "tree/plain.csv")).hash)
  })
})
