/**
 * A batch of saves in a staging file: how ingest hands hundreds of thousands of files to the registry without touching each in the main thread.
 *
 * The file is UTF-8 text, a row a line, columns separated by tabs, `\N` for null, no quoting: no column can contain a tab or a newline, since paths
 * are in the escaped form of `domain/FileName`. Rows are in save order. Columns:
 *
 * | column | what |
 * |---|---|
 * | status | `o` content to save · `f` failed · `s` skipped |
 * | rel | path relative to the ingested directory, escaped |
 * | hash, hash_type, size, suffix | of the content; size in bytes |
 * | uid | candidate uid |
 * | object_key | place of the copied object; null for files in place, and for a file recognised as unchanged without being opened or copied |
 * | code, message | of a failed or skipped file |
 */
import type { DuplicatePolicy, Outcome } from "./SaveDecision.ts"

export const STAGING_COLUMNS = ["status", "rel", "hash", "hash_type", "size", "suffix", "uid", "object_key", "code", "message"] as const

export interface StagedBatch {
  /** Absolute path of the staging file. */
  readonly file: string
  readonly rows: number
  /** Uid of the storage root. */
  readonly root: string
  /** Put before `rel` to make the key: "" or a text that ends in `/`; with `rel` "" the key is `keyPrefix` itself. */
  readonly keyPrefix: string
  /** Files are registered where they stand: their object key is this text followed by `rel`. Null when objects were copied. */
  readonly inPlacePrefix: string | null
  readonly onDuplicate: DuplicatePolicy
  readonly account: string | null
  readonly run: string | null
  /** Decide and report, change nothing. */
  readonly dryRun: boolean
  /** Whether `items` is wanted. */
  readonly wantItems: boolean
  /**
   * A managed object whose artifact became a new version belongs at another place than the candidate uid gave it. Called before anything is
   * committed with all such moves; gives the place of each object, in order. Null when places do not follow from the uid.
   */
  readonly relocate: ((moves: ReadonlyArray<Relocation>) => Promise<ReadonlyArray<string>>) | null
}

export interface Relocation {
  readonly from: string
  readonly uid: string
  readonly suffix: string
  readonly hash: string
  readonly key: string | null
}

export interface PublishedItem {
  readonly rel: string
  readonly outcome: Outcome | "skipped" | "failed"
  readonly key: string | null
  readonly uid: string | null
  readonly hash: string | null
  readonly size: number | null
  readonly code: string | null
  readonly message: string | null
}

export interface PublishedBatch {
  readonly counts: Readonly<Record<Outcome, number>>
  /** Rows refused by policy `error`. */
  readonly duplicates: ReadonlyArray<{ readonly rel: string; readonly uid: string }>
  /** Managed objects that no row needed, to be deleted by the caller. */
  readonly superfluous: ReadonlyArray<string>
  /** Rows whose content is needed but was not copied: the caller copies these files and publishes them again. They are in no count and no item. */
  readonly needContent: ReadonlyArray<string>
  /** In row order, failed and skipped rows included; empty unless asked for. */
  readonly items: ReadonlyArray<PublishedItem>
}
