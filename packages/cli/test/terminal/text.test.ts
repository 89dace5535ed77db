import { describe, expect, it } from "vitest"
import { errorJson, errorText, reportOf, withoutSecrets } from "../../src/terminal/ErrorText.ts"
import { paintFor } from "../../src/terminal/Paint.ts"
import { safeText } from "../../src/terminal/SafeText.ts"
import { countText, durationText, plural, sizeText } from "../../src/terminal/SizeText.ts"
import { tableText } from "../../src/terminal/TableText.ts"
import { TreeBuilder, treeHeader, treeLines } from "../../src/terminal/TreeText.ts"

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
  const entry = (path: string, suffix = ".txt", size = 1) => ({ path, suffix, size })
  const build = (paths: ReadonlyArray<string>, depth: number | null = null, filesPerDirectory = 0) => {
    const tree = new TreeBuilder({ depth, filesPerDirectory })
    for (const path of paths) tree.add(entry(path))
    return tree
  }

  it("shows the example of the guide", () => {
    const tree = build(["raw/Collection_1/a.txt", "raw/Collection_1/b.txt", "raw/c.txt", "results/d.txt"])
    expect(treeHeader(tree.totals)).toBe("3 sub-directories & 4 files with suffix '.txt', 4 B")
    expect([...treeLines(tree.root, plain)]).toEqual([
      "├── raw/",
      "│   ├── Collection_1/",
      "│   │   ├── a.txt",
      "│   │   └── b.txt",
      "│   └── c.txt",
      "└── results/",
      "    └── d.txt"
    ])
  })
  it("counts what it does not show", () => {
    const paths = Array.from({ length: 30 }, (_, i) => `d/f${String(i).padStart(2, "0")}.txt`)
    const few = build([...paths, "e/x/y/z.txt", "top.txt"], null, 2)
    expect(few.totals.files).toBe(32)
    expect([...treeLines(few.root, plain)].slice(0, 4)).toEqual(["├── d/", "│   ├── f00.txt", "│   ├── f01.txt", "│   └── … 28 more files"])
    const shallow = build([...paths, "e/x/y/z.txt", "top.txt"], 1)
    expect(shallow.totals).toMatchObject({ directories: 4, files: 32, bytes: 32 })
    expect([...treeLines(shallow.root, plain)]).toEqual(["├── d/", "│   └── … 30 files", "├── e/", "│   └── … 1 directory", "└── top.txt"])
  })
  it("names every suffix, and those without", () => {
    const tree = new TreeBuilder({ depth: null, filesPerDirectory: 0 })
    tree.add(entry("LICENSE", ""))
    tree.add(entry("a.bam", ".bam"))
    tree.add(entry("b.csv", ".csv"))
    expect(treeHeader(tree.totals)).toBe("0 sub-directories & 3 files with suffixes '.bam', '.csv', 1 without, 3 B")
  })
  it("keeps a key and a directory of the same name apart, and escapes names", () => {
    const tree = build(["a", "a/b\x1b[2J"])
    expect([...treeLines(tree.root, plain)]).toEqual(["├── a", "└── a/", "    └── b\\x1b[2J"])
  })
})
