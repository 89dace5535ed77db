import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { BlockWriter, type FileStamp, isSettled } from "../../src/workers/StatBlock.ts"
import { openStatCache, segmentName, SegmentWriter, StatCacheReader, StatLookup } from "../../src/workers/StatCache.ts"
import { compactStatCache } from "../../src/workers/StatCacheMerge.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sheaf-stat-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const stamp = (ino: number, mtimeNs = 1_000_000_007n): FileStamp => ({ dev: 2n ** 40n, ino: BigInt(ino), size: 10n, mtimeNs, ctimeNs: mtimeNs })

const write = (segment: string, directory: string, entries: ReadonlyArray<readonly [name: string, ino: number, digest: string]>): string => {
  const block = new BlockWriter()
  for (const [name, ino, digest] of entries) block.add(name, stamp(ino), "md5", digest)
  const writer = new SegmentWriter(folder, segmentName(segment, 0))
  writer.append(block.finish(directory))
  writer.close()
  return writer.path
}

const digestOf = (directory: string, name: string, first = name, last = name): string | null => {
  const reader = new StatCacheReader(openStatCache(folder))
  const found = new StatLookup(reader.blocks(directory, first, last), first, last).find(name)
  reader.close()
  return found === null ? null : found.block.hash(found.entry).digest
}

describe("StatCache", () => {
  it("finds a file by directory and name, and only with the same stamp", () => {
    write("1", "/data/a", [["x", 1, "HX"], ["y\xff", 2, "HY"]])
    expect(digestOf("/data/a", "x")).toBe("HX")
    expect(digestOf("/data/a", "y\xff")).toBe("HY")
    expect(digestOf("/data/a", "z")).toBeNull()
    expect(digestOf("/data/ab", "x")).toBeNull()
    const reader = new StatCacheReader(openStatCache(folder))
    const { block, entry } = new StatLookup(reader.blocks("/data/a", "x", "x"), "x", "x").find("x")!
    expect(block.matches(entry, stamp(1))).toBe(true)
    for (const other of [stamp(2), stamp(1, 5n), { ...stamp(1), size: 11n }, { ...stamp(1), dev: 1n }, { ...stamp(1), ctimeNs: 1n }]) {
      expect(block.matches(entry, other)).toBe(false)
    }
    reader.close()
  })

  it("lets the newest block speak for its whole range, so that a file gone since is not found", () => {
    write("1", "/d", [["a", 1, "A1"], ["b", 2, "B1"], ["c", 3, "C1"], ["z", 4, "Z1"]])
    write("2", "/d", [["a", 1, "A2"], ["c", 3, "C2"]])
    expect(["a", "b", "c", "z"].map((name) => digestOf("/d", name, "a", "z"))).toEqual(["A2", null, "C2", "Z1"])
  })

  it("puts together what several threads of one run wrote about one range", () => {
    write("1", "/d", [["a", 1, "A1"], ["big", 2, "B1"], ["c", 3, "C1"]])
    for (const [thread, entries] of [[0, [["big", 2, "B2"]]], [1, [["a", 1, "A2"], ["c", 3, "C2"]]]] as const) {
      const block = new BlockWriter()
      for (const [name, ino, digest] of entries) block.add(name, stamp(ino), "md5", digest)
      const writer = new SegmentWriter(folder, segmentName("2", thread))
      writer.append(block.finish("/d"))
      writer.close()
    }
    expect(["a", "big", "c"].map((name) => digestOf("/d", name, "a", "c"))).toEqual(["A2", "B2", "C2"])
  })

  it("is good up to the last whole block of a segment cut short, and past a damaged one", () => {
    const path = write("1", "/d1", [["a", 1, "A"]])
    const writer = new SegmentWriter(folder, segmentName("2", 0))
    for (const directory of ["/d2", "/d3"]) {
      const block = new BlockWriter()
      block.add("a", stamp(1), "sha256", "B")
      const bytes = block.finish(directory)
      if (directory === "/d2") bytes[40] = bytes[40]! ^ 1
      writer.append(bytes)
    }
    writer.close()
    expect(digestOf("/d2", "a")).toBeNull()
    expect(digestOf("/d3", "a")).toBe("B")
    truncateSync(path, 20)
    truncateSync(writer.path, 150)
    expect(digestOf("/d1", "a")).toBeNull()
    expect(digestOf("/d3", "a")).toBeNull()
    writeFileSync(join(folder, "stat-3.seg"), Buffer.alloc(1000, 0xff))
    expect(digestOf("/d3", "a")).toBeNull()
  })

  it("merges many segments into one that answers alike, without directories that are gone", () => {
    const real = join(folder, "real")
    mkdirSync(real)
    for (let i = 0; i < 12; i++) {
      write(`0${10 + i}`, real, [["a", 1, `A${i}`], [`m${String(i).padStart(2, "0")}`, 2, `M${i}`]])
      write(`1${10 + i}`, "/gone", [["a", 1, "G"]])
    }
    const names = ["a", ...Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, "0")}`)]
    const before = names.map((name) => digestOf(real, name, "a", "n"))
    compactStatCache(folder, "999-merged")
    expect(readdirSync(folder).filter((n) => n.endsWith(".seg"))).toEqual(["stat-999-merged-0.seg"])
    expect(names.map((name) => digestOf(real, name, "a", "n"))).toEqual(before)
    expect(before[0]).toBe("A11")
    expect(digestOf("/gone", "a")).toBeNull()
  })

  it("does not trust a stamp within the file system's time resolution", () => {
    const now = 1_795_000_000_000_000_000n
    expect(isSettled(stamp(1, now - 10_000_001n), now)).toBe(false)
    expect(isSettled(stamp(1, now - 200_000_001n), now)).toBe(true)
    expect(isSettled(stamp(1, now - 1_000_000_000n), now)).toBe(false)
    expect(isSettled(stamp(1, now - 3_000_000_000n), now)).toBe(true)
  })
})
