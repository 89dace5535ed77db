/** `sheaf find [FILTER…]` */
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Option, Stream } from "effect"
import type { Artifact } from "@sheaf/core/domain/Artifact"
import { InvalidInput } from "@sheaf/core/domain/SheafError"
import type { Query } from "@sheaf/core/services/Query"
import { writeTableFile } from "@sheaf/core/services/TableFile"
import { withInstance } from "../OpenInstance.ts"
import { type QueryInput, queryOf } from "../QueryInput.ts"
import { Shell } from "../Shell.ts"
import { keepHeapSteady } from "../SteadyHeap.ts"
import { fittedTable, type ResultColumn, tabLine } from "../terminal/ResultTable.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural, sizeText } from "../terminal/SizeText.ts"
import { Usage } from "../UsageError.ts"

export interface FindInput extends QueryInput {
  readonly filters: ReadonlyArray<string>
  readonly count: boolean
  readonly format: Option.Option<"table" | "csv" | "parquet">
  readonly output: Option.Option<string>
  readonly force: boolean
}

const COLUMNS: ReadonlyArray<ResultColumn & { readonly of: (artifact: Artifact) => string }> = [
  { title: "uid", of: ({ uid }) => uid },
  { title: "key", shrinks: 16, of: ({ key }) => key ?? "" },
  { title: "size", alignRight: true, of: ({ size }) => String(size) },
  { title: "suffix", of: ({ suffix }) => suffix },
  { title: "description", shrinks: 11, of: ({ description }) => description ?? "" },
  { title: "created_at", of: ({ createdAt }) => createdAt },
  { title: "hash", of: ({ hash }) => hash },
  { title: "hash_type", of: ({ hashType }) => hashType },
  { title: "version", of: ({ version }) => version ?? "" },
  { title: "is_latest", of: ({ isLatest }) => String(isLatest) },
  { title: "kind", of: ({ kind }) => kind ?? "" },
  { title: "n_files", alignRight: true, of: ({ nFiles }) => String(nFiles ?? "") },
  { title: "run", of: ({ run }) => run ?? "" },
  { title: "created_by", of: ({ createdBy }) => createdBy ?? "" }
]

/** Rows from which the widths of a terminal's columns are taken. */
const MEASURED = 1000

export const run = (input: FindInput) =>
  Effect.gen(function*() {
    keepHeapSteady()
    const shell = yield* Shell
    const isText = shell.options.format === "text"
    const format = Option.getOrNull(input.format)
    if (input.count && (format !== null || Option.isSome(input.output))) return yield* new Usage({ message: "--count gives a number, not a table", hint: "Leave out --format and -o, or --count." })
    if (format !== null && !isText && Option.isNone(input.output)) return yield* new Usage({ message: "--format and --json exclude each other", hint: "With -o FILE, --json tells what was written." })
    const query = yield* queryOf(input.filters, input)
    return yield* withInstance(Effect.gen(function*() {
      if (input.count) {
        const count = yield* query.count
        return yield* isText ? shell.print(String(count)) : shell.document({ count })
      }
      if (Option.isSome(input.output)) return yield* toFile(query, input.output.value, input)
      switch (format ?? shell.options.format) {
        case "parquet":
          return yield* new InvalidInput({ what: "--format parquet", reason: "is not for stdout", advice: "Name a file: -o FILE." })
        case "csv":
          return yield* csvToStdout(query)
        case "json":
          return yield* asJson(query)
        case "ndjson":
          return yield* query.stream.pipe(Stream.runForEachArray((page) => shell.document(page)))
        default:
          return yield* asTable(query)
      }
    }))
  })

const toFile = (query: Query, path: string, { force, format }: FindInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const asked = Option.getOrNull(format)
    if (asked === "table") return yield* new Usage({ message: "a table for people goes to stdout", hint: "Write it to a file with > FILE, or choose --format csv or parquet." })
    const written = yield* writeTableFile(query, path, { overwrite: force, ...(asked === null ? {} : { format: asked }) })
    if (shell.options.format !== "text") return yield* shell.document(written)
    if (!shell.options.quiet) yield* shell.print(`wrote ${plural(written.rows, "artifact")}, ${sizeText(written.bytes)}, to ${safeText(written.path)}`)
  })

const csvToStdout = (query: Query) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-find-"))),
    (folder) =>
      Effect.gen(function*() {
        const shell = yield* Shell
        const { path } = yield* writeTableFile(query, join(folder, "result.csv"), { format: "csv" })
        yield* Stream.fromAsyncIterable(createReadStream(path), (error) => error).pipe(Stream.runForEach((bytes) => shell.write(bytes as Uint8Array)))
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const asJson = (query: Query) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    let isFirst = true
    yield* query.stream.pipe(Stream.runForEachArray((page) => {
      if (page.length === 0) return Effect.void
      const start = isFirst ? "[\n" : ",\n"
      isFirst = false
      return shell.write(start + page.map((artifact) => JSON.stringify(artifact)).join(",\n"))
    }))
    yield* shell.write(isFirst ? "[]\n" : "\n]\n")
  })

const cells = (artifact: Artifact): ReadonlyArray<string> => COLUMNS.map(({ of }) => of(artifact))

/** On a terminal fitted to it; for other programs all columns between tabs. */
const asTable = (query: Query) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const heading = tabLine(COLUMNS.map(({ title }) => title))
    let found = 0
    // Widths are those of a block of rows, so that what is shown does not wait for what comes after.
    yield* query.stream.pipe(Stream.grouped(MEASURED), Stream.runForEach((block) => {
      const isFirst = found === 0
      found += block.length
      if (!shell.outIsTerminal) return shell.write((isFirst ? heading : "") + block.map((artifact) => tabLine(cells(artifact))).join(""))
      return shell.write(fittedTable(COLUMNS, block.map(cells), shell.width).slice(isFirst ? 0 : 1).map((line) => `${line}\n`).join(""))
    }))
    if (found === 0 && !shell.outIsTerminal) yield* shell.write(heading)
    if (found === 0) yield* shell.note("sheaf: no artifact matches")
    else if (shell.outIsTerminal) yield* shell.note(`${countText(found)} ${found === 1 ? "artifact" : "artifacts"}`)
  })
