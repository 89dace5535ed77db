/**
 * Content in memory as the bytes that are saved. What can be wrong with it is found here, before anything changes.
 */
import { Effect } from "effect"
import { open } from "node:fs/promises"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { type Content, ContentProblem, kindOf, type Row } from "../domain/Content.ts"
import { tableLines } from "../domain/DelimitedText.ts"
import { jsonText } from "../domain/JsonText.ts"
import { fieldsOf } from "../domain/RowFields.ts"
import { CannotEncode, FileError, InvalidInput } from "../domain/SheafError.ts"
import { columnsOf } from "../domain/TableColumns.ts"
import type { TableFiles } from "../ports/TableFiles.ts"
import type { SaveBytes } from "./RootWriter.ts"
import type { SavePlan } from "./SavePlan.ts"
import type { ScratchFiles } from "./ScratchFiles.ts"

/** Bytes, or a scratch file that holds them. */
export interface EncodedContent {
  readonly source: SaveBytes
  /** Rows, of content that was made from them. */
  readonly nObservations: number | null
}

export interface EncodingDependencies {
  readonly tables: TableFiles["Service"]
  readonly scratch: ScratchFiles
}

export type EncodingError = CannotEncode | InvalidInput | FileError

/** What the suffix of the key makes of the content. */
export const encodeContent = (content: Content, plan: Pick<SavePlan, "key" | "suffix" | "shown">, { scratch, tables }: EncodingDependencies): Effect.Effect<EncodedContent, EncodingError> =>
  Effect.gen(function*() {
    if (typeof content === "string") return asBytes(new TextEncoder().encode(content))
    if (content instanceof Uint8Array) return asBytes(content)
    if (typeof content === "object" && content !== null && "stream" in content) {
      const path = yield* scratch.next
      yield* writeStream(content.stream, path, plan.shown)
      return { source: { path }, nObservations: null }
    }
    const { format, isGzip } = formatOf(plan.suffix)
    if (typeof content === "object" && content !== null && "json" in content) {
      if (format !== ".json") return yield* unsuitable(plan, "a JSON value", ".json")
      const text = yield* attempt(plan, () => `${jsonText(content.json)}\n`)
      return asBytes(yield* compressed(new TextEncoder().encode(text), isGzip))
    }
    if (typeof content !== "object" || content === null || !("rows" in content)) {
      return yield* new InvalidInput({ what: plan.shown, reason: `${kindOf(content)} is no content`, advice: "Give bytes, a text, { rows }, { json } or { stream }." })
    }
    const { rows } = content
    const made = { nObservations: rows.length }
    if (format === ".parquet" && !isGzip) {
      const columns = yield* attempt(plan, () => {
        const fields = fieldsOf(checkedRows(rows))
        if (fields.length === 0) throw new ContentProblem(null, null, "there are no rows, so there are no columns")
        return columnsOf(fields, rows)
      })
      const path = yield* scratch.next
      yield* Effect.mapError(tables.writeParquet(columns, path), ({ code, reason }) =>
        code === null ? new CannotEncode({ key: plan.key, suffix: plan.suffix, row: null, field: null, reason }) : writeFailed(plan.shown, { code }))
      return { source: { path }, ...made }
    }
    const pieces = Object.hasOwn(ROW_TEXTS, format) ? ROW_TEXTS[format]! : null
    if (pieces === null) return yield* unsuitable(plan, "rows", `${Object.keys(ROW_TEXTS).join(", ")} (each also with .gz) or .parquet`)
    const bytes = yield* attempt(plan, () => utf8(pieces(checkedRows(rows))))
    return { source: { bytes: yield* compressed(bytes, isGzip) }, ...made }
  })

/** The formats of text that rows can become. */
const ROW_TEXTS: Readonly<Record<string, (rows: ReadonlyArray<Row>) => Iterable<string>>> = {
  ".csv": (rows) => tableLines(fieldsOf(rows), rows, ","),
  ".tsv": (rows) => tableLines(fieldsOf(rows), rows, "\t"),
  ".jsonl": (rows) => jsonLines(rows),
  ".ndjson": (rows) => jsonLines(rows),
  ".json": (rows) => jsonArray(rows)
}

