import { describe, expect, it } from "vitest"
import { DelimitedTextError, parseRecords, parseTable } from "../../src/domain/DelimitedText.ts"

const fields = (text: string, separator: "," | "\t" = ",") => [...parseRecords(text, separator)].map((record) => record.fields)

/** RFC 4180, section 2: a field in quotes wherever it needs them, quotes doubled. */
const write = (records: ReadonlyArray<ReadonlyArray<string>>, lineBreak: string, quoteAll: boolean): string =>
  records.map((record) => record.map((field) => (quoteAll || /[",\r\n]/.test(field) ? `"${field.replaceAll("\"", "\"\"")}"` : field)).join(",") + lineBreak).join("")

describe("delimited text", () => {
  it("follows RFC 4180", () => {
    expect(fields("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n")).toEqual([["aaa", "bbb", "ccc"], ["zzz", "yyy", "xxx"]])
    expect(fields("aaa,bbb\r\nzzz,yyy")).toEqual([["aaa", "bbb"], ["zzz", "yyy"]])
    expect(fields("\"aaa\",\"b\r\nbb\",\"c,cc\"\r\nzzz,\"b\"\"bb\",\"\"")).toEqual([["aaa", "b\r\nbb", "c,cc"], ["zzz", "b\"bb", ""]])
    expect(fields(" a , b \n")).toEqual([[" a ", " b "]])
  })

  it("takes what programs write: other line breaks, quotes inside fields, empty fields and texts", () => {
    expect(fields("a,b\nc,d\n")).toEqual([["a", "b"], ["c", "d"]])
    expect(fields("5\" disk,x\n")).toEqual([["5\" disk", "x"]])
    expect(fields("a,\n,b\n,")).toEqual([["a", ""], ["", "b"], ["", ""]])
    expect(fields("")).toEqual([])
    expect(fields("\n")).toEqual([[""]])
    expect(fields("a\tb,c\n", "\t")).toEqual([["a", "b,c"]])
    expect(fields("a\rb,c")).toEqual([["a\rb", "c"]])
  })

  it("gives back every text that was written by the rules", () => {
    const texts = ["", "a", ",", "\"", "\"\"", "\n", "\r\n", "a\"b,c\r\nd", " ", "ü\u{1f600}", "=1+1"]
    const records = texts.flatMap((one) => texts.map((two) => ["first", one, two]))
    for (const lineBreak of ["\n", "\r\n"]) for (const quoteAll of [true, false]) expect(fields(write(records, lineBreak, quoteAll))).toEqual(records)
  })

  it("says in which line it is wrong", () => {
    for (const [text, line] of [["a\n\"b", 2], ["a\n\"b\nc\"d\n", 3], ["\"a\"b", 1]] as const) {
      const error = (() => { try { return fields(text) } catch (thrown) { return thrown } })()
      expect(error).toBeInstanceOf(DelimitedTextError)
      expect(error).toMatchObject({ line })
    }
  })
})

describe("tables", () => {
  it("are rows keyed by the header", () => {
    expect(parseTable("well,signal\nA1,0.93\n\nB1,\n", ",")).toEqual([{ well: "A1", signal: "0.93" }, { well: "B1", signal: "" }])
    expect(parseTable("only\na\n\nb\n", ",")).toEqual([{ only: "a" }, { only: "" }, { only: "b" }])
    expect(parseTable("a,b\n", ",")).toEqual([])
    expect(parseTable("", ",")).toEqual([])
    expect(Object.keys(parseTable("__proto__,x\n1,2\n", ",")[0]!)).toEqual(["__proto__", "x"])
  })

  it("drop nothing: rows of another length and names that come twice are refused", () => {
    expect(() => parseTable("a,b\n1\n", ",")).toThrow("line 2: it has 1 fields, the header has 2")
    expect(() => parseTable("a,b\n\"x\ny\",2\n1,2,3\n", ",")).toThrow("line 4")
    expect(() => parseTable("a,a\n1,2\n", ",")).toThrow("the column \"a\" comes twice")
  })
})
