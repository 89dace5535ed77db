/**
 * Content that is in memory: what can be saved without a file.
 */

/** A value of a row. A `Date` is a moment, written as ISO 8601 in UTC or as the time of the format; undefined is null. */
export type Cell = string | number | bigint | boolean | Date | null | undefined

/** A row of a table, by the names of its columns. */
export type Row = { readonly [field: string]: Cell }

/** What JSON can hold. A `bigint` is written with all its digits, a `Date` as ISO 8601 in UTC; a property that is undefined is left out. */
export type Json = string | number | bigint | boolean | Date | null | ReadonlyArray<Json> | { readonly [property: string]: Json | undefined }

/** Rows, whose columns are all the fields that come in them, in the order in which these come first. Names of types (`interface`) are accepted. */
export interface RowsContent<R extends object = Row> {
  readonly rows: ReadonlyArray<R>
}

/** One value for a JSON document. */
export interface JsonContent<T = Json> {
  readonly json: T
}

/** Bytes that come piece by piece, as from a pipe. They go through a file in the instance's cache folder, not through memory. */
export interface StreamContent {
  readonly stream: AsyncIterable<Uint8Array>
}

/** Bytes; text, stored as UTF-8; rows; a JSON value; or a stream of bytes. What rows and JSON become is decided by the suffix of the key. */
export type Content = Uint8Array | string | RowsContent | JsonContent | StreamContent

/** `R` when every field of it is a {@link Cell}; the fields that are not become `never`, so that the compiler names them. */
export type FlatRow<R> = { readonly [F in keyof R]: R[F] extends Cell ? R[F] : never }

/** `T` when JSON can hold it; what it cannot hold becomes `never`, so that the compiler names it. */
export type Jsonable<T> =
  T extends string | number | bigint | boolean | Date | null | undefined ? T
  : T extends (...args: never) => unknown ? never
  : T extends symbol ? never
  : T extends object ? { readonly [P in keyof T]: Jsonable<T[P]> }
  : never

/** What is wrong with content, and where. It never quotes the content. */
export class ContentProblem extends Error {
  /** From 1; null when it is not about a row. */
  readonly row: number | null
  /** A column, or the way to a value inside of JSON; null when it is about the whole. */
  readonly field: string | null
  /** Without the place. */
  readonly reason: string
  constructor(row: number | null, field: string | null, reason: string) {
    super(reason)
    this.row = row
    this.field = field
    this.reason = reason
  }
}

/** What a value is, in words, without the value. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (value === undefined) return "undefined"
  if (typeof value === "number") return Number.isNaN(value) ? "NaN" : Number.isFinite(value) ? "a number" : "an infinite number"
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "a date that is none" : "a date"
  if (Array.isArray(value)) return "an array"
  if (typeof value !== "object") return `a ${typeof value}`
  const name = Object.prototype.toString.call(value).slice("[object ".length, -1)
  return name === "Object" ? "an object" : `a ${name}`
}

/** Whether a text can be written as UTF-8: a lone surrogate cannot. */
export const isUnicode = (text: string): boolean => text.isWellFormed()
