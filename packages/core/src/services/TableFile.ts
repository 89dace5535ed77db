/**
 * The result of a query as a file: complete before it gets its name.
 */
import { closeSync, openSync, realpathSync, statSync, unlinkSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { FileError, InvalidInput } from "../domain/SheafError.ts"
import { fromUserPath } from "../domain/FileName.ts"
import { randomBase62 } from "../domain/Uid.ts"
import type { Queries, QueryError, TableFormat } from "../ports/Queries.ts"
import { place } from "./FileCopy.ts"
import { INSTANCE_FOLDER } from "./Instance.ts"
import type { Query } from "./Query.ts"

/** How to write the file. */
export interface TableFileOptions {
  /** Default: by the ending of the path, `.csv` or `.parquet`. */
  readonly format?: TableFormat
  /** Replace the file that stands there. */
  readonly overwrite?: boolean
}

/** The file that was written. */
export interface TableFile {
  /** Absolute. */
  readonly path: string
  readonly rows: number
  /** Size of the file. */
  readonly bytes: number
}

/** Writes the result of a query as CSV or Parquet, in the query's order. Rows do not pass through this program: the engine writes them. */
export const writeTableFile = (
  query: Query,
  path: string,
  { format, overwrite = false }: TableFileOptions = {}
): Effect.Effect<TableFile, QueryError | InvalidInput | FileError, Queries> =>
  Effect.gen(function*() {
    const chosen = format ?? formatOf(path)
    if (chosen === null) return yield* new InvalidInput({ what: path, reason: "its ending names no format", advice: "End it in .csv or .parquet, or say which with --format (format in the library)." })
    const target = yield* planTarget(path, overwrite)
    const temporary = join(dirname(target), `.${randomBase62(12)}.part`)
    return yield* Effect.acquireUseRelease(
      // Made here first, so that a folder that cannot be written is told as what it is.
      attempt(path, () => closeSync(openSync(temporary, "wx"))),
      () =>
        Effect.gen(function*() {
          const rows = yield* query.writeTable(chosen, temporary)
          const bytes = yield* attempt(path, () => statSync(temporary).size)
          yield* place(fromUserPath(temporary), fromUserPath(target), path, overwrite)
          return { path: target, rows, bytes }
        }),
      () => Effect.sync(() => {
        try {
          unlinkSync(temporary)
        } catch {
          // It has its name.
        }
      })
    )
  })

/** By the ending of a path; null for any other. */
const formatOf = (path: string): TableFormat | null => (/\.csv$/i.test(path) ? "csv" : /\.parquet$/i.test(path) ? "parquet" : null)

const attempt = <A>(path: string, run: () => A): Effect.Effect<A, FileError | InvalidInput> =>
  Effect.try({
    try: run,
    catch: (error) =>
      error instanceof InvalidInput ? error : new FileError({ path, operation: "cannot write", code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" })
  })

const planTarget = (path: string, overwrite: boolean): Effect.Effect<string, FileError | InvalidInput> =>
  attempt(path, () => {
    const absolute = resolve(path)
    const folder = realpathSync(dirname(absolute))
    if (folder.split("/").includes(INSTANCE_FOLDER)) {
      throw new InvalidInput({ what: path, reason: `lies in a folder ${INSTANCE_FOLDER}, which holds the registry's own files`, advice: "Name another place." })
    }
    const target = join(folder, basename(absolute))
    const found = statSync(target, { throwIfNoEntry: false })
    if (found === undefined) return target
    if (!found.isFile()) throw new InvalidInput({ what: path, reason: "is not a regular file, so it is not replaced", advice: "Name another file." })
    if (!overwrite) throw new InvalidInput({ what: path, reason: "exists already", advice: "Nothing was changed. Replace it with --force (overwrite: true in the library), or name another file." })
    // What a symbolic link points at is replaced, not the link.
    return realpathSync(target)
  })
