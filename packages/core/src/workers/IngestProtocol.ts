/**
 * What the ingesting thread and its workers say to each other. Paths and names are latin1 strings of their bytes, so nothing is lost and a
 * message is one copy of memory.
 */
import type { HashAlgorithm } from "../domain/ContentHash.ts"
import type { IngestFailure, IngestSkip } from "../domain/IngestReport.ts"
import type { PartDigests, PartSizes } from "../domain/ObjectParts.ts"
import type { ThreadKeyPolicy } from "./KeyPolicyRules.ts"
import type { StatCacheIndex } from "./StatCache.ts"

/** Slots of one worker in the shared progress numbers (a Float64Array). */
export const PROGRESS_SLOTS = 4
/** files done · bytes done · files met · unused */
export const PROGRESS = { files: 0, bytes: 1, met: 2 } as const

/** Values of the shared stop flag (an Int32Array of one). */
export const STOP = { no: 0, afterCurrentFiles: 1, now: 2 } as const

export interface WorkerSetup {
  /** Number of this worker, from 0. */
  readonly worker: number
  readonly algorithm: HashAlgorithm
  readonly compositeSuffixes: ReadonlyArray<string>
  readonly keyPolicy: ThreadKeyPolicy
  readonly progress: SharedArrayBuffer
  readonly stop: SharedArrayBuffer
  readonly statCache: StatCacheIndex
  /** Where this worker puts its segment, and its name; null when nothing is to be remembered. */
  readonly segment: { readonly folder: string; readonly name: string } | null
}

/** What is being ingested; told to a worker before the first task of the source. */
export interface WorkerSource {
  readonly type: "source"
  /** Absolute path of the directory. */
  readonly directory: string
  /** "" or a text that ends in `/`. */
  readonly keyPrefix: string
  /** Where objects are copied to; null to register in place. */
  readonly copyTo: { readonly rootPath: string; readonly intents: string } | null
  /** In which parts objects will be sent afterwards; null where they are not. */
  readonly parts: PartSizes | null
  readonly exclude: ReadonlyArray<string>
  /** Directories below that belong to other storage roots. */
  readonly otherRoots: ReadonlyArray<string>
  readonly followSymlinks: boolean
  /** Open every file, whatever the stat cache says. */
  readonly rehash: boolean
  /** Files found in the stat cache are registered for certain: they are counted and make no rows. */
  readonly trustCache: boolean
  /** Read and hash only: nothing is copied. */
  readonly dryRun: boolean
}

/**
 * A piece of the walk. `entries` null lists the directory first; otherwise they are the entries still to do, in order, joined by `/`, each with
 * its kind in front: `f` file, `d` directory, `l` symlink, `b` broken symlink, `o` other, `c` a file to be copied whatever the stat cache says.
 */
export interface WorkerTask {
  readonly type: "task"
  readonly id: number
  /** Directory relative to the source, "" for the source itself. */
  readonly directory: string
  readonly entries: string | null
  /** The entries are one large file that was put off so that several workers can share a directory of large files. */
  readonly large: boolean
  /** Real paths (device:inode) of the directories above, when symlinks are followed: for loop detection. */
  readonly above: ReadonlyArray<string>
}

export type ToWorker = WorkerSource | WorkerTask | { readonly type: "finish" }

/** Digests of the parts of a file, by its path as in its row. */
export interface FileParts {
  readonly rel: string
  readonly parts: PartDigests
}

/** Pieces of a finished task in walk order: rows for the staging file, and tasks still to do. */
export type TaskPart =
  | { readonly type: "rows"; readonly tsv: Uint8Array; readonly rows: number; readonly partDigests?: ReadonlyArray<FileParts> }
  | { readonly type: "todo"; readonly directory: string; readonly entries: string | null; readonly large: boolean; readonly above: ReadonlyArray<string> }

export interface TaskDone {
  readonly type: "done"
  readonly id: number
  readonly parts: ReadonlyArray<TaskPart>
  readonly failures: ReadonlyArray<IngestFailure>
  readonly skips: ReadonlyArray<IngestSkip>
  /** Groups of paths that differ only in case or Unicode form. */
  readonly clashes: ReadonlyArray<ReadonlyArray<string>>
  /** Bytes of files that were hashed or recognised. */
  readonly bytes: number
  /** Files recognised without being opened. */
  readonly unopened: number
  /** Of those, the ones that made no row. */
  readonly unchanged: number
}

export type FromWorker =
  | TaskDone
  /** The storage root cannot be written: no file's fault, so the run ends. */
  | { readonly type: "fatal"; readonly key: string; readonly code: string; readonly message: string }
  | { readonly type: "finished" }
