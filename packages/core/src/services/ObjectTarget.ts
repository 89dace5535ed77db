/**
 * Where an ingest puts the objects of files that it copies: between the bytes of a batch and its rows, whatever the kind of storage.
 */
import type { IngestFailure } from "../domain/IngestReport.ts"
import type { PartSizes } from "../domain/ObjectParts.ts"
import type { Relocation } from "../domain/StagedBatch.ts"
import type { WorkerSource } from "../workers/IngestProtocol.ts"
import type { StagingFile } from "./StagingFiles.ts"

/** Files of a batch whose content has to be stored by the target. */
export interface WantedContent {
  /** The staging file that their rows are in. */
  readonly staging: StagingFile
  /** Their paths, in row order. */
  readonly rels: ReadonlyArray<string>
  /** Equal content is stored once. */
  readonly once: boolean
}

/** Publishes some rows; `failures` are those among them that could not be stored. */
export type PublishPart = (part: StagingFile, failures: ReadonlyArray<IngestFailure>) => Promise<void>

export interface ObjectTarget {
  /** Where worker threads copy to while they hash; null when they only hash and {@link store} does the rest. */
  readonly copyTo: WorkerSource["copyTo"]
  /** In which parts {@link store} sends large files, where digests of them made beforehand are of use. */
  readonly parts: PartSizes | null
  /**
   * Stores the content of files, and hands on rows that name the objects, part by part in row order, while further content is being stored; last those whose
   * content was stored for another file. Null when worker threads copy.
   */
  readonly store: ((wanted: WantedContent, publish: PublishPart) => Promise<void>) | null
  /** Content that {@link store} was asked for and has not stored yet; bytes. */
  readonly waiting: { readonly files: number; readonly bytes: number }
  /** Gives the objects of new versions the names that their uids ask for; null when they keep theirs. */
  readonly relocate: ((moves: ReadonlyArray<Relocation>) => Promise<ReadonlyArray<string>>) | null
  /** Makes everything stored so far durable. */
  readonly flush: () => Promise<void>
  /** Removes objects that no row needed. */
  readonly discard: (objectKeys: ReadonlyArray<string>) => Promise<void>
  /** Ends {@link store} early: after the content that is on its way, or at once. */
  readonly stop: (how: "afterCurrentFiles" | "now") => void
  /** Every object is either in the registry or gone. */
  readonly close: () => void
  /** After a failure: what was stored and not published is taken away again. */
  readonly abandon: () => Promise<void>
}
