/**
 * Repeats what a storage root failed to do, where that may help: by the error's `retry` and kind, with growing waits, within a limit of time. What
 * has been done already is not done again: a reading goes on where it was cut, and an object that is there although the reply was lost counts as written.
 */
import { Clock, Effect, Layer, Random, Ref, Stream } from "effect"
import { createHash } from "node:crypto"
import { type ListOptions, type ReadOptions, Storage, type StorageBody, StorageError, type StorageErrorKind, type StorageHandle, type StorageObject, type WriteOptions } from "../ports/Storage.ts"
import { bodyBytes } from "./StorageBodies.ts"

/** How long and how often an operation is repeated. All in milliseconds. */
export interface RetryOptions {
  /** From an operation's first failure; after that it fails with its last error. Something that goes on is repeated as long as it does. Default 60,000; 0 repeats nothing. */
  readonly limit?: number
  /** The same for finding out whether the root is there (`probe`). Default: `limit`, at most 5,000. */
  readonly probeLimit?: number
  /** The same for opening a root. Default: `limit`, at most 2,000. */
  readonly openLimit?: number
  /** Before the first repetition; doubled for each further one, and four times as long when the store asks for fewer requests. Default 200. */
  readonly firstWait?: number
  /** Default 10,000. */
  readonly longestWait?: number
}

export const RETRY_LIMIT = 60_000
const PROBE_LIMIT = 5_000
const OPEN_LIMIT = 2_000
const FIRST_WAIT = 200
const LONGEST_WAIT = 10_000

/** Kinds that stay what they are however often one asks. */
const FINAL: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>([
  "NotFound", "AlreadyExists", "PreconditionFailed", "PermissionDenied", "NoSpace", "RangeInvalid", "TooLarge", "KeyInvalid", "Unsupported"
])

const mayPass = (error: StorageError): boolean => error.retry && !FINAL.has(error.kind)

/** The storage of a program that works on one root, with its operations repeated. */
export const layer = (options: RetryOptions = {}): Layer.Layer<Storage, never, Storage> => Layer.effect(Storage, Effect.map(Storage, (handle) => retrying(handle, options)))

/** What happens between two attempts: fails with the error when there is none any more, otherwise waits. */
type Wait = (error: StorageError) => Effect.Effect<void, StorageError>

/** The waits of one operation. `goesOn` says that it got on meanwhile. */
const patience = ({ firstWait = FIRST_WAIT, limit = RETRY_LIMIT, longestWait = LONGEST_WAIT }: RetryOptions): { readonly wait: Wait; readonly goesOn: () => void } => {
  let failures = 0
  let attempts = 1
  let since = 0
  return {
    goesOn: () => { failures = 0 },
    wait: (error) =>
      Effect.gen(function*() {
        if (!mayPass(error)) return yield* Effect.fail(error)
        const now = yield* Clock.currentTimeMillis
        if (failures === 0) since = now
        const longest = Math.min(longestWait, firstWait * 2 ** failures * (error.kind === "RateLimited" ? 4 : 1))
        // Half of it by chance, so that those who failed together do not come back together.
        const wait = longest * (0.5 + (yield* Random.next) / 2)
        if (now + wait > since + limit) return yield* Effect.fail(error)
        failures++
        yield* Effect.annotateCurrentSpan("storage.attempts", ++attempts)
        yield* Effect.sleep(wait)
      })
  }
}

/** Runs an attempt until it succeeds. `after` is the error that the one before failed with. */
const repeated = <A, R = never>(
  options: RetryOptions, attempt: (after: StorageError | null) => Effect.Effect<A, StorageError, R>
): Effect.Effect<A, StorageError, R> =>
  Effect.suspend(() => {
    const { wait } = patience(options)
    const from = (after: StorageError | null): Effect.Effect<A, StorageError, R> =>
      Effect.catch(attempt(after), (error) => Effect.andThen(wait(error), Effect.suspend(() => from(error))))
    return from(null)
  })

/** Opens a root, again while that may help. */
export const opening = <A, R>(options: RetryOptions, open: Effect.Effect<A, StorageError, R>): Effect.Effect<A, StorageError, R> => {
  const { limit = RETRY_LIMIT, openLimit = Math.min(OPEN_LIMIT, limit) } = options
  return limit <= 0 ? open : repeated({ ...options, limit: openLimit }, () => open)
}

