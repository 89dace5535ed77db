/**
 * Gives up what a storage root does not get on with: it fails with `Timeout`, and may be tried again.
 */
import { Clock, Effect, Layer, Stream } from "effect"
import { Storage, type StorageBody, StorageError, type StorageHandle } from "../ports/Storage.ts"
import { bodyLength } from "./StorageBodies.ts"

/** How long a storage root may be silent. */
export interface TimeoutOptions {
  /** Milliseconds in which something has to happen: a reply, or the next piece of a stream. Default 60,000; 0 waits for ever. */
  readonly idle?: number
}

export const IDLE_TIMEOUT = 60_000

/** Bytes a second that a body which nobody can watch is taken to go at least. */
const SLOWEST = 64 * 1024

/** Keys that a store takes in one request to delete. */
const BATCH = 1000

/** How many times longer a rename or a copy within the store may take: nobody can see how far it is. */
const WITHIN_STORE = 10

/** The storage of a program that works on one root, with a time for its operations. */
export const layer = (options: TimeoutOptions = {}): Layer.Layer<Storage, never, Storage> => Layer.effect(Storage, Effect.map(Storage, (handle) => withTimeouts(handle, options)))

/** A handle whose operations fail with `Timeout` when nothing happens for too long. An operation that is given up is interrupted first. */
export const withTimeouts = (handle: StorageHandle, { idle = IDLE_TIMEOUT }: TimeoutOptions = {}): StorageHandle => {
  if (idle <= 0) return handle
  const failure = (operation: string, key: string) => new StorageError({
    kind: "Timeout", driver: handle.info.name, operation, key, retry: true, cause: new Error(`nothing happened for ${idle / 1000} s`)
  })
  const within = <A>(operation: string, key: string, effect: Effect.Effect<A, StorageError>, duration = idle): Effect.Effect<A, StorageError> =>
    Effect.timeoutOrElse(effect, { duration, orElse: () => Effect.fail(failure(operation, key)) })
  const pieces = <A>(operation: string, key: string, stream: Stream.Stream<A, StorageError>): Stream.Stream<A, StorageError> =>
    Stream.timeoutOrElse(stream, { duration: idle, orElse: () => Stream.fail(failure(operation, key)) })
  return {
    ...handle,
    stat: (key) => within("stat", key, handle.stat(key)),
    read: (key, options) => pieces("read", key, handle.read(key, options)),
    write: (key, body, options) =>
      Effect.flatMap(bodyLength(body), (length) => length === null
        ? whileItGoesOn(body, idle, (watched) => handle.write(key, watched, options), () => failure("write", key))
        : within("write", key, handle.write(key, body, options), idle + (length / SLOWEST) * 1000)),
    delete: (keys) => within("delete", keys[0] ?? "", handle.delete(keys), idle * Math.max(1, Math.ceil(keys.length / BATCH))),
    list: (options) => pieces("list", options?.prefix ?? "", handle.list(options)),
    probe: within("probe", "", handle.probe),
    rename: (from, to) => within("rename", from, handle.rename(from, to), WITHIN_STORE * idle),
    copy: (from, to) => within("copy", from, handle.copy(from, to), WITHIN_STORE * idle),
    flush: within("flush", "", handle.flush, WITHIN_STORE * idle)
  }
}

/** Runs a write of a stream while the store asks for its pieces; the time that the stream itself takes for one does not count. */
const whileItGoesOn = <A>(
  body: StorageBody, idle: number, write: (body: StorageBody) => Effect.Effect<A, StorageError>, failure: () => StorageError
): Effect.Effect<A, StorageError> =>
  Clock.clockWith((clock) => {
    const now = () => clock.currentTimeMillisUnsafe()
    /** When the store was given something last, or null while it waits for the stream. */
    let since: number | null = now()
    const watched: StorageBody = body.type !== "stream" ? body : {
      type: "stream",
      open: () => Stream.transformPull(body.open(), (pull) => Effect.succeed(Effect.suspend(() => {
        since = null
        return Effect.ensuring(pull, Effect.sync(() => { since = now() }))
      })))
    }
    const watch: Effect.Effect<never, StorageError> = Effect.suspend(() => {
      const left = since === null ? idle : since + idle - now()
      return left <= 0 ? Effect.fail(failure()) : Effect.andThen(Effect.sleep(left), watch)
    })
    return Effect.raceFirst(write(watched), watch)
  })
