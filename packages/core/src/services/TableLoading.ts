/**
 * Content of a format that an engine reads from a file, as rows.
 */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CannotLoad, type Damaged, FileError, type NoGoodLocation } from "../domain/SheafError.ts"
import type { TableFiles, TableRow } from "../ports/TableFiles.ts"
import type { CopyReader, CopySet } from "./CopyReader.ts"
import { copyToFile } from "./FileCopy.ts"

/** The rows of a Parquet file. Its bytes are compared with the hash while they are copied to where the engine reads them. */
export const loadTable = (reader: CopyReader, set: CopySet, tables: TableFiles["Service"]): Effect.Effect<ReadonlyArray<TableRow>, CannotLoad | NoGoodLocation | Damaged> =>
  Effect.acquireUseRelease(
    Effect.try({
      try: () => mkdtempSync(join(tmpdir(), "sheaf-load-")),
      catch: (error) => new FileError({ path: tmpdir(), operation: "cannot write in", code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" })
    }),
    (folder) => Effect.flatMap(copyToFile(reader, set, join(folder, "table"), false), ({ path }) => tables.readParquet(path)),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ).pipe(Effect.catchTag(["FileError", "InvalidInput", "TableFileFailure"], (error) => {
    const { suffix, uid } = set.artifact
    return Effect.fail(new CannotLoad({ uid, suffix, reason: error._tag === "TableFileFailure" ? `it is not valid Parquet data: ${error.reason}` : error.message }))
  }))
