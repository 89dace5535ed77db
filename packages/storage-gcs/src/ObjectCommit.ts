/**
 * The request that makes an object visible, and what became of it when its answer is lost.
 *
 * Each object carries a mark in its metadata, `sheaf-write`, which is another one for each write. After a failure that leaves it open whether the store did what it was
 * asked to, the mark of the object that stands there tells. A write that is tried again after such a failure goes on with its mark: it then recognises the object that it
 * made, where the store says that one exists.
 */
import { randomBase62 } from "@sheaf/core/domain/Uid"
import type { StorageError, StorageErrorKind, WriteOptions } from "@sheaf/core/ports/Storage"
import { type Bucket, isGeneration, type ObjectResource, versionOf } from "./Bucket.ts"
import { described, failure, RefusedRequest } from "./GcsFailure.ts"
import { lookAt } from "./ObjectReading.ts"

/** The name of the mark in an object's metadata. */
export const MARK = "sheaf-write"

export interface WriteTarget {
  readonly operation: string
  readonly key: string
  readonly name: string
  readonly mode: WriteOptions["mode"]
}

/** A write that is to become visible. */
export interface Commit extends WriteTarget {
  readonly mark: string
  /** Bytes. */
  readonly size: number
  /** MD5 of the content in base64, or null where it is not known. */
  readonly md5: string | null
}

/** After these it is open what the store did. */
const OPEN: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>(["Unavailable", "Timeout", "Unexpected"])
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

/** The precondition of a write. Throws for a version that no object can have. */
export const conditionOf = ({ key, mode, operation }: WriteTarget): { readonly ifGenerationMatch?: string } => {
  if (mode === "create") return { ifGenerationMatch: "0" }
  if (mode === "replace") return {}
  if (!isGeneration(mode.ifMatch)) throw failure("PreconditionFailed", operation, key, "the object is not the one that was meant")
  return { ifGenerationMatch: mode.ifMatch }
}

/** Does the last request of a write; gives what the store says about the object. */
export const commit = async (bucket: Bucket, marks: WriteMarks, write: Commit, run: () => Promise<ObjectResource>): Promise<ObjectResource> => {
  const { key, mark, name, operation } = write
  try {
    const made = await run()
    marks.settled(name)
    await checkArrived(bucket, write, made)
    return made
  } catch (error) {
    const problem = bucket.explain(operation, key, error)
    const isRefused = problem.kind === "PreconditionFailed"
    const isOpen = OPEN.has(problem.kind)
    if (!isRefused && !isOpen) throw asRefused(bucket, write, problem)
    const found = await standing(bucket, write)
    if (found !== "unknown" && found !== null && isOurs(found, write)) {
      marks.settled(name)
      return found
    }
    if (write.mode === "create" && found !== "unknown" && found !== null) throw exists(operation, key)
    if (isOpen) marks.keep(name, mark)
    throw asRefused(bucket, write, problem)
  }
}

/** What a precondition that does not hold means for a write. */
export const asRefused = (bucket: Bucket, { key, mode, operation }: WriteTarget, problem: StorageError): StorageError => {
  if (problem.kind === "PreconditionFailed" && mode === "create") return exists(operation, key)
  if (problem.kind !== "NotFound" || operation === "copy") return problem
  // Where nothing has to be there already, it is the bucket that is missing.
  return typeof mode === "string" ? bucket.gone(operation, key) : failure("PreconditionFailed", operation, key, "there is no object to be replaced")
}

/** That something stands at the place of a new object. */
const exists = (operation: string, key: string): StorageError => failure("AlreadyExists", operation, key, "an object stands at that place")

/** An answer that refuses the bytes: with the MD5 that is sent along, 400 means that others arrived. */
export const asMismatch = (operation: string, key: string, error: unknown): unknown =>
  error instanceof RefusedRequest && error.status === 400
    ? failure("ChecksumMismatch", operation, key, `the store refused what arrived: ${described(error)}`, true)
    : error

/** A store that does not compare what arrived with what was announced is not believed: the wrong object is taken away again. */
const checkArrived = async (bucket: Bucket, { key, md5, name, operation }: Commit, made: ObjectResource): Promise<void> => {
  if (md5 === null || made.md5Hash === undefined || made.md5Hash === md5) return
  const ifGenerationMatch = versionOf(made)
  if (ifGenerationMatch !== null) {
    await bucket.ask(operation, key, () => bucket.client.file(name).delete({ ifGenerationMatch })).catch(() => undefined)
  }
  throw failure("ChecksumMismatch", operation, key, "the store has other bytes than it was sent", true)
}

/** What stands at the place of a write now; `unknown` when that cannot be found out. */
const standing = async (bucket: Bucket, { key, name, operation }: Commit): Promise<ObjectResource | null | "unknown"> => {
  try {
    return await lookAt(bucket, operation, key, name)
  } catch (error) {
    return (error as StorageError).kind === "NotFound" ? null : "unknown"
  }
}

const isOurs = (found: ObjectResource, { mark, md5, size }: Commit): boolean =>
  found.metadata?.[MARK] === mark && Number(found.size) === size && (md5 === null || found.md5Hash === undefined || found.md5Hash === md5)
