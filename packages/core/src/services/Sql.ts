/**
 * SQL over the registry's documented views, and over the content of artifacts.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FileError, InvalidInput } from "../domain/SheafError.ts"
import { type FileTable, SqlAccess, type SqlResult } from "../ports/SqlAccess.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { Artifacts, type ResolveError } from "./Artifacts.ts"
import { Reading, type ReadingError } from "./Reading.ts"

/** A query, and what it may read beside the views. */
export interface SqlRequest {
  readonly query: string
  /** Artifacts whose content the query sees as tables: name of the table, and a reference. CSV, TSV, JSON, NDJSON and Parquet, the first four also with gzip. */
  readonly tables?: Readonly<Record<string, string>>
}

/** What a query can fail with; a mistake in it is `InvalidInput`. */
export type SqlError = RegistryError | ResolveError | ReadingError | InvalidInput | FileError

/** SQL over the registry, read-only. */
export class Sql extends Context.Service<Sql, {
  /** Runs one SELECT. It can read the views and the tables that are named, and nothing else; it can write nothing. */
  readonly query: (request: SqlRequest) => Effect.Effect<SqlResult, SqlError, Scope.Scope>
}>()("@sheaf/core/Sql") {
  static readonly layer: Layer.Layer<Sql, never, SqlAccess | Artifacts | Reading> = Layer.effect(
    Sql,
    Effect.gen(function*() {
      const access = yield* SqlAccess
      const artifacts = yield* Artifacts
      const reading = yield* Reading
      const fileOf = (name: string, reference: string, folder: string): Effect.Effect<FileTable, SqlError> =>
        Effect.gen(function*() {
          if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) {
            return yield* new InvalidInput({ what: `table ${name}`, reason: "is no name of a table", advice: "Use letters, digits and _, a letter first." })
          }
          const artifact = yield* artifacts.get(reference)
          const found = formatOf(artifact.suffix)
          if (found === null) {
            return yield* new InvalidInput({
              what: `table ${name}`, reason: `${artifact.key ?? artifact.uid} has the suffix "${artifact.suffix}", which is no table`, advice: `Tables are ${Object.keys(FORMATS).join(", ")}.`
            })
          }
          const { path } = yield* reading.copyTo(artifact, join(folder, name))
          return { name, path, ...found }
        })
      return Sql.of({
        query: Effect.fn("Sql.query")(function*({ query, tables = {} }: SqlRequest) {
          const named = Object.entries(tables)
          if (named.length === 0) return yield* access.query(query, [])
          // The bytes are compared with their hashes while they are copied here, from whatever root they are in.
          return yield* Effect.acquireUseRelease(
            Effect.try({
              try: () => mkdtempSync(join(tmpdir(), "sheaf-sql-")),
              catch: (error) => new FileError({ path: tmpdir(), operation: "cannot write in", code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" })
            }),
            (folder) => Effect.flatMap(Effect.forEach(named, ([name, reference]) => fileOf(name, reference, folder)), (files) => access.query(query, files)),
            (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
          )
        })
      })
    })
  )
}

const FORMATS: Readonly<Record<string, FileTable["format"]>> = { ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet" }

const formatOf = (suffix: string): Pick<FileTable, "format" | "gzip"> | null => {
  const lower = suffix.toLowerCase()
  const gzip = lower.endsWith(".gz")
  const format = FORMATS[gzip ? lower.slice(0, -".gz".length) : lower]
  return format === undefined || (gzip && format === "parquet") ? null : { format, gzip }
}
