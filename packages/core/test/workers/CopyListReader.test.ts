import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type CopyBatch, parseCopyLine, readCopyList } from "../../src/workers/CopyListReader.ts"

const folder = mkdtempSync(join(tmpdir(), "sheaf-list-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (text: string, limits: { readonly copies: number; readonly bytes: number }): ReadonlyArray<CopyBatch> => {
  const path = join(folder, "list.tsv")
  writeFileSync(path, text)
  const file = openSync(path, "r")
  try {
    return [...readCopyList(file, limits)]
  } finally {
    closeSync(file)
  }
}

const line = (objectKey: string, size: number): string => `${objectKey}\t${size}\tmd5\t1B2M2Y8AsgTpgAmY7PhCfg\tvz1swye6nz7S1YBO0000`

describe("readCopyList", () => {
  it("gives every line once, in order, with its number, whatever is cut where", () => {
    // Letters of one to four bytes, so that pieces of the file end within some.
    const lines = Array.from({ length: 20_000 }, (_, i) => line(`${"aé☃😀".repeat(i % 9)}/${i}`, i % 100))
    const batches = read(lines.join("\n") + "\n", { copies: 512, bytes: Number.POSITIVE_INFINITY })
    expect(batches.flatMap(({ text }) => text.split("\n"))).toEqual(lines)
    let next = 0
    for (const { bytes, copies, first, text } of batches) {
      expect(first).toBe(next)
      expect(copies).toBe(text.split("\n").length)
      expect(copies).toBeLessThanOrEqual(512)
      expect(bytes).toBe(text.split("\n").reduce((sum, one) => sum + parseCopyLine(one).size, 0))
      next += copies
    }
    expect(next).toBe(20_000)
  })

  it("ends a batch with the copy that makes it large enough", () => {
    expect(read([10, 10, 100, 5, 5, 5].map((size, i) => line(String(i), size) + "\n").join(""), { copies: 3, bytes: 50 }).map(({ bytes, copies }) => [copies, bytes])).toEqual([[3, 120], [3, 15]])
    expect(read([100, 100, 1].map((size, i) => line(String(i), size) + "\n").join(""), { copies: 3, bytes: 50 }).map(({ copies }) => copies)).toEqual([1, 1, 1])
  })

  it("is empty for an empty list, and does not take a cut one for whole", () => {
    expect(read("", { copies: 3, bytes: 50 })).toEqual([])
    expect(() => read(line("a", 1), { copies: 3, bytes: 50 })).toThrow("ends within a line")
  })
})
