import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { suffixOf } from "@sheaf/core/domain/Suffix"
import { KeyTreeBuilder } from "@sheaf/core/services/KeyTree"
import { directoryTree } from "../../src/DirectoryTree.ts"
import { errorJson, errorText, reportOf } from "../../src/terminal/ErrorText.ts"
import { withoutSecrets } from "@sheaf/core/domain/Secrets"
import { paintFor } from "../../src/terminal/Paint.ts"
import { safeText } from "../../src/terminal/SafeText.ts"
import { countText, durationText, plural, sizeText } from "../../src/terminal/SizeText.ts"
import { tableText } from "../../src/terminal/TableText.ts"
import { treeHeader, treeLines } from "../../src/terminal/TreeText.ts"

const plain = paintFor({}, true, {})

describe("safeText", () => {
  it("leaves ordinary names alone", () => {
    for (const name of ["a b.csv", "größe.txt", "\u{1f600}.png", "e\u0301", "100%.csv", "日本.tsv"]) expect(safeText(name)).toBe(name)
  })
  it("shows what a terminal would act on", () => {
    expect(safeText("a\nb\tc\r")).toBe("a\\nb\\tc\\r")
    expect(safeText("\x1b[31mred\x1b[0m\x07\x9b1m")).toBe("\\x1b[31mred\\x1b[0m\\x07\\x9b1m")
    expect(safeText("gpj\u202ecod.exe")).toBe("gpj\\u202ecod.exe")
    expect(safeText("\ud800")).toBe("\\ud800")
  })
})

describe("numbers", () => {
  it("sizes", () => {
    expect([0, 1, 1023, 1024, 1536, 10_240, 1024 ** 2 - 1, 1024 ** 2, 123 * 1024 ** 3].map(sizeText))
      .toEqual(["0 B", "1 B", "1023 B", "1.0 KiB", "1.5 KiB", "10.0 KiB", "1.0 MiB", "1.0 MiB", "123 GiB"])
  })
  it("counts", () => {
    expect([0, 999, 1000, 1234567].map(countText)).toEqual(["0", "999", "1,000", "1,234,567"])
    expect([plural(1, "file"), plural(2, "file"), plural(0, "sub-directory", "sub-directories")]).toEqual(["1 file", "2 files", "0 sub-directories"])
  })
  it("durations", () => {
    expect([0, 9.94, 9.96, 59.6, 125, 3599.7, 7620].map(durationText))
      .toEqual(["0.0 s", "9.9 s", "10 s", "1 min 00 s", "2 min 05 s", "1 h 00 min", "2 h 07 min"])
  })
})

describe("colours", () => {
  it("only on a terminal, and not when refused", () => {
    const terminal = { isTTY: true }
    expect(paintFor(terminal, false, {}).on).toBe(true)
    expect(paintFor({}, false, {}).on).toBe(false)
    expect(paintFor(terminal, true, {}).on).toBe(false)
    expect(paintFor(terminal, false, { NO_COLOR: "1" }).on).toBe(false)
    expect(paintFor(terminal, false, { NO_COLOR: "" }).on).toBe(true)
    expect(paintFor(terminal, false, { TERM: "dumb" }).on).toBe(false)
    expect(paintFor({}, false, { FORCE_COLOR: "1" }).on).toBe(true)
    expect(paintFor({}, false, { FORCE_COLOR: "1", NO_COLOR: "1" }).on).toBe(false)
  })
})

describe("errors", () => {
  it("hide credentials", () => {
    expect(withoutSecrets("cannot open s3://AKIA:hunter2@bucket/x?region=eu&X-Amz-Signature=abc&sessionToken=d"))
      .toBe("cannot open s3://***@bucket/x?region=eu&X-Amz-Signature=***&sessionToken=***")
    expect(withoutSecrets("no artifact \"token=1/mail@host\"")).toBe("no artifact \"token=1/mail@host\"")
  })
  it("carry their facts, and the system's code beside their own", () => {
    const error = Object.assign(new Error("read a: permission denied"), {
      _tag: "FileError", exitCode: 7, hint: "Ask.", path: "a", code: "EACCES", operation: "read", cause: new Error("x")
    })
    const report = reportOf(error)
    expect(JSON.parse(errorJson(report))).toEqual({
      error: { code: "FileError", message: "read a: permission denied", hint: "Ask.", path: "a", errno: "EACCES", operation: "read" }
    })
    expect(errorText(report, plain)).toBe("sheaf: read a: permission denied\nAsk.\n")
  })
  it("call a defect a defect, and show its trace only when asked", () => {
    const defect = new TypeError("undefined is not a function")
    expect(errorText(reportOf(defect), plain)).toMatch(/^sheaf: unexpected error: undefined is not a function\n.*--verbose.*\n$/)
    expect(errorText(reportOf(defect, "at Somewhere"), plain)).toContain("at Somewhere")
    expect(reportOf(defect).exitCode).toBe(1)
  })
})

