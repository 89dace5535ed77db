/**
 * One DuckDB connection as the registry uses it: text and plain JavaScript values in, row objects out.
 *
 * Statements with parameters, also none (`[]`), are prepared once a connection and kept (an insert is planned only once that way); everything kept is
 * dropped before the registry file is detached.
 */
import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement, DuckDBValue } from "@duckdb/node-api"

export interface DuckDbSession {
  /** A number given for a TIMESTAMP column in `INSERT … VALUES ($1, …)` is microseconds since 1970; elsewhere it takes `make_timestamp($1)`. */
  readonly run: (sql: string, params?: ReadonlyArray<unknown>) => Promise<void>
  /** Row objects. Integers of any width are numbers, a TIMESTAMP is the number of microseconds since 1970, lists are arrays. */
  readonly rows: <T>(sql: string, params?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<T>>
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

  readonly run = async (sql: string, params?: ReadonlyArray<unknown>): Promise<void> => {
    await this.#execute(sql, params)
  }

  readonly rows = async <T>(sql: string, params?: ReadonlyArray<unknown>): Promise<ReadonlyArray<T>> =>
    rowsOf<T>(this.#duck, await this.#execute(sql, params))

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

  async #execute(sql: string, params: ReadonlyArray<unknown> | undefined): Promise<DuckDBMaterializedResult> {
    if (this.interrupted) throw new SessionInterrupted("interrupted")
    try {
      if (params === undefined) return await this.#connection.run(sql)
      const statement = await this.#prepared(sql)
      params.forEach((value, i) => bind(this.#duck, statement, i + 1, value))
      return await statement.run()
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

/** Binds the type the statement expects: with any other, or with null, DuckDB plans the statement again at each execution. */
const bind = (duck: Duck, statement: DuckDBPreparedStatement, index: number, value: unknown): void => {
  if (value === null || value === undefined) statement.bindNull(index)
  else if (typeof value === "string") statement.bindVarchar(index, value)
  else if (typeof value === "boolean") statement.bindBoolean(index, value)
  else if (typeof value === "number") bindNumber(duck, statement, index, value)
  else if (Array.isArray(value)) statement.bindList(index, listItems(value), duck.LIST(elementType(duck, value)))
  else if (value instanceof Uint8Array) statement.bindBlob(index, value)
  else statement.bindValue(index, value as DuckDBValue)
}

const bindNumber = (duck: Duck, statement: DuckDBPreparedStatement, index: number, value: number): void => {
  const id = duck.DuckDBTypeId
  if (!Number.isInteger(value)) return statement.bindDouble(index, value)
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

const listItems = (values: ReadonlyArray<unknown>): ReadonlyArray<DuckDBValue> => values.map((v) => (v === undefined ? null : v as DuckDBValue))

const elementType = (duck: Duck, values: ReadonlyArray<unknown>) => {
  const sample = values.find((v) => v !== null && v !== undefined)
  if (typeof sample === "boolean") return duck.BOOLEAN
  if (typeof sample === "number") return values.every((v) => v === null || v === undefined || Number.isInteger(v)) ? duck.BIGINT : duck.DOUBLE
  return duck.VARCHAR
}

const rowsOf = <T>(duck: Duck, result: DuckDBMaterializedResult): ReadonlyArray<T> => {
  const names = result.columnNames()
  const converters = names.map((_, i) => converterFor(duck, result.columnTypeId(i)))
  const rows: Array<Record<string, unknown>> = []
  // Chunks of a result that is complete are read without a round trip to the thread pool each.
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

const asIs = (value: DuckDBValue): unknown => value

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
      return asIs
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
