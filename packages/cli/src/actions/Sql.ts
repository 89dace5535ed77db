/** `sheaf sql QUERY` */
import { Effect, Option, Stream } from "effect"
import { InvalidInput } from "@sheaf/core/domain/SheafError"
import { Sql } from "@sheaf/core/services/Sql"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { fittedTable, tabLine } from "../terminal/ResultTable.ts"
import { countText } from "../terminal/SizeText.ts"
import { Usage } from "../UsageError.ts"

export interface SqlInput {
  readonly query: string
  /** Each `NAME=REF`. */
  readonly tables: ReadonlyArray<string>
  readonly format: Option.Option<"table" | "csv">
}

const tablesOf = (words: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(words.map((word) => {
    const equals = word.indexOf("=")
    if (equals <= 0) throw new InvalidInput({ what: `--table ${word}`, reason: "is not NAME=REF", advice: "As in --table plate=raw/plate1/a.csv." })
    return [word.slice(0, equals), word.slice(equals + 1)]
  }))

/** A value as text; null is empty. */
const cell = (value: unknown): string => (value === null ? "" : typeof value === "string" ? value : JSON.stringify(value))

const csvCell = (value: unknown): string => {
  const text = cell(value)
  return /[",\r\n]/.test(text) || (text === "" && value !== null) ? `"${text.replaceAll("\"", "\"\"")}"` : text
}

const csvLine = (values: ReadonlyArray<unknown>): string => `${values.map(csvCell).join(",")}\n`

export const run = ({ format, query, tables }: SqlInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (Option.isSome(format) && shell.options.format !== "text") return yield* new Usage({ message: "--format and --json exclude each other", hint: "Choose one of them." })
    const named = yield* Effect.try({ try: () => tablesOf(tables), catch: (error) => error as InvalidInput })
    return yield* withInstance(Effect.scoped(Effect.gen(function*() {
      const { columns, count, rows } = yield* (yield* Sql).query({ query, tables: named })
      const object = (row: ReadonlyArray<unknown>): string => `{${columns.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(row[i])}`).join(",")}}`
      const each = (text: (page: ReadonlyArray<ReadonlyArray<unknown>>, isFirst: boolean) => string) => {
        let isFirst = true
        return rows.pipe(Stream.runForEachArray((page) => {
          const written = text(page, isFirst)
          isFirst = false
          return shell.write(written)
        }))
      }
      const lines = (line: (row: ReadonlyArray<unknown>) => string) => each((page) => page.map(line).join(""))
      if (shell.options.format === "ndjson") return yield* lines((row) => `${object(row)}\n`)
      if (shell.options.format === "json") {
        yield* each((page, isFirst) => (page.length === 0 ? "" : (isFirst ? "[\n" : ",\n") + page.map(object).join(",\n")))
        return yield* shell.write(count === 0 ? "[]\n" : "\n]\n")
      }
      if (Option.getOrNull(format) === "csv") {
        yield* shell.write(csvLine(columns))
        return yield* lines(csvLine)
      }
      if (!shell.outIsTerminal) {
        yield* shell.write(tabLine(columns))
        return yield* lines((row) => tabLine(row.map(cell)))
      }
      yield* each((page, isFirst) => {
        const isNumber = columns.map((_, i) => page.length > 0 && page.every((row) => row[i] === null || typeof row[i] === "number"))
        const heads = columns.map((title, i) => ({ title, shrinks: 12, alignRight: isNumber[i]! }))
        return fittedTable(heads, page.map((row) => row.map(cell)), shell.width).slice(isFirst ? 0 : 1).map((line) => `${line}\n`).join("")
      })
      yield* shell.note(`${countText(count)} ${count === 1 ? "row" : "rows"}`)
    })))
  })
