/**
 * A driver that keeps the contract but for one thing, and what such drivers are written with.
 */
import { type StorageBody, StorageError, type StorageErrorKind, type StorageHandle, type StorageObject, type WriteOptions } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"

/** A driver that is broken on purpose: the suite has to find it out. */
export interface BrokenDriver {
  /** Short, in words with dashes. */
  readonly name: string
  /** What it does wrong. */
  readonly lie: string
  /** Number of the case that finds it out; others may as well. */
  readonly caughtBy: number
  /** The broken driver over one that keeps the contract, such as the one in memory. */
  readonly wrap: (honest: StorageHandle) => StorageHandle
}

/** Makes one: `change` gives the members that are broken. */
export const broken = (name: string, caughtBy: number, lie: string, change: (honest: StorageHandle) => Partial<StorageHandle>): BrokenDriver => ({
  name, caughtBy, lie, wrap: (honest) => ({ ...honest, ...change(honest) })
})

/** One whose `write` is broken. */
export const brokenWrite = (
  name: string, caughtBy: number, lie: string,
  write: (honest: StorageHandle, key: string, body: StorageBody, options: WriteOptions) => Effect.Effect<StorageObject, StorageError>
): BrokenDriver => broken(name, caughtBy, lie, (honest) => ({ write: (key, body, options) => write(honest, key, body, options) }))

/** One that describes objects wrongly, wherever it does. */
export const brokenObject = (name: string, caughtBy: number, lie: string, describe: (object: StorageObject) => StorageObject): BrokenDriver =>
  broken(name, caughtBy, lie, (honest) => ({
    stat: (key) => Effect.map(honest.stat(key), describe),
    write: (key, body, options) => Effect.map(honest.write(key, body, options), describe),
    list: (options) => Stream.map(honest.list(options), describe)
  }))

/** One that takes keys for others: `stored` gives what a key is kept under. */
export const brokenKeys = (name: string, caughtBy: number, lie: string, stored: (key: string) => string): BrokenDriver =>
  broken(name, caughtBy, lie, (honest) => ({
    stat: (key) => honest.stat(stored(key)),
    read: (key, options) => honest.read(stored(key), options),
    write: (key, body, options) => honest.write(stored(key), body, options),
    delete: (keys) => honest.delete(keys.map(stored)),
    rename: (from, to) => honest.rename(stored(from), stored(to)),
    copy: (from, to) => honest.copy(stored(from), stored(to))
  }))

/** One whose list is another one. */
export const brokenList = (
  name: string, caughtBy: number, lie: string,
  list: (honest: StorageHandle, options: NonNullable<Parameters<StorageHandle["list"]>[0]>) => Stream.Stream<StorageObject, StorageError>
): BrokenDriver => broken(name, caughtBy, lie, (honest) => ({ list: (options) => list(honest, options ?? {}) }))

/** All of a list, changed. */
export const relisted = (
  list: Stream.Stream<StorageObject, StorageError>, change: (objects: ReadonlyArray<StorageObject>) => ReadonlyArray<StorageObject>
): Stream.Stream<StorageObject, StorageError> => Stream.fromIterableEffect(Effect.map(Stream.runCollect(list), change))

/** An error as this driver makes it. */
export const problem = (kind: StorageErrorKind, operation: string, key: string, retry = false): StorageError =>
  new StorageError({ kind, driver: "memory", operation, key, retry, cause: new Error("on purpose") })

/** Without what the body has to be. */
export const unchecked = ({ mode }: WriteOptions): WriteOptions => ({ mode })

/** The body, with each piece of a stream shown to `see` as it passes. */
export const watched = (body: StorageBody, see: (piece: Uint8Array) => Effect.Effect<void, StorageError>): StorageBody =>
  body.type === "stream" ? { type: "stream", open: () => Stream.tap(body.open(), see) } : body

/** The bytes of a body that is in memory or a stream. */
export const bytesOfBody = (body: StorageBody): Effect.Effect<Uint8Array, StorageError> =>
  body.type === "bytes" ? Effect.succeed(body.bytes)
    : body.type === "file" ? Effect.die(new Error("not for files"))
    : Effect.map(Stream.runCollect(body.open()), (pieces) => Uint8Array.from(Buffer.concat([...pieces])))
