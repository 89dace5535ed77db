/**
 * One copy, read through its driver as a whole and compared with what is recorded.
 */
import { Data, Effect, Stream } from "effect"
import type { HashType } from "../domain/ContentHash.ts"
import { EXIT, type StorageRootProblem } from "../domain/SheafError.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { ReadOptions, StorageError, StorageHandle } from "../ports/Storage.ts"

/** Content of more bytes than this is looked at before it is read. */
const LARGE = 8 * 1024 * 1024

/** Why a copy is of no use. */
export class CopyProblem extends Data.TaggedError("CopyProblem")<{
  /** As in `no such file`. */
  readonly reason: string
  /** What to record, or null when nothing is known for certain. */
  readonly state: "missing" | "damaged" | null
  /** The hash of the bytes that are there instead, when they were read. */
  readonly found: string | null
  /** That nothing is known of the copy, since its root could not be reached or used. */
  readonly root?: "unreachable" | "refused"
}> {}

/** A reading of one version can go on where it breaks off; otherwise what came is hashed once more, to know that it is still the same object. */
export const ifMatch = (version: string | null): Pick<ReadOptions, "ifMatch"> => (version === null ? {} : { ifMatch: version })

/** What is recorded of a copy. */
export interface RecordedCopy {
  readonly objectKey: string
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
}

/** Fails with what is wrong with a copy. One whose hash is not made from its bytes is compared by size alone. */
export const examineCopy = (copy: RecordedCopy, handle: StorageHandle, hashing: Hashing["Service"]): Effect.Effect<void, CopyProblem> =>
  isGood(copy, handle, hashing).pipe(
    // What is not as it should be is looked at again, carefully.
    Effect.flatMap((good) => (good ? Effect.void : diagnose(copy, handle, hashing))),
    Effect.catchTag("StorageError", (error) => Effect.fail(asProblem(error)))
  )

/** By one request, or two for large content: whether an object has the recorded bytes. */
const isGood = (copy: RecordedCopy, handle: StorageHandle, hashing: Hashing["Service"]): Effect.Effect<boolean, StorageError> =>
  Effect.gen(function*() {
    const hasher = hashing.forType(copy.hashType, copy.size)
    if (hasher === null) return false
    const looked = copy.size > LARGE && !handle.capabilities.localPath ? yield* handle.stat(copy.objectKey) : null
    if (looked !== null && looked.size !== copy.size) return false
    let length = 0
    yield* handle.read(copy.objectKey, ifMatch(looked?.version ?? null)).pipe(
      Stream.takeUntil((bytes) => {
        length += bytes.length
        if (length <= copy.size) hasher.update(bytes)
        return length > copy.size
      }),
      Stream.runDrain
    )
    return length === copy.size && hasher.digest() === copy.hash
  }).pipe(Effect.catchIf((error) => error.kind === "PreconditionFailed", () => Effect.succeed(false)))

const diagnose = (copy: RecordedCopy, handle: StorageHandle, hashing: Hashing["Service"]): Effect.Effect<void, CopyProblem | StorageError> =>
  Effect.gen(function*() {
    const { size } = yield* handle.stat(copy.objectKey)
    const hasher = hashing.forType(copy.hashType, size)
    if (hasher === null) {
      if (size === copy.size) return
      return yield* new CopyProblem({ reason: `it has ${size} bytes instead of ${copy.size}`, state: "damaged", found: null })
    }
    let length = 0
    yield* Stream.runForEach(handle.read(copy.objectKey), (bytes) => Effect.sync(() => {
      hasher.update(bytes)
      length += bytes.length
    }))
    if (length !== size) return yield* new CopyProblem({ reason: "it changed while it was read", state: null, found: null })
    const found = hasher.digest()
    if (found !== copy.hash || size !== copy.size) return yield* new CopyProblem({ reason: "damaged", state: "damaged", found })
  })

/** What a failing store says about a copy. */
export const asProblem = (error: StorageError | StorageRootProblem): CopyProblem =>
  new CopyProblem({
    reason: error._tag === "StorageError" ? REASONS[error.kind] ?? error.message : error.reason,
    state: error._tag === "StorageError" && error.kind === "NotFound" ? "missing" : null,
    found: null,
    ...rootOf(error)
  })

const rootOf = ({ exitCode }: StorageError | StorageRootProblem): Pick<CopyProblem, "root"> =>
  exitCode === EXIT.storageUnavailable ? { root: "unreachable" } : exitCode === EXIT.permission ? { root: "refused" } : {}

const REASONS: Readonly<Record<string, string>> = {
  NotFound: "not there", PermissionDenied: "permission denied", AuthExpired: "credentials have expired", Unavailable: "the storage root cannot be reached",
  Timeout: "the storage root does not answer", RateLimited: "the storage root does not answer", Corrupt: "input/output error"
}
