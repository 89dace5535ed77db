/**
 * What the main thread and the worker threads of a verification tell each other.
 *
 * Copies travel in batches, each batch as one text, a line a copy: object key, size, hash type and hash, separated by tabs. Object keys are in the escaped
 * form of `domain/FileName`, so that no field contains a tab or a newline.
 */

/** Numbers a worker counts in shared memory while it works: copies looked at, bytes read. */
export const PROGRESS_SLOTS = 2

export interface VerifySetup {
  readonly worker: number
  /** Float64: {@link PROGRESS_SLOTS} for each worker. */
  readonly progress: SharedArrayBuffer
  /** Int32: 1 to give up. */
  readonly stop: SharedArrayBuffer
}

export interface VerifyTask {
  readonly id: number
  /** Absolute path of the root with symlinks resolved, as a latin1 string of its bytes; "" for `/`. */
  readonly base: string
  readonly copies: string
}

/** What is there instead of the expected bytes. */
export type VerifyFinding =
  /** `found` is the hash of the bytes that are there, by the recorded type. */
  | { readonly at: number; readonly type: "damaged"; readonly found: string }
  | { readonly at: number; readonly type: "missing" }
  /** Whether the copy is good could not be found out; `code` is the operating system's, such as `EACCES`, or `FileChanged`, `OutsideRoot`, `Stopped`. */
  | { readonly at: number; readonly type: "unread"; readonly code: string; readonly reason: string }
  /** Only its size could be compared: its hash is not made from its bytes. */
  | { readonly at: number; readonly type: "size only" }

export interface VerifyAnswer {
  readonly id: number
  /** Of copies that are not simply good, by their place in the batch. */
  readonly findings: ReadonlyArray<VerifyFinding>
}