describe("tableText", () => {
  it("aligns, numbers to the right", () => {
    expect(tableText([{ title: "name" }, { title: "size", alignRight: true }, { title: "x" }], [["a", "10", ""], ["e\u0301e", "1", "y"]]))
      .toEqual(["name  size  x", "a       10", "e\u0301e       1  y"])
  })
})

describe("trees", () => {
  const tree = (keys: ReadonlyArray<string>, depth?: number) => {
    const builder = new KeyTreeBuilder("", depth === undefined ? {} : { depth })
    for (const key of keys) builder.add(key, suffixOf(key), 1)
    return builder.finish()
  }
  const lines = (of: ReturnType<typeof tree>, limit = 0) => [...treeLines(of, limit, plain)]

  it("shows the example of the guide", () => {
    const small = tree(["raw/Collection_1/a.txt", "raw/Collection_1/b.txt", "raw/c.txt", "results/d.txt"])
    expect(treeHeader(small)).toBe("3 sub-directories & 4 files with suffix '.txt', 4 B")
    expect(lines(small)).toEqual([
      "├── raw/",
      "│   ├── Collection_1/",
      "│   │   ├── a.txt",
      "│   │   └── b.txt",
      "│   └── c.txt",
      "└── results/",
      "    └── d.txt"
    ])
  })
  it("says how much it does not show", () => {
    const keys = [...Array.from({ length: 30 }, (_, i) => `d/f${String(i).padStart(2, "0")}.txt`), "e/x/y/z.txt", "top.txt"]
    expect(lines(tree(keys), 2).slice(0, 4)).toEqual(["├── d/", "│   ├── f00.txt", "│   ├── f01.txt", "│   └── … 28 more files"])
    expect(lines(tree(keys, 1))).toEqual(["├── d/", "│   └── … 30 files", "├── e/", "│   └── … 1 file", "└── top.txt"])
    expect(treeHeader(tree(keys, 1))).toBe(treeHeader(tree(keys)))
  })
  it("names every suffix, and those without", () => {
    expect(treeHeader(tree(["LICENSE", "a.bam", "b.csv"]))).toBe("0 sub-directories & 3 files with suffixes '.bam', '.csv', 1 without, 3 B")
    expect(treeHeader(tree(["LICENSE"]))).toBe("0 sub-directories & 1 file without suffix, 1 B")
    expect(treeHeader(tree([]))).toBe("0 sub-directories & 0 files")
  })
  it("keeps a key and a directory of the same name apart, and escapes names", () => {
    expect(lines(tree(["a", "a/b\x1b[2J"]))).toEqual(["├── a", "└── a/", "    └── b\\x1b[2J"])
  })
})

describe("directoryTree", () => {
  const root = mkdtempSync(join(tmpdir(), "sheaf-tree-"))
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it("counts what is on disk: hidden files, links, empty folders, names that are no text", () => {
    for (const folder of ["empty", "sub/deep", ".sheaf"]) mkdirSync(join(root, folder), { recursive: true })
    for (const file of [".hidden", "sub/a.csv", "sub/deep/b.tar.gz", "sub-x.csv", ".sheaf/registry.duckdb"]) writeFileSync(join(root, file), "12345")
    writeFileSync(Buffer.concat([Buffer.from(`${root}/sub/`), Buffer.from([0xff]), Buffer.from(".csv")]), "1")
    symlinkSync("sub", join(root, "link"))
    const tree = directoryTree(root, Number.POSITIVE_INFINITY)
    expect(tree).toMatchObject({ directories: 3, files: 6, bytes: 21, suffixes: { "": 2, ".csv": 3, ".tar.gz": 1 }, unreadable: [] })
    expect([...treeLines(tree, 0, plain)]).toEqual([
      "├── .hidden", "├── empty/", "├── link -> sub", "├── sub-x.csv", "└── sub/", "    ├── a.csv", "    ├── deep/", "    │   └── b.tar.gz", "    └── %FF.csv"
    ])
    expect(directoryTree(`${root}/`, 1)).toMatchObject({ directories: 3, files: 6, bytes: 21 })
  })
})
