/**
 * What ingest tells while it works and when it is done. Field names are those of the machine interface.
 */
import type { Outcome } from "./SaveDecision.ts"

/** Files by outcome. */
export interface IngestCounts extends Readonly<Record<Outcome, number>> {
  /** Files met: the sum of all the others. */
  readonly files: number
  readonly skipped: number
  readonly failed: number
}

/** Why a file was not looked at. */
export type SkipReason = "symlink" | "special file" | "excluded" | "symlink loop" | "broken symlink" | "nested instance"

/** A file that was not registered, and why. */
export interface IngestFailure {
  readonly path: string
  /** Code of the error, such as `FileChanged`, `InvalidKey`, or the operating system's, such as `EACCES`. */
  readonly code: string
  readonly message: string
}

/** An entry that was left alone, and why. */
export interface IngestSkip {
  readonly path: string
  readonly reason: string
}

/** Something worth knowing that is not a failure. */
export interface IngestWarning {
  /**
   * `PortabilityClash`: paths that differ only in case or Unicode form, which some file systems take for one. `SimilarName`: a label that was made has
   * nearly the name of another one. `CollectionNotMade`: it would not have been of all files. `KeyNormalized`: the prefix was not in the normal form of keys
   * and was changed.
   */
  readonly code: "PortabilityClash" | "SimilarName" | "CollectionNotMade" | "KeyNormalized"
  readonly message: string
  readonly paths: ReadonlyArray<string>
}

/** What an ingest did, the last of its events; what `--json` prints. */
export interface IngestSummary {
  readonly counts: IngestCounts
  /** Of the files whose content is registered now. */
  readonly bytes: number
  readonly seconds: number
  readonly filesPerSecond: number
  /** Name of the collection made of the ingested set, or null. */
  readonly collection: string | null
  readonly collectionUid: string | null
  /** Names of the labels that all files have now. */
  readonly labels: ReadonlyArray<string>
  readonly failures: ReadonlyArray<IngestFailure>
  readonly skips: ReadonlyArray<IngestSkip>
  readonly warnings: ReadonlyArray<IngestWarning>
  /** Stopped by the user before every file was reached; running again finishes. */
  readonly interrupted: boolean
  readonly dryRun: boolean
  /** Where the files are: registered where they stand, or copied. */
  readonly mode: "in-place" | "managed"
  /** URL of the storage root. */
  readonly storage: string
  /** The key prefix used: "" or without trailing `/`. */
  readonly keyPrefix: string
  /** Files that were recognised as unchanged without being opened. */
  readonly unopened: number
}

/** What an ingest tells: each file, how far it has come, and at the end what it did. */
export type IngestEvent =
  | {
    readonly type: "item"
    readonly path: string
    readonly outcome: Outcome | "skipped" | "failed"
    readonly key: string | null
    readonly uid: string | null
    readonly hash: string | null
    readonly size: number | null
    /** Of a skipped file. */
    readonly reason?: string
    /** Of a failed file. */
    readonly error?: { readonly code: string; readonly message: string }
  }
  | {
    readonly type: "progress"
    readonly files: number
    readonly bytes: number
    /** Met so far; final only when `walked`. */
    readonly totalFiles: number
    readonly totalBytes: number
    readonly walked: boolean
  }
  | ({ readonly type: "summary" } & IngestSummary)