function* jsonLines(rows: ReadonlyArray<Row>): Generator<string> {
  fieldsOf(rows)
  for (let i = 0; i < rows.length; i++) yield `${jsonText(rows[i], i + 1)}\n`
}

function* jsonArray(rows: ReadonlyArray<Row>): Generator<string> {
  fieldsOf(rows)
  yield "["
  for (let i = 0; i < rows.length; i++) yield `${i === 0 ? "\n" : ",\n"}${jsonText(rows[i], i + 1)}`
  yield rows.length === 0 ? "]\n" : "\n]\n"
}

const asBytes = (bytes: Uint8Array): EncodedContent => ({ source: { bytes }, nObservations: null })

/** The last part of a suffix, and whether gzip is around it. */
const formatOf = (suffix: string): { readonly format: string; readonly isGzip: boolean } => {
  const lower = suffix.toLowerCase()
  const isGzip = lower.endsWith(".gz")
  const inner = isGzip ? lower.slice(0, -".gz".length) : lower
  return { format: inner.slice(Math.max(0, inner.lastIndexOf("."))), isGzip }
}

const checkedRows = (rows: unknown): ReadonlyArray<Row> => {
  if (!Array.isArray(rows)) throw new ContentProblem(null, null, `the rows are ${kindOf(rows)}, not an array`)
  return rows as ReadonlyArray<Row>
}

const attempt = <A>({ key, suffix }: Pick<SavePlan, "key" | "suffix">, run: () => A): Effect.Effect<A, CannotEncode> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      if (!(error instanceof ContentProblem)) throw error
      return Effect.fail(new CannotEncode({ key, suffix, row: error.row, field: error.field, reason: error.reason }))
    }
  })

const unsuitable = ({ key, suffix }: Pick<SavePlan, "key" | "suffix">, what: string, suffixes: string): CannotEncode =>
  new CannotEncode({ key, suffix, row: null, field: null, reason: suffix === "" ? `no suffix says what ${what} become; it can be ${suffixes}` : `${what} can be ${suffixes}` })

/** Pieces of text are put together up to this many characters. */
const PIECE = 65_536

const utf8 = (pieces: Iterable<string>): Uint8Array => {
  const parts: Array<Buffer> = []
  let text = ""
  for (const piece of pieces) {
    text += piece
    if (text.length < PIECE) continue
    parts.push(Buffer.from(text))
    text = ""
  }
  parts.push(Buffer.from(text))
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

const zip = promisify(gzip)
/** Where the header of gzip data names the operating system; 255 is none. */
const OS = 9

/** The same bytes give the same compressed ones: no time and no system stands in them. */
const compressed = (bytes: Uint8Array, isGzip: boolean): Effect.Effect<Uint8Array> =>
  !isGzip ? Effect.succeed(bytes) : Effect.promise(async () => {
    const made = await zip(bytes)
    made[OS] = 255
    return made
  })

const writeStream = (stream: AsyncIterable<Uint8Array>, path: string, shown: string): Effect.Effect<void, EncodingError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const file = await open(path, "wx").catch((error) => { throw writeFailed(shown, error) })
      try {
        for await (const piece of stream) {
          signal.throwIfAborted()
          if (!(piece instanceof Uint8Array)) throw new TypeError(`it gave ${kindOf(piece)} instead of bytes`)
          await file.appendFile(piece).catch((error) => { throw writeFailed(shown, error) })
        }
      } finally {
        await file.close()
      }
    },
    catch: (error) =>
      error instanceof FileError ? error : new InvalidInput({
        what: shown, reason: `its stream ended with an error: ${error instanceof Error ? error.message : String(error)}`, advice: "Nothing was changed. Save it again."
      })
  })

const writeFailed = (shown: string, error: unknown): FileError =>
  new FileError({ path: shown, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot write in the cache folder the content of" })
