/**
 * Parquet files, written and read by an engine of its own in memory: the registry is not touched.
 *
 * Values go in by typed chunks, never as text of a statement. One thread writes, so that the same columns give the same bytes.
 */
import { Effect, Layer } from "effect"
import { existsSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DuckDBConnection, DuckDBInstance, DuckDBMaterializedResult, DuckDBType, DuckDBValue } from "@duckdb/node-api"
import type { TableColumn } from "../domain/TableColumns.ts"
import { TableFileFailure, TableFiles, type TableRow, type TableValue } from "../ports/TableFiles.ts"
import { removeLeftovers, scratchName } from "../services/ScratchFiles.ts"
import { plainReason } from "./DuckDbFailure.ts"
import { sqlText } from "./DuckDbSession.ts"

export interface TableFilesOptions {
  /** Where what does not fit in memory goes, when the folder is there. */
  readonly cacheFolder: string
}

type Duck = typeof import("@duckdb/node-api")

/** Kind of the folder for what does not fit in memory. */
const SPILL = "table-spill"
/** Rows of a chunk: the engine's own number. */
const CHUNK = 2048

/** Parquet by DuckDB. The engine is loaded with the first file. */
export const layer = ({ cacheFolder }: TableFilesOptions): Layer.Layer<TableFiles> =>
  Layer.effect(
    TableFiles,
    Effect.map(Effect.acquireRelease(Effect.sync(() => new TableEngine(cacheFolder)), (engine) => Effect.sync(() => engine.close())), (engine) =>
      TableFiles.of({
        writeParquet: (columns, path) => asFailure((signal) => engine.use(signal, (duck, connection) => writeParquet(duck, connection, columns, path))),
        readParquet: (path) => asFailure((signal) => engine.use(signal, (duck, connection) => readParquet(duck, connection, path)))
      }))
  )

const asFailure = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, TableFileFailure> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const message = cause instanceof Error ? cause.message : String(cause)
      const code = DISK.find(([pattern]) => pattern.test(message))?.[1] ?? null
      return new TableFileFailure({ reason: plainReason(message), code, cause })
    }
  })

/** What is wrong with the disk, in the engine's words. */
const DISK: ReadonlyArray<readonly [RegExp, string]> = [
  [/No space left on device/i, "ENOSPC"], [/Disk quota exceeded/i, "EDQUOT"], [/Read-only file system/i, "EROFS"], [/Permission denied/i, "EACCES"]
]

class TableEngine {
  readonly #cacheFolder: string
  #instance: Promise<DuckDBInstance> | null = null
  #spill: string | null = null

  constructor(cacheFolder: string) {
    this.#cacheFolder = cacheFolder
  }

