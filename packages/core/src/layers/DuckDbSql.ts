/**
 * SQL of users, in an engine of its own that can reach nothing but the registry, attached for reading.
 *
 * Everything the query may see is brought in first; then the engine's access to files, extensions and settings is switched off for good. The result goes into
 * a table of that engine, and the registry is let go of before its first row is read.
 */
import { Effect, Layer, Option, Stream } from "effect"
import { existsSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { InvalidInput, RegistryBusy } from "../domain/SheafError.ts"
import { type FileTable, SqlAccess, type SqlResult } from "../ports/SqlAccess.ts"
import { removeLeftovers, scratchName } from "../services/ScratchFiles.ts"
import { DuckDbClient } from "./DuckDbClient.ts"
import { DuckDbEngine } from "./DuckDbEngine.ts"
import { isFatal, registryFailed } from "./DuckDbFailure.ts"
import { type DuckDbConnection, EngineError, SessionInterrupted, sqlText } from "./DuckDbSession.ts"
import { checkSql, SQL_ADVICE } from "./DuckDbSqlCheck.ts"
import { VIEWS } from "./DuckDbViews.ts"
import { describeProcess } from "./RegistryLockHolder.ts"

export interface SqlOptions {
  readonly lockTimeoutMillis: number
}

/** Kind of the folder for what does not fit in memory. */
const SPILL = "sql-spill"
/** Rows that are read at once. */
const PAGE = 5000
/** Milliseconds between two attempts to get the file. */
const LOOK = 20

/** SQL over a DuckDB registry. */
export const layer = ({ lockTimeoutMillis }: SqlOptions): Layer.Layer<SqlAccess, never, DuckDbClient> =>
  Layer.effect(
    SqlAccess,
    Effect.map(DuckDbClient, (client) =>
      SqlAccess.of({
        query: (sql, tables) =>
          Effect.gen(function*() {
            const engine = yield* Effect.acquireRelease(Effect.sync(() => new SqlEngine(client.path)), (one) => Effect.promise(() => one.close()))
            const { columns, count } = yield* client.released<{ columns: ReadonlyArray<Column>; count: number }, InvalidInput | RegistryBusy>(
              (signal) => engine.run(sql, tables, lockTimeoutMillis, signal))
            return { columns: columns.map(({ name }) => name), count, rows: pages(engine, columns, count, client.path) } satisfies SqlResult
          })
      }))
  )

interface Column {
  readonly name: string
  readonly type: string
}

/** One query, from the attached registry to the last row of its result. */
class SqlEngine {
  readonly #engine: DuckDbEngine
  readonly #spill: string
  #connection: DuckDbConnection | null = null

  constructor(path: string) {
    const cache = join(dirname(path), "cache")
    const place = existsSync(cache) ? cache : tmpdir()
    removeLeftovers(place, SPILL)
    // Two engines with one folder would take each other's spilled data for their own.
    this.#spill = join(place, scratchName(SPILL))
    this.#engine = new DuckDbEngine(path, { memoryLimit: "512MB", tempDirectory: this.#spill })
  }

  async run(sql: string, tables: ReadonlyArray<FileTable>, patience: number, signal: AbortSignal): Promise<{ readonly columns: ReadonlyArray<Column>; readonly count: number }> {
    await this.#attach(patience, signal)
    const connection = this.#connection = await this.#engine.connect()
    const interrupt = () => connection.interrupt()
    signal.addEventListener("abort", interrupt)
    try {
      for (const [name, select] of Object.entries(VIEWS)) await connection.run(`CREATE VIEW ${name} AS ${select}`)
      for (const table of tables) await loadTable(connection, table)
      await connection.run(`SET enable_external_access = false`)
      await connection.run(`SET lock_configuration = true`)
      await asInput("the query", async () => {
        await checkSql(connection, sql)
        await connection.run(`CREATE TEMP TABLE sheaf_result AS FROM (${sql.replace(/[;\s]+$/, "")}\n)`)
      })
      const columns = await connection.rows<Column>(`SELECT column_name AS name, data_type AS type FROM duckdb_columns() WHERE table_name = 'sheaf_result' ORDER BY column_index`)
      const [row] = await connection.rows<{ n: number }>(`SELECT count(*) AS n FROM temp.sheaf_result`)
      return { columns, count: row!.n }
    } finally {
      signal.removeEventListener("abort", interrupt)
      connection.reset()
      await this.#engine.detach()
    }
  }

  get connection(): DuckDbConnection {
    return this.#connection!
  }

  async close(): Promise<void> {
    this.#connection?.close()
    await this.#engine.dispose()
    rmSync(this.#spill, { recursive: true, force: true })
  }

  async #attach(patience: number, signal: AbortSignal): Promise<void> {
    const since = performance.now()
    for (;;) {
      if (signal.aborted) throw new SessionInterrupted("interrupted")
      const pid = await this.#engine.attach("read", { create: false, look: performance.now() - since > LOOK })
      if (pid === null) return
      const waited = performance.now() - since
      if (waited >= patience) {
        const holder = pid <= 0 ? null : describeProcess(pid)
        throw new RegistryBusy({
          path: this.#engine.path, waitedSeconds: Math.round(waited / 100) / 10, pid: holder?.pid ?? null, command: holder?.command ?? null, startedAt: holder?.startedAt ?? null
        })
      }
      await sleep(LOOK)
    }
  }
}

/** What the engine says about something that came from the user is about that. */
const asInput = async <A>(what: string, use: () => Promise<A>): Promise<A> => {
  try {
    return await use()
  } catch (error) {
    if (!(error instanceof EngineError) || isFatal(error.message)) throw error
    throw new InvalidInput({ what, reason: reasonOf(error.message), advice: SQL_ADVICE })
  }
}

/** The message without its kind, without the text of the statement, and without advice to use what a query may not. */
const reasonOf = (message: string): string =>
  message.split(/\n\s*\n|\nLINE /, 1)[0]!.replace(/^(Error: )?[A-Za-z ]+ Error: /, "").replace(/\s*Did you mean "reg\.[^?]*\?/, "").replaceAll("\n", " ")

const READERS: Readonly<Record<FileTable["format"], (file: string) => string>> = {
  csv: (file) => `read_csv(${file})`,
  tsv: (file) => `read_csv(${file}, delim = '\t')`,
  json: (file) => `read_json(${file})`,
  parquet: (file) => `read_parquet(${file})`
}

/** In a file's name these would stand for several files. */
const exactly = (path: string): string => path.replace(/[*?[]/g, (c) => `[${c}]`)

const loadTable = (connection: DuckDbConnection, { format, gzip, name, path }: FileTable): Promise<void> =>
  asInput(`table ${name}`, () =>
    connection.run(`CREATE TABLE "${name.replaceAll("\"", "\"\"")}" AS FROM ${READERS[format](`${sqlText(exactly(path))}${gzip ? ", compression = 'gzip'" : ""}`)}`))

const ISO = "'%Y-%m-%dT%H:%M:%S.%gZ'"

/** SQL for a column whose value JSON can hold. */
const jsonable = ({ name, type }: Column): string => {
  const column = `"${name.replaceAll("\"", "\"\"")}"`
  if (type.startsWith("TIMESTAMP")) return `CASE WHEN isfinite(${column}) THEN strftime(make_timestamp(epoch_us(${column})), ${ISO}) END`
  return type === "DOUBLE" || type === "FLOAT" ? `CASE WHEN isfinite(${column}) THEN ${column} END` : column
}

const pages = (engine: SqlEngine, columns: ReadonlyArray<Column>, count: number, path: string): SqlResult["rows"] => {
  const select = `SELECT json_array(${columns.map(jsonable).join(", ")})::VARCHAR AS row FROM temp.sheaf_result`
  return Stream.paginate(0, (from) =>
    Effect.map(
      Effect.tryPromise({
        try: async () => (await engine.connection.rows<{ row: string }>(`${select} WHERE rowid >= ${from} AND rowid < ${from + PAGE} ORDER BY rowid`)).map(({ row }) => valuesIn(row)),
        catch: (error) => (error instanceof InvalidInput ? error : registryFailed(path, "giving the result of a query", error))
      }),
      (rows) => [rows, from + PAGE < count ? Option.some(from + PAGE) : Option.none<number>()] as const
    ))
}

const valuesIn = (row: string): ReadonlyArray<unknown> => {
  try {
    return JSON.parse(row) as ReadonlyArray<unknown>
  } catch {
    throw new InvalidInput({ what: "the query", reason: "a list or structure in its result holds what JSON cannot, such as NaN", advice: "Select its elements by themselves, or cast it to VARCHAR." })
  }
}
