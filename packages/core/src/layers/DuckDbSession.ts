/**
 * One DuckDB connection as the registry uses it: text and plain JavaScript values in, row objects out.
 *
 * Parameters are written into the text as literals, for two reasons. DuckDB plans a prepared statement with what it knows of the data and, when it is
 * executed again after the data has changed, keeps the plan: results are then wrong, even garbled (1.5.6; `test/layers/DuckDbSession.test.ts` shows it).
 * And a statement in one piece is one trip to the thread pool instead of three. Only what does not depend on data is prepared and kept: single inserts, of
 * which planning is the larger part, and the ends of transactions. Everything kept is dropped before the registry file is detached.
 */
import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement, DuckDBValue } from "@duckdb/node-api"

export interface DuckDbSession {
  readonly run: (sql: string, params?: ReadonlyArray<unknown>) => Promise<void>
  /** Row objects. Integers of any width are numbers, a TIMESTAMP is the number of microseconds since 1970, lists are arrays. */
  readonly rows: <T>(sql: string, params?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<T>>
  /** Inserts one row, by names of columns; what is null or left out is null. A time is a number of microseconds since 1970. */
  readonly insert: (table: string, row: Readonly<Record<string, string | number | boolean | null>>) => Promise<void>
}

/** What DuckDB said when a statement failed. */
export class EngineError extends Error {
  readonly sql: string
  constructor(sql: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.sql = sql
  }
}

/** Thrown inside work that is being interrupted. */
export class SessionInterrupted extends Error {}

type Duck = typeof import("@duckdb/node-api")

const KEPT_STATEMENTS = 64

/**
 * The newest time recorded in the registry, in microseconds since 1970, as long as this process alone can write to it; null when it has to be asked for.
 */
export interface WriteClock {
  newest: number | null
}

/** A connection, what is kept with it, and what happened on it since {@link DuckDbConnection.reset}. */
export class DuckDbConnection implements DuckDbSession {
  /** A statement failed: an open transaction may be aborted. */
  failed = false
  interrupted = false
  /** Shared by all connections to the file as it is attached for writing now; null otherwise. */
  clock: WriteClock | null = null
  readonly #duck: Duck
  readonly #connection: DuckDBConnection
  readonly #kept = new Map<string, DuckDBPreparedStatement>()

  constructor(duck: Duck, connection: DuckDBConnection) {
    this.#duck = duck
    this.#connection = connection
  }

  readonly run = async (sql: string, params: ReadonlyArray<unknown> = []): Promise<void> => {
    await this.#guard(sql, () => this.#connection.run(withLiterals(sql, params)))
  }

