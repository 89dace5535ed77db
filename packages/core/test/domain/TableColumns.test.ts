import { describe, expect, it } from "vitest"
import { ContentProblem, type Row } from "../../src/domain/Content.ts"
import { fieldsOf } from "../../src/domain/RowFields.ts"
import { columnsOf } from "../../src/domain/TableColumns.ts"

const columns = (rows: ReadonlyArray<Row>) => columnsOf(fieldsOf(rows), rows)

describe("columns", () => {
  it("have the type of their values, in the order in which fields come first", () => {
    const at = new Date(5)
    expect(columns([{ i: 1, n: 1, t: "x" }, { b: true, i: 2n, n: 0.5, at }, { i: 2n ** 70n, n: null }]).map(({ name, type, values }) => [name, type, values])).toEqual([
      ["i", "wideInteger", [1n, 2n, 2n ** 70n]], ["n", "number", [1, 0.5, null]], ["t", "text", ["x", null, null]],
      ["b", "boolean", [null, true, null]], ["at", "time", [null, 5, null]]
    ])
    expect(columns([{ none: null, zero: -0 }]).map(({ type }) => type)).toEqual(["text", "number"])
    expect(columns([{ n: 2 ** 53 }]).map(({ type }) => type)).toEqual(["number"])
  })

  it("of mixed types are refused with the first row that does not fit", () => {
    for (const [rows, row, field, reason] of [
      [[{ a: 1 }, { a: "x" }], 2, "a", "it is a string, and the rows before it have numbers there"],
      [[{ a: 1n }, { a: null }, { a: 0.5 }], 3, "a", "it is a number, and the rows before it have bigints there"],
      [[{ a: "x" }, { a: new Date(0) }], 2, "a", "it is a date"],
      [[{ a: { b: 1 } }], 1, "a", "it is an object"],
      [[{ a: [1] }], 1, "a", "it is an array"],
      [[{ a: "\ud800" }], 1, "a", "not valid Unicode"],
      [[{ a: 10n ** 38n }], 1, "a", "more than 38 digits"],
      [[{ a: 1, A: 2 }], null, "A", "only in case"],
      [[{ "": 1 }], null, "", "needs a name"],
      [[{}], 1, null, "no row has a field"],
      [[{ a: 1 }, ["a"]], 2, null, "it is an array"],
      [[null], 1, null, "it is null"],
      [[new Map()], 1, null, "it is a Map"]
    ] as const) {
      const error = (() => { try { return columns(rows as unknown as ReadonlyArray<Row>) } catch (thrown) { return thrown } })()
      expect(error).toBeInstanceOf(ContentProblem)
      expect(error).toMatchObject({ row, field, reason: expect.stringContaining(reason) })
    }
  })
})