/** A handle whose operations are repeated while that may help. */
export const retrying = (handle: StorageHandle, options: RetryOptions = {}): StorageHandle => {
  if ((options.limit ?? RETRY_LIMIT) <= 0) return handle
  const simply = <A>(effect: Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> => repeated(options, () => effect)
  return {
    ...handle,
    stat: (key) => simply(handle.stat(key)),
    read: (key, read) => readOn(handle, options, key, read ?? {}),
    write: (key, body, write) => writeOnce(handle, options, key, body, write),
    delete: (keys) => simply(handle.delete(keys)),
    list: (list) => listOn(handle, options, list ?? {}),
    probe: repeated({ ...options, limit: options.probeLimit ?? Math.min(PROBE_LIMIT, options.limit ?? RETRY_LIMIT) }, () => handle.probe),
    rename: (from, to) => handle.capabilities.rename ? renameOnce(handle, options, from, to) : handle.rename(from, to),
    copy: (from, to) => repeated(options, (after) => settled(handle.copy(from, to), after, ["AlreadyExists"], () => sameObjects(handle, from, to), () => Effect.void)),
    flush: simply(handle.flush)
  }
}

/** Where an operation was repeated and now finds that it has no place any more: whether it was done by the attempt whose reply was lost. */
const settled = <A>(
  attempt: Effect.Effect<A, StorageError>, after: StorageError | null, kinds: ReadonlyArray<StorageErrorKind>,
  isDone: () => Effect.Effect<boolean, StorageError>, result: () => Effect.Effect<A, StorageError>
): Effect.Effect<A, StorageError> =>
  after === null ? attempt : Effect.catchIf(attempt, (error) => kinds.includes(error.kind), (error) =>
    Effect.flatMap(isDone(), (done) => (done ? result() : Effect.fail(error))))

const writeOnce = (handle: StorageHandle, options: RetryOptions, key: string, body: StorageBody, write: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  Effect.suspend(() => {
    // An error of the body is the business of whoever gave it: its store has been asked often enough.
    let bodyError: StorageError | null = null
    const watched: StorageBody = body.type !== "stream" ? body : {
      type: "stream", open: () => Stream.tapError(body.open(), (error) => Effect.sync(() => { bodyError = error }))
    }
    const { wait } = patience(options)
    const from = (after: StorageError | null): Effect.Effect<StorageObject, StorageError> =>
      settled(
        handle.write(key, watched, write), after, ["AlreadyExists", "PreconditionFailed"],
        () => holdsBody(handle, key, watched), () => handle.stat(key)
      ).pipe(Effect.catch((error) => error === bodyError ? Effect.fail(error) : Effect.andThen(wait(error), Effect.suspend(() => from(error)))))
    return from(null)
  })

const found = (handle: StorageHandle, key: string): Effect.Effect<StorageObject | null, StorageError> =>
  Effect.catch(handle.stat(key), (error) => (error.kind === "NotFound" ? Effect.succeed(null) : Effect.fail(error)))

/** Whether an object has the bytes of this body. */
const holdsBody = (handle: StorageHandle, key: string, body: StorageBody): Effect.Effect<boolean, StorageError> =>
  Effect.gen(function*() {
    const object = yield* found(handle, key)
    if (object === null) return false
    const wanted = yield* digestOf(bodyBytes(handle, key, body))
    if (wanted.size !== object.size) return false
    return (yield* digestOf(handle.read(key, object.version === null ? {} : { ifMatch: object.version }))).digest === wanted.digest
  })

const sameObjects = (handle: StorageHandle, from: string, to: string): Effect.Effect<boolean, StorageError> =>
  Effect.gen(function*() {
    const [source, target] = yield* Effect.all([handle.stat(from), handle.stat(to)])
    if (source.size !== target.size) return false
    const type = Object.keys(source.digests).find((type) => target.digests[type] !== undefined)
    if (type !== undefined) return source.digests[type] === target.digests[type]
    return (yield* digestOf(handle.read(from))).digest === (yield* digestOf(handle.read(to))).digest
  })

const renameOnce = (handle: StorageHandle, options: RetryOptions, from: string, to: string): Effect.Effect<void, StorageError> =>
  Effect.flatMap(Effect.result(repeated(options, () => handle.stat(from))), (before) =>
    repeated(options, (after) => settled(handle.rename(from, to), after, ["NotFound", "AlreadyExists"], () =>
      Effect.gen(function*() {
        if (before._tag === "Failure") return false
        const isGone = (yield* found(handle, from)) === null
        const target = yield* found(handle, to)
        return isGone && target !== null && target.size === before.success.size
          && Object.entries(before.success.digests).every(([type, digest]) => (target.digests[type] ?? digest) === digest)
      }), () => Effect.void)))

const digestOf = (bytes: Stream.Stream<Uint8Array, StorageError>): Effect.Effect<{ readonly digest: string; readonly size: number }, StorageError> =>
  Effect.suspend(() => {
    const hash = createHash("sha256")
    let size = 0
    return Effect.map(Stream.runForEach(bytes, (piece) => Effect.sync(() => {
      hash.update(piece)
      size += piece.length
    })), () => ({ digest: hash.digest("base64url"), size }))
  })

/**
 * Reads on where it was cut. With `ifMatch` the rest is asked for; without, nobody knows whether it is still the object that was begun with, so what was given
 * already is read once more and has to be the same.
 */
const readOn = (handle: StorageHandle, options: RetryOptions, key: string, read: ReadOptions): Stream.Stream<Uint8Array, StorageError> =>
  Stream.suspend(() => {
    const { goesOn, wait } = patience(options)
    const canAskForRest = read.ifMatch !== undefined && handle.capabilities.rangeRead
    const begin = read.range?.start ?? 0
    const hash = createHash("sha256")
    let given = 0
    const passed = (piece: Uint8Array) => Effect.sync(() => {
      given += piece.length
      if (!canAskForRest) hash.update(piece)
      goesOn()
    })
    const rest = (): Stream.Stream<Uint8Array, StorageError> => {
      if (given === 0) return handle.read(key, read)
      if (canAskForRest) return handle.read(key, { ...read, range: { ...read.range, start: begin + given } })
      return Stream.unwrap(Effect.gen(function*() {
        const again = createHash("sha256")
        const seen = yield* Ref.make(0)
        const until = given
        const before = hash.copy().digest("base64url")
        const isAnother = new StorageError({
          kind: "PreconditionFailed", driver: handle.info.name, operation: "read", key, retry: false, cause: new Error("it was replaced while it was read")
        })
        const further = Stream.mapEffect(handle.read(key, read), (piece) => Effect.gen(function*() {
          const at = yield* Ref.getAndUpdate(seen, (n) => n + piece.length)
          const known = piece.subarray(0, Math.max(0, Math.min(piece.length, until - at)))
          again.update(known)
          if (known.length > 0 && at + piece.length >= until && again.copy().digest("base64url") !== before) return yield* isAnother
          return piece.subarray(known.length)
        })).pipe(Stream.filter((piece) => piece.length > 0))
        const isLongEnough = Effect.flatMap(Ref.get(seen), (n) => (n < until ? Effect.fail(isAnother) : Effect.void))
        return Stream.concat(further, Stream.fromEffectDrain(isLongEnough))
      }))
    }
    const from = (): Stream.Stream<Uint8Array, StorageError> =>
      Stream.catch(Stream.tap(Stream.suspend(rest), passed), (error) => Stream.unwrap(Effect.as(wait(error), Stream.suspend(from))))
    return from()
  })

/** Lists on behind the last object that was given; where a list cannot begin behind a key it is asked for again, without what was given. */
const listOn = (handle: StorageHandle, options: RetryOptions, list: ListOptions): Stream.Stream<StorageObject, StorageError> =>
  Stream.suspend(() => {
    const { goesOn, wait } = patience(options)
    const { listOrdered, listStartAfter } = handle.capabilities
    const canBeginBehind = listOrdered && listStartAfter
    const given = new Set<string>()
    let last: string | null = null
    const passed = ({ key }: StorageObject) => Effect.sync(() => {
      last = key
      if (!canBeginBehind) given.add(key)
      goesOn()
    })
    const rest = () => canBeginBehind && last !== null ? handle.list({ ...list, startAfter: last }) : Stream.filter(handle.list(list), ({ key }) => !given.has(key))
    const from = (): Stream.Stream<StorageObject, StorageError> =>
      Stream.catch(Stream.tap(Stream.suspend(rest), passed), (error) => Stream.unwrap(Effect.as(wait(error), Stream.suspend(from))))
    return from()
  })
