/**
 * Port: tables as files of a format that needs an engine, which is Parquet. Reference implementation: `layers/DuckDbTableFiles`.
 */
import { Context, Data, type Effect } from "effect"
import type { TableColumn } from "../domain/TableColumns.ts"

/** A value as a Parquet file can hold it: whole numbers are numbers where all of their column are exact as such, else bigints; moments and days are dates. */
export type TableValue = string | number | bigint | boolean | Date | null | Uint8Array | ReadonlyArray<TableValue> | { readonly [field: string]: TableValue }

/** A row of a table file, by the names of its columns. */
export type TableRow = Readonly<Record<string, TableValue>>

/** A file that could not be written or read, in words without its path or content. */
export class TableFileFailure extends Data.TaggedError("TableFileFailure")<{
  readonly reason: string
  /** What the operating system said, such as ENOSPC, when the failure is about the disk and not about the table. */
  readonly code: string | null
  readonly cause: unknown
}> {}

/** The engine that writes and reads them. It touches no registry. */
export class TableFiles extends Context.Service<TableFiles, {
  /** Writes columns of equal length as a Parquet file, which is replaced. The same columns give the same bytes. */
  readonly writeParquet: (columns: ReadonlyArray<TableColumn>, path: string) => Effect.Effect<void, TableFileFailure>
  /** The rows of a Parquet file, in order. */
  readonly readParquet: (path: string) => Effect.Effect<ReadonlyArray<TableRow>, TableFileFailure>
}>()("@sheaf/core/TableFiles") {}
