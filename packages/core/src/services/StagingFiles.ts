/**
 * Rows of an ingest that wait to be published, in staging files of about a batch each (see `domain/StagedBatch`).
 */
import { closeSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { PartDigests } from "../domain/ObjectParts.ts"
import type { FileParts } from "../workers/IngestProtocol.ts"

/** A batch is published from this many rows on: few enough that the registry is held for well under a second. */
export const BATCH_ROWS = 25_000

/** A staging file that is complete. */
export interface StagingFile {
  /** Absolute path. */
  readonly file: string
  readonly rows: number
  /** Of the files that will be sent in parts, where they are known: digests of the parts, by path. */
  readonly partDigests: ReadonlyMap<string, PartDigests>
}

export class StagingFiles {
  readonly #folder: string
  readonly #limit: number
  /** In row order; rows are added to the last. */
  readonly #open: Array<{ readonly file: string; readonly fd: number; rows: number; readonly partDigests: Map<string, PartDigests> }> = []
  #made = 0
  #rows = 0

  /** The folder has to exist. A file takes rows until it has `limit` of them. */
  constructor(folder: string, limit: number) {
    this.#folder = folder
    this.#limit = limit
  }

  /** Rows that wait. */
  get rows(): number { return this.#rows }

  add(tsv: Uint8Array, rows: number, partDigests: ReadonlyArray<FileParts> = []): void {
    let staging = this.#open.at(-1)
    if (staging === undefined || staging.rows >= this.#limit) {
      const file = this.newPath()
      staging = { file, fd: openSync(file, "wx"), rows: 0, partDigests: new Map() }
      this.#open.push(staging)
    }
    let written = 0
    while (written < tsv.length) written += writeSync(staging.fd, tsv, written)
    staging.rows += rows
    for (const { parts, rel } of partDigests) staging.partDigests.set(rel, parts)
    this.#rows += rows
  }

  /** The oldest file, which is the caller's from now on; there must be rows. */
  take(): StagingFile {
    const { fd, file, partDigests, rows } = this.#open.shift()!
    closeSync(fd)
    this.#rows -= rows
    return { file, rows, partDigests }
  }

  /** A path for a further file of this ingest. */
  newPath(): string {
    return join(this.#folder, `batch-${this.#made++}.tsv`)
  }
}
