/**
 * Port: SQL over documented views of the registry, for reading only. Reference implementation: `layers/DuckDbSql`.
 */
import { Context, type Effect, type Scope, type Stream } from "effect"
import type { InvalidInput } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** A file that a query sees as a table. */
export interface FileTable {
  /** Letters, digits and `_`. */
  readonly name: string
  readonly path: string
  readonly format: "csv" | "tsv" | "json" | "parquet"
  /** The file is compressed with gzip. */
  readonly gzip: boolean
}

/** The rows of a query. */
export interface SqlResult {
  /** Names, each once, in order. */
  readonly columns: ReadonlyArray<string>
  readonly count: number
  /**
   * Rows as values of JSON: numbers, also wide ones, at the precision of a double; times ISO 8601 in UTC with milliseconds; what is no number is null.
   * Memory does not grow with the result.
   */
  readonly rows: Stream.Stream<ReadonlyArray<unknown>, RegistryError | InvalidInput>
}

/** Running SQL on a registry, read-only. */
export class SqlAccess extends Context.Service<SqlAccess, {
  /**
   * Runs one SELECT that sees the views, and these files as tables; nothing else can be read or written. The registry is held while the query runs, not while
   * its result is read. What is wrong with the query is `InvalidInput`.
   */
  readonly query: (sql: string, tables: ReadonlyArray<FileTable>) => Effect.Effect<SqlResult, RegistryError | InvalidInput, Scope.Scope>
}>()("@sheaf/core/SqlAccess") {}