  readonly rows = async <T>(sql: string, params: ReadonlyArray<unknown> = []): Promise<ReadonlyArray<T>> =>
    rowsOf<T>(this.#duck, await this.#guard(sql, () => this.#connection.run(withLiterals(sql, params))))

  readonly insert = async (table: string, row: Readonly<Record<string, string | number | boolean | null>>): Promise<void> => {
    // A null parameter would make DuckDB plan the statement anew.
    const names = Object.keys(row).filter((name) => row[name] !== null)
    const sql = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map((_, i) => `$${i + 1}`).join(", ")})`
    await this.#guard(sql, async () => {
      const statement = await this.#prepared(sql)
      names.forEach((name, i) => bind(this.#duck, statement, i + 1, row[name]!))
      return statement.run()
    })
  }

  async begin(): Promise<void> {
    await this.#transaction("BEGIN TRANSACTION")
  }

  /** Fails, instead of dropping what was written, when a statement failed in the transaction and aborted it. */
  async commit(): Promise<void> {
    // DuckDB commits an aborted transaction without a word; any statement fails in one.
    if (this.failed) await this.run("SELECT 1")
    await this.#transaction("COMMIT")
  }

  /** Stops the running statement and refuses further ones. */
  interrupt(): void {
    this.interrupted = true
    this.#connection.interrupt()
  }

  reset(): void {
    this.failed = false
    this.interrupted = false
    this.clock = null
  }

  forgetStatements(): void {
    for (const statement of this.#kept.values()) statement.destroySync()
    this.#kept.clear()
  }

  close(): void {
    this.forgetStatements()
    this.#connection.closeSync()
  }

  async #transaction(sql: "BEGIN TRANSACTION" | "COMMIT"): Promise<void> {
    await this.#guard(sql, async () => (await this.#prepared(sql)).run())
  }

  async #guard<A>(sql: string, execute: () => Promise<A>): Promise<A> {
    if (this.interrupted) throw new SessionInterrupted("interrupted")
    try {
      return await execute()
    } catch (cause) {
      this.failed = true
      throw this.interrupted ? new SessionInterrupted("interrupted") : new EngineError(sql, cause)
    }
  }

  async #prepared(sql: string): Promise<DuckDBPreparedStatement> {
    const kept = this.#kept.get(sql)
    if (kept !== undefined) return kept
    if (this.#kept.size >= KEPT_STATEMENTS) {
      const [oldest, statement] = this.#kept.entries().next().value!
      statement.destroySync()
      this.#kept.delete(oldest)
    }
    const statement = await this.#connection.prepare(sql)
    this.#kept.set(sql, statement)
    return statement
  }
}

/** Binds the type the statement expects: with any other, DuckDB plans the statement anew. */
const bind = (duck: Duck, statement: DuckDBPreparedStatement, index: number, value: string | number | boolean): void => {
  if (typeof value === "string") return statement.bindVarchar(index, value)
  if (typeof value === "boolean") return statement.bindBoolean(index, value)
  const id = duck.DuckDBTypeId
  switch (statement.parameterTypeId(index)) {
    case id.TIMESTAMP:
      return statement.bindTimestamp(index, new duck.DuckDBTimestampValue(BigInt(value)))
    case id.INTEGER:
      return statement.bindInteger(index, value)
    case id.TINYINT:
      return statement.bindTinyInt(index, value)
    case id.DOUBLE:
      return statement.bindDouble(index, value)
    default:
      return statement.bindBigInt(index, BigInt(value))
  }
}

/** Quoted texts and names, in which nothing is a parameter; and parameters. */
const TOKENS = /'(?:[^']|'')*'|"[^"]*"|\$(\d+)/g

/** The statement with its parameters `$1`, `$2` … as literals. */
export const withLiterals = (sql: string, params: ReadonlyArray<unknown>): string =>
  params.length === 0 ? sql : sql.replace(TOKENS, (token, n: string | undefined) => (n === undefined ? token : literal(params[Number(n) - 1])))

/** SQL for a value; an array becomes a list. */
export const literal = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return sqlText(value)
    case "number":
      return Number.isInteger(value) ? (value < 0 ? `(${value})` : String(value)) : `'${value}'::DOUBLE`
    case "boolean":
      return String(value)
    default:
      if (value === null || value === undefined) return "NULL"
      // A text in JSON is read many times faster than a list of literals.
      if (Array.isArray(value)) return `from_json(${sqlText(JSON.stringify(value))}, '["${elementType(value)}"]')`
      throw new TypeError("not a value for SQL")
  }
}

/** SQL for a text. */
export const sqlText = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  // The engine takes the statement as a text that ends at the first NUL.
  return quoted.includes("\0") ? `(${quoted.replaceAll("\0", "' || chr(0) || '")})` : quoted
}

const elementType = (values: ReadonlyArray<unknown>): string => {
  const sample = values.find((v) => v !== null && v !== undefined)
  if (typeof sample === "boolean") return "BOOLEAN"
  if (typeof sample !== "number") return "VARCHAR"
  return values.every((v) => v === null || v === undefined || Number.isInteger(v)) ? "BIGINT" : "DOUBLE"
}

const rowsOf = <T>(duck: Duck, result: DuckDBMaterializedResult): ReadonlyArray<T> => {
  const names = result.columnNames()
  const converters = names.map((_, i) => converterFor(duck, result.columnTypeId(i)))
  const rows: Array<Record<string, unknown>> = []
  // Chunks of a result that is complete are read without a trip to the thread pool each.
  for (let c = 0; c < result.chunkCount; c++) {
    const chunk = result.getChunk(c)
    const start = rows.length
    const count = chunk.rowCount
    for (let r = 0; r < count; r++) rows.push({})
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const convert = converters[i]!
      const values = chunk.getColumnValues(i)
      for (let r = 0; r < count; r++) {
        const value = values[r]!
        rows[start + r]![name] = value === null ? null : convert(value)
      }
    }
  }
  return rows as unknown as ReadonlyArray<T>
}

const converterFor = (duck: Duck, type: number): (value: DuckDBValue) => unknown => {
  const id = duck.DuckDBTypeId
  switch (type) {
    case id.BIGINT:
    case id.UBIGINT:
    case id.HUGEINT:
    case id.UHUGEINT:
      return Number
    case id.TIMESTAMP:
      return (value) => Number((value as { micros: bigint }).micros)
    case id.DECIMAL:
      return (value) => (value as { toDouble: () => number }).toDouble()
    case id.LIST:
      return (value) => (value as { items: ReadonlyArray<DuckDBValue> }).items.map(plain)
    default:
      return (value) => value
  }
}

/** A value whose column type says nothing about it: an element of a list. */
const plain = (value: DuckDBValue): unknown => {
  if (typeof value === "bigint") return Number(value)
  if (value !== null && typeof value === "object") {
    if ("micros" in value && typeof value.micros === "bigint") return Number(value.micros)
    if ("items" in value) return (value.items as ReadonlyArray<DuckDBValue>).map(plain)
  }
  return value
}