  /** A connection for one piece of work. */
  async use<A>(signal: AbortSignal, work: (duck: Duck, connection: DuckDBConnection) => Promise<A>): Promise<A> {
    const { duck } = await import("./DuckDbLibrary.ts")
    const connection = await (await (this.#instance ??= this.#start(duck))).connect()
    const interrupt = () => connection.interrupt()
    signal.addEventListener("abort", interrupt)
    try {
      return await work(duck, connection)
    } finally {
      signal.removeEventListener("abort", interrupt)
      connection.closeSync()
    }
  }

  close(): void {
    void this.#instance?.then((instance) => instance.closeSync(), () => undefined)
    if (this.#spill !== null) rmSync(this.#spill, { recursive: true, force: true })
  }

  #start(duck: Duck): Promise<DuckDBInstance> {
    const place = existsSync(this.#cacheFolder) ? this.#cacheFolder : tmpdir()
    removeLeftovers(place, SPILL)
    this.#spill = join(place, scratchName(SPILL))
    return duck.DuckDBInstance.create(":memory:", {
      memory_limit: "512MB", threads: "1", temp_directory: this.#spill, autoinstall_known_extensions: "false", autoload_known_extensions: "false"
    })
  }
}

const quotedName = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

interface ColumnType {
  readonly type: DuckDBType
  readonly sql: string
  readonly convert: (value: never) => DuckDBValue
}

const same = (value: never): DuckDBValue => value

/** How each type of column is kept. */
const typesOf = (duck: Duck): Readonly<Record<TableColumn["type"], ColumnType>> => ({
  boolean: { type: duck.BOOLEAN, sql: "BOOLEAN", convert: same },
  integer: { type: duck.BIGINT, sql: "BIGINT", convert: same },
  wideInteger: { type: duck.DECIMAL(38, 0), sql: "DECIMAL(38, 0)", convert: (value: bigint) => new duck.DuckDBDecimalValue(value, 38, 0) },
  number: { type: duck.DOUBLE, sql: "DOUBLE", convert: same },
  text: { type: duck.VARCHAR, sql: "VARCHAR", convert: same },
  time: { type: duck.TIMESTAMPTZ, sql: "TIMESTAMPTZ", convert: (millis: number) => new duck.DuckDBTimestampTZValue(BigInt(millis) * 1000n) }
})

const writeParquet = async (duck: Duck, connection: DuckDBConnection, columns: ReadonlyArray<TableColumn>, path: string): Promise<void> => {
  const types = typesOf(duck)
  const rows = columns[0]?.values.length ?? 0
  await connection.run(`CREATE TEMP TABLE t (${columns.map(({ name, type }) => `${quotedName(name)} ${types[type].sql}`).join(", ")})`)
  const appender = await connection.createAppender("t")
  try {
    const chunk = duck.DuckDBDataChunk.create(columns.map(({ type }) => types[type].type))
    for (let from = 0; from < rows; from += CHUNK) {
      chunk.reset()
      chunk.rowCount = Math.min(CHUNK, rows - from)
      columns.forEach(({ type, values }, i) => {
        const { convert } = types[type]
        chunk.setColumnValues(i, values.slice(from, from + CHUNK).map((value) => (value === null ? null : convert(value as never))))
      })
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
  await connection.run(`COPY t TO ${sqlText(path)} (FORMAT parquet, COMPRESSION zstd)`)
}

const readParquet = async (duck: Duck, connection: DuckDBConnection, path: string): Promise<ReadonlyArray<TableRow>> => {
  // In a file's name these would stand for several files.
  const exactly = path.replace(/[*?[]/g, (c) => `[${c}]`)
  const from = `FROM read_parquet(${sqlText(exactly)}, hive_partitioning = false)`
  const shape = await connection.run(`${from} LIMIT 0`)
  const names = shape.columnNames()
  const isText = names.map((_, i) => shape.columnTypeId(i) === duck.DuckDBTypeId.VARCHAR)
  // A mark of the byte order at the beginning of a text is lost on its way out of the engine, so there is something before it.
  const selected = names.map((name, i) => (isText[i] ? `'${BEFORE}' || ${quotedName(name)}` : quotedName(name)))
  const result = await connection.run(`SELECT ${selected.join(", ")} ${from}`)
  const columns = names.map((_, i) => {
    const values = columnValues(duck, result, i)
    return isText[i] ? values.map((value) => (typeof value === "string" ? value.slice(BEFORE.length) : value)) : values
  })
  return Array.from({ length: result.rowCount }, (_, row) => Object.fromEntries(names.map((name, i) => [name, columns[i]![row]!])))
}

const BEFORE = "."

const columnValues = (duck: Duck, result: DuckDBMaterializedResult, column: number): ReadonlyArray<TableValue> => {
  const isDecimal = result.columnTypeId(column) === duck.DuckDBTypeId.DECIMAL
  const values: Array<TableValue> = []
  for (let c = 0; c < result.chunkCount; c++) {
    const chunk = result.getChunk(c)
    if (isDecimal) values.push(...chunk.getColumnValues(column).map(fromDecimal))
    else values.push(...(chunk.convertColumnValues(column, duck.JSDuckDBValueConverter) as ReadonlyArray<TableValue>))
  }
  return exactNumbers(values)
}

const fromDecimal = (value: DuckDBValue): number | bigint | null => {
  if (value === null) return null
  const decimal = value as { readonly scale: number; readonly value: bigint; readonly toDouble: () => number }
  return decimal.scale === 0 ? decimal.value : decimal.toDouble()
}

/** Whole numbers as numbers, unless one of them would not be exact. */
const exactNumbers = (values: ReadonlyArray<TableValue>): ReadonlyArray<TableValue> => {
  const isExact = (value: TableValue): boolean => typeof value !== "bigint" || Number.isSafeInteger(Number(value))
  return values.some((value) => typeof value === "bigint") && values.every(isExact) ? values.map((value) => (typeof value === "bigint" ? Number(value) : value)) : values
}
