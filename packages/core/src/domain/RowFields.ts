/**
 * The columns of rows in memory.
 */
import { ContentProblem, isUnicode, kindOf, type Row } from "./Content.ts"

/** All fields of the rows, in the order in which they come first. Throws a {@link ContentProblem} for what is no row. */
export const fieldsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const fields = new Set<string>()
  for (let i = 0; i < rows.length; i++) {
    const row: unknown = rows[i]
    if (typeof row !== "object" || row === null || Object.prototype.toString.call(row) !== "[object Object]") {
      throw new ContentProblem(i + 1, null, `it is ${kindOf(row)}, and a row is an object`)
    }
    for (const field of Object.keys(row)) {
      if (fields.has(field)) continue
      if (!isUnicode(field)) throw new ContentProblem(i + 1, field.toWellFormed(), "its name is not valid Unicode")
      fields.add(field)
    }
  }
  if (rows.length > 0 && fields.size === 0) throw new ContentProblem(1, null, "no row has a field")
  return [...fields]
}

/** The value of a field; what an object inherits is none. */
export const cellOf = (row: Row, field: string): unknown => (Object.hasOwn(row, field) ? row[field] : undefined)
