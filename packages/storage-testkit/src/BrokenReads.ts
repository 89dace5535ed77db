/** Drivers that are broken in reading. */
import { type ReadOptions, type StorageError, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { broken, type BrokenDriver, problem } from "./BrokenDriver.ts"

/** One whose `read` is broken. */
const brokenRead = (
  name: string, caughtBy: number, lie: string, read: (honest: StorageHandle, key: string, options: ReadOptions) => Stream.Stream<Uint8Array, StorageError>
): BrokenDriver => broken(name, caughtBy, lie, (honest) => ({ read: (key, options) => read(honest, key, options ?? {}) }))

/** One that fails in other words. */
const brokenErrors = (name: string, caughtBy: number, lie: string, change: (error: StorageError) => StorageError): BrokenDriver =>
  broken(name, caughtBy, lie, (honest) => ({
    stat: (key) => Effect.mapError(honest.stat(key), change),
    read: (key, options) => Stream.mapError(honest.read(key, options), change)
  }))

const PIECE = 64 * 1024

/** An object by requests for parts of it, as a driver does it that never holds a connection. */
const inParts = (honest: StorageHandle, key: string, { ifMatch, range }: ReadOptions): Stream.Stream<Uint8Array, StorageError> =>
  Stream.unwrap(Effect.map(Stream.runDrain(honest.read(key, { ...(ifMatch === undefined ? {} : { ifMatch }), ...(range === undefined ? {} : { range }) })), () =>
    Stream.unfold(range?.start ?? 0, (at) => {
      const end = Math.min(range?.end ?? Number.MAX_SAFE_INTEGER, at + PIECE)
      return Effect.map(Stream.runCollect(honest.read(key, { range: { start: at, end } })), ([piece]) =>
        piece === undefined || piece.length === 0 ? undefined : [piece, at + piece.length] as const)
    })))

export const brokenReads: ReadonlyArray<BrokenDriver> = [
  brokenErrors("wrong-kind", 20, "fails with Unexpected where there is no object", (error) => (error.kind === "NotFound" ? problem("Unexpected", error.operation, error.key) : error)),
  brokenErrors("message-only", 20, "fails with errors that have a message alone", (error) => new Error(`no such object: ${error.key}`) as StorageError),
  brokenErrors("retry-for-ever", 20, "says that what is not there may be there later", (error) => (error.kind === "NotFound" ? problem("NotFound", error.operation, error.key, true) : error)),
  brokenErrors("nameless-error", 20, "fails without naming the object", (error) => problem(error.kind, error.operation, "")),
  broken("stat-of-folders", 20, "takes a folder for an object", (honest) => ({
    stat: (key) => Effect.catchIf(honest.stat(key), (error) => error.kind === "NotFound", (error) =>
      Effect.flatMap(Stream.runCollect(Stream.take(honest.list({ prefix: `${key}/` }), 1)), ([first]) => first === undefined ? Effect.fail(error) : Effect.succeed({ ...first, key })))
  })),
  brokenRead("inclusive-range", 21, "gives the byte at the end of a range as well", (honest, key, { range, ...options }) =>
    honest.read(key, range?.end === undefined || range.end === range.start ? { ...options, ...(range === undefined ? {} : { range }) } : { ...options, range: { start: range.start, end: range.end + 1 } })),
  brokenRead("strict-range-end", 21, "fails when a range ends after the object", (honest, key, options) =>
    Stream.unwrap(Effect.map(honest.stat(key), ({ size }) => (options.range?.end ?? 0) > size ? Stream.fail(problem("RangeInvalid", "read", key)) : honest.read(key, options)))),
  brokenRead("ignores-range", 21, "gives the whole object whatever range is asked for", (honest, key, { range: _, ...options }) => honest.read(key, options)),
  brokenRead("lenient-range", 22, "gives nothing where there is no such range", (honest, key, options) =>
    Stream.catchIf(honest.read(key, options), (error) => error.kind === "RangeInvalid", () => Stream.empty)),
  brokenRead("reads-any-version", 23, "reads whatever version is there", (honest, key, { ifMatch: _, ...options }) => honest.read(key, options)),
  brokenRead("range-of-any-version", 28, "reads parts of whatever version is there", (honest, key, { ifMatch, ...options }) =>
    honest.read(key, options.range === undefined || options.range.start <= 1 ? { ...options, ...(ifMatch === undefined ? {} : { ifMatch }) } : options)),
  broken("restless-version", 24, "gives an object another version each time it is asked", (honest) => {
    let asked = 0
    return { stat: (key) => Effect.map(honest.stat(key), (object) => ({ ...object, version: `${object.version}-${++asked}` })) }
  }),
  brokenRead("reuses-its-buffer", 25, "gives every piece in the same buffer", (honest, key, options) =>
    Stream.suspend(() => {
      const buffer = Buffer.alloc(PIECE)
      return Stream.flatMap(honest.read(key, options), (whole) => Stream.map(
        Stream.fromIterable(Array.from({ length: Math.ceil(whole.length / PIECE) }, (_, n) => whole.subarray(n * PIECE, (n + 1) * PIECE))),
        (piece): Uint8Array => {
          buffer.set(piece)
          return buffer.subarray(0, piece.length)
        }
      ))
    })),
  broken("leaks-readers", 26, "has room for sixteen readers, and takes one that stopped early for one that still reads", (honest) => {
    let open = 0
    return {
      read: (key, options) => Stream.suspend(() => {
        if (open >= 16) return Stream.fail(problem("Unavailable", "read", key, true))
        open++
        return Stream.concat(honest.read(key, options), Stream.fromEffectDrain(Effect.sync(() => { open-- })))
      })
    }
  }),
  broken("read-once", 27, "opens a stream when it is made: run again it gives what was there then", (honest) => ({
    read: (key, options) => {
      let first: ReadonlyArray<Uint8Array> | null = null
      return Stream.suspend(() => first !== null ? Stream.fromIterable(first) : Stream.fromIterableEffect(Effect.map(Stream.runCollect(honest.read(key, options)), (pieces) => (first = pieces))))
    }
  })),
  brokenRead("mixes-versions", 29, "reads in parts, each of whatever object is there by then", inParts)
]
