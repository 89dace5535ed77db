/**
 * Rows as columns of one type each, as formats with types want them.
 */
import { ContentProblem, isUnicode, kindOf, type Row } from "./Content.ts"
import { cellOf } from "./RowFields.ts"

/** A column: `integer` fits into 64 bits, `wideInteger` into 38 digits; a time is in milliseconds since 1970. */
export type TableColumn =
  | { readonly name: string; readonly type: "boolean"; readonly values: ReadonlyArray<boolean | null> }
  | { readonly name: string; readonly type: "integer" | "wideInteger"; readonly values: ReadonlyArray<bigint | null> }
  | { readonly name: string; readonly type: "number" | "time"; readonly values: ReadonlyArray<number | null> }
  | { readonly name: string; readonly type: "text"; readonly values: ReadonlyArray<string | null> }

const INT64 = 2n ** 63n
const WIDE = 10n ** 38n

type Kind = "boolean" | "text" | "time" | "integer" | "number" | "bigint"

/**
 * One column for each field. Numbers are integers when all of a column are whole and exact, and may be mixed with bigints then; a column without any value is
 * text. Throws a {@link ContentProblem} for a column of mixed types, naming the first row that does not fit.
 */
export const columnsOf = (fields: ReadonlyArray<string>, rows: ReadonlyArray<Row>): ReadonlyArray<TableColumn> => {
  // The engine takes names that differ only in the case of ASCII letters for one.
  const lower = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  const folded = new Map<string, string>()
  for (const name of fields) {
    if (name === "") throw new ContentProblem(null, name, "a column needs a name")
    if (name.includes("\0")) throw new ContentProblem(null, name, "its name holds a NUL character")
    const other = folded.get(lower(name))
    if (other !== undefined) throw new ContentProblem(null, name, `it differs from the field ${other} only in case`)
    folded.set(lower(name), name)
  }
  return fields.map((name) => columnOf(name, rows))
}

const columnOf = (name: string, rows: ReadonlyArray<Row>): TableColumn => {
  const values = rows.map((row) => cellOf(row, name) ?? null)
  let kind: Kind | null = null
  for (let i = 0; i < values.length; i++) {
    const one = values[i] === null ? null : kindOfCell(values[i], i + 1, name)
    if (one === null || one === kind) continue
    const both: Kind | null = kind === null ? one : together(kind, one)
    if (both === null) throw new ContentProblem(i + 1, name, `it is ${kindOf(values[i])}, and the rows before it have ${WORDS[kind!]} there; a column has one type`)
    kind = both
  }
  switch (kind) {
    case "boolean":
      return { name, type: "boolean", values: values as ReadonlyArray<boolean | null> }
    case "time":
      return { name, type: "time", values: values.map((value) => (value === null ? null : (value as Date).getTime())) }
    case "number":
      return { name, type: "number", values: values as ReadonlyArray<number | null> }
    case "integer":
    case "bigint":
      return integers(name, values as ReadonlyArray<number | bigint | null>)
    default:
      return { name, type: "text", values: values as ReadonlyArray<string | null> }
  }
}

const WORDS: Readonly<Record<Kind, string>> = {
  boolean: "booleans", text: "texts", time: "dates", integer: "numbers", number: "numbers that are not whole", bigint: "bigints"
}

/** The kind of a column that holds both, or null. */
const together = (one: Kind, other: Kind): Kind | null => {
  const kinds = new Set([one, other])
  if (kinds.has("integer") && kinds.has("number")) return "number"
  return kinds.has("integer") && kinds.has("bigint") ? "bigint" : null
}

const kindOfCell = (value: unknown, row: number, field: string): Kind => {
  switch (typeof value) {
    case "boolean":
    case "bigint":
      return typeof value as "boolean" | "bigint"
    case "number":
      // Minus zero is no integer.
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "number"
    case "string":
      if (!isUnicode(value)) throw new ContentProblem(row, field, "it is a text that is not valid Unicode")
      return "text"
    default:
      if (value instanceof Date && !Number.isNaN(value.getTime())) return "time"
      throw new ContentProblem(row, field, `it is ${kindOf(value)}, and a field is one text, number, boolean or date`)
  }
}

const integers = (name: string, values: ReadonlyArray<number | bigint | null>): TableColumn => {
  const exact = values.map((value) => (value === null ? null : BigInt(value)))
  const tooWide = exact.findIndex((value) => value !== null && (value >= WIDE || value <= -WIDE))
  if (tooWide >= 0) throw new ContentProblem(tooWide + 1, name, "it is a bigint of more than 38 digits")
  return { name, type: exact.some((value) => value !== null && (value >= INT64 || value < -INT64)) ? "wideInteger" : "integer", values: exact }
}
