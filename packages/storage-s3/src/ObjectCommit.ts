/**
 * The request that makes an object visible, and what became of it when its answer is lost.
 *
 * Each object carries a mark in its metadata, `x-amz-meta-sheaf-write`, which is another one for each write. After a failure that leaves it open whether the store did
 * what it was asked to, the mark of the object that stands there tells. A write that is tried again after such a failure goes on with its mark: it then recognises the
 * object that it made, where the store says that one exists.
 */
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3"
import { randomBase62 } from "@sheaf/core/domain/Uid"
import type { StorageError, StorageErrorKind, WriteOptions } from "@sheaf/core/ports/Storage"
import { asEtag, type Bucket, versionOf } from "./Bucket.ts"
import { head, isKeyed } from "./ObjectReading.ts"
import { failure } from "./S3Failure.ts"

/** The name of the mark in an object's metadata. */
export const MARK = "sheaf-write"

/** A write that is to become visible. */
export interface Commit {
  readonly operation: string
  readonly key: string
  readonly name: string
  readonly mode: WriteOptions["mode"]
  readonly mark: string
  /** Bytes. */
  readonly size: number
  /** MD5 of the content in hex, or null for an object of several parts. */
  readonly md5: string | null
}

/** After these it is open what the store did. */
const OPEN: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>(["Unavailable", "Timeout", "Unexpected"])

/** Whether the store may have done what this failure was the answer to. */
export const isOutcomeOpen = ({ kind }: StorageError): boolean => OPEN.has(kind)

/** Marks kept for writes that may be tried again. */
const KEPT = 1_000

export class WriteMarks {
  /** By name of the object. */
  readonly #open = new Map<string, string>()

  /** The mark of a write that begins. */
  next(name: string): string {
    return this.#open.get(name) ?? randomBase62(20)
  }

  settled(name: string): void {
    this.#open.delete(name)
  }

  /** What became of the write is not known. */
  keep(name: string, mark: string): void {
    if (this.#open.size >= KEPT) this.#open.delete(this.#open.keys().next().value!)
    this.#open.set(name, mark)
  }
}

/** The conditions of a write, for its last request. */
export const conditionsOf = (mode: WriteOptions["mode"]): { readonly IfNoneMatch?: string; readonly IfMatch?: string } =>
  mode === "create" ? { IfNoneMatch: "*" } : mode === "replace" ? {} : { IfMatch: asEtag(mode.ifMatch) }

/** Does the last request of a write; gives the version of the object. */
export const commit = async (bucket: Bucket, marks: WriteMarks, write: Commit, run: () => Promise<{ readonly ETag?: string | undefined }>): Promise<string | null> => {
  const { key, mark, name, operation } = write
  try {
    const version = versionOf((await bucket.call(operation, key, run)).ETag)
    if (version === null) throw failure("Unexpected", operation, key, "the store did not say which version it made", true)
    marks.settled(name)
    return version
  } catch (error) {
    const problem = error as StorageError
    const isRefused = problem.kind === "PreconditionFailed"
    // An upload that the store does not know may be one that it has completed.
    const isOpen = isOutcomeOpen(problem) || problem.kind === "NotFound"
    if (!isRefused && !isOpen) throw problem
    const found = await standing(bucket, write)
    if (found !== "unknown" && found !== null && isOurs(found, write)) {
      marks.settled(name)
      return versionOf(found.ETag)
    }
    if (write.mode === "create" && (isRefused || (found !== "unknown" && found !== null))) throw exists(operation, key)
    // In no other mode is a missing object a reason to refuse.
    if (problem.kind === "NotFound" && typeof write.mode !== "string") throw failure("PreconditionFailed", operation, key, "there is no object to be replaced")
    if (isOpen) marks.keep(name, mark)
    throw problem.kind === "NotFound" ? failure("Unavailable", operation, key, "the store does not know the upload any more") : problem
  }
}

/** That something stands at the place of a new object. */
export const exists = (operation: string, key: string): StorageError => failure("AlreadyExists", operation, key, "an object stands at that place")

/** What stands at the place of a write now; `unknown` when that cannot be found out. */
const standing = async (bucket: Bucket, { key, name, operation }: Commit): Promise<HeadObjectCommandOutput | null | "unknown"> => {
  try {
    return await head(bucket, operation, key, name)
  } catch (error) {
    return (error as StorageError).kind === "NotFound" ? null : "unknown"
  }
}

const isOurs = (found: HeadObjectCommandOutput, { mark, md5, size }: Commit): boolean => {
  if (found.Metadata?.[MARK] !== mark || found.ContentLength !== size) return false
  const etag = versionOf(found.ETag) ?? ""
  const isPlain = /^[0-9a-f]{32}$/.test(etag) && !isKeyed(found)
  return md5 === null || !isPlain || etag === md5
}
