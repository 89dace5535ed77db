/**
 * Staging files for tests: batches as ingest would write them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { STAGING_COLUMNS, type StagedBatch } from "../domain/StagedBatch.ts"
import { randomUid } from "../domain/Uid.ts"
import type { PublishedBatch } from "../domain/StagedBatch.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import { hashOf, rootUid } from "./RegistryExamples.ts"

/** A row of a staging file: content to save, by default with an object of its own, or a file that was skipped or failed. */
export type StagedExample =
  | { readonly rel: string; readonly content: string; readonly uid?: string; readonly objectKey?: string | null }
  | { readonly rel: string; readonly status: "f" | "s"; readonly code: string; readonly message: string }

/** Where {@link publishExample} says the object of a row stands that names no place. */
export const placeOf = (uid: string): string => `.sheaf/${uid.slice(0, 2)}/${uid}.csv`

const lineOf = (row: StagedExample, managed: boolean): string => {
  const columns: Partial<Record<(typeof STAGING_COLUMNS)[number], string | null>> = "content" in row
    ? contentColumns(row, managed)
    : { status: row.status, rel: row.rel, code: row.code, message: row.message }
  return STAGING_COLUMNS.map((column) => columns[column] ?? "\\N").join("\t") + "\n"
}

const contentColumns = ({ content, objectKey, rel, uid = randomUid("artifact") }: Extract<StagedExample, { readonly content: string }>, managed: boolean) => ({
  status: "o", rel, hash: hashOf(content), hash_type: "md5", size: String(Buffer.byteLength(content)), suffix: ".csv", uid,
  object_key: managed ? (objectKey === undefined ? placeOf(uid) : objectKey) : null
})

/** Publishes rows as one batch, in place in root 1 with key = path unless `more` says otherwise. */
export const publishExample = (
  registry: Registry["Service"],
  rows: ReadonlyArray<StagedExample>,
  more: Partial<StagedBatch> = {}
): Effect.Effect<PublishedBatch, RegistryError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-staging-"))),
    (folder) => {
      const batch: StagedBatch = {
        file: join(folder, "batch.tsv"), rows: rows.length, root: rootUid(1), keyPrefix: "", inPlacePrefix: "", onDuplicate: "alias", account: null, run: null,
        dryRun: false, wantItems: true, relocate: null, ...more
      }
      writeFileSync(batch.file, rows.map((row) => lineOf(row, batch.inPlacePrefix === null)).join(""))
      return registry.publish(batch)
    },
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
