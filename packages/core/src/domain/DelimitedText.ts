/**
 * Delimited text, as RFC 4180 describes it: records end with a line break (CRLF or LF), fields are separated by one character, and a field in double quotes
 * may hold separators, line breaks and, doubled, quotes. A quote inside a field that does not begin with one stands for itself.
 */
import { ContentProblem, isUnicode, kindOf, type Row } from "./Content.ts"
import { cellOf } from "./RowFields.ts"

/** What is wrong with a text, and in which line (from 1). */
export class DelimitedTextError extends Error {
  readonly line: number
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`)
    this.line = line
  }
}

/** The records of a text, each with the line it begins in. An empty text has none; a line break at the end begins none. */
export function* parseRecords(text: string, separator: "," | "\t"): Generator<{ readonly line: number; readonly fields: ReadonlyArray<string> }> {
  let at = 0
  let line = 1
  while (at < text.length) {
    const begin = line
    const fields: Array<string> = []
    for (;;) {
      if (text[at] === "\"") {
        let field = ""
        let from = at + 1
        for (;;) {
          const quote = text.indexOf("\"", from)
          if (quote < 0) throw new DelimitedTextError(begin, "a quoted field has no end")
          field += text.slice(from, quote)
          if (text[quote + 1] !== "\"") {
            at = quote + 1
            break
          }
          field += "\""
          from = quote + 2
        }
        line += countLines(field)
        fields.push(field)
        if (at < text.length && text[at] !== separator && !isBreak(text, at)) throw new DelimitedTextError(line, "text follows the closing quote of a field")
      } else {
        const end = endOfField(text, at, separator)
        fields.push(text.slice(at, end))
        at = end
      }
      if (text[at] !== separator) break
      at++
    }
    if (at < text.length) at += text[at] === "\r" ? 2 : 1
    line++
    yield { line: begin, fields }
  }
}

/**
 * The rows of a text below its header, keyed by it. Empty lines are left out, except where there is only one column. Throws a {@link DelimitedTextError} for a row
 * with another number of fields than the header, and for a name that comes twice in it.
 */
export const parseTable = (text: string, separator: "," | "\t"): ReadonlyArray<Readonly<Record<string, string>>> => {
  const rows: Array<Readonly<Record<string, string>>> = []
  let header: ReadonlyArray<string> | null = null
  for (const { fields, line } of parseRecords(text, separator)) {
    if (header === null) {
      const twice = fields.find((name, i) => fields.indexOf(name) < i)
      if (twice !== undefined) throw new DelimitedTextError(line, `the column "${twice}" comes twice in the header`)
      header = fields
      continue
    }
    if (fields.length === 1 && fields[0] === "" && header.length > 1) continue
    if (fields.length !== header.length) throw new DelimitedTextError(line, `it has ${fields.length} fields, the header has ${header.length}`)
    rows.push(Object.fromEntries(header.map((name, i) => [name, fields[i]!])))
  }
  return rows
}

/**
 * Rows as delimited text, a line each, the header first, so that {@link parseTable} gives the same texts again. A field that holds a separator, a quote or a
 * line break is quoted, and so is an empty text, which null is not. Numbers are written so that they read back as the same number, bigints with all their
 * digits, dates as ISO 8601 in UTC. Throws a {@link ContentProblem}.
 */
export function* tableLines(fields: ReadonlyArray<string>, rows: ReadonlyArray<Row>, separator: "," | "\t"): Generator<string> {
  if (rows.length === 0) return
  const special = separator === "," ? /[",\r\n]/ : /["\t\r\n]/
  const quoted = (text: string): string => `"${text.replaceAll("\"", "\"\"")}"`
  // A mark of the byte order at the beginning of a file is taken for one, unless it is quoted.
  const asField = (text: string): string => (text === "" || special.test(text) || text.startsWith("\ufeff") ? quoted(text) : text)
  yield `${fields.map(asField).join(separator)}\n`
  for (let i = 0; i < rows.length; i++) {
    const line = fields.map((field) => {
      const text = cellText(cellOf(rows[i]!, field), i + 1, field)
      return text === null ? "" : asField(text)
    }).join(separator)
    // An empty line would be none to many programs.
    yield line === "" ? "\"\"\n" : `${line}\n`
  }
}

const cellText = (value: unknown, row: number, field: string): string | null => {
  switch (typeof value) {
    case "string":
      if (!isUnicode(value)) throw new ContentProblem(row, field, "it is a text that is not valid Unicode")
      return value
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    case "bigint":
    case "boolean":
      return String(value)
    case "undefined":
      return null
    default:
      if (value === null) return null
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
      throw new ContentProblem(row, field, `it is ${kindOf(value)}, and a field is one text, number, boolean or date`)
  }
}

const isBreak = (text: string, at: number): boolean => text[at] === "\n" || (text[at] === "\r" && text[at + 1] === "\n")

const endOfField = (text: string, from: number, separator: string): number => {
  let at = from
  while (at < text.length && text[at] !== separator && !isBreak(text, at)) at++
  return at
}

const countLines = (field: string): number => {
  let n = 0
  for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) n++
  return n
}
