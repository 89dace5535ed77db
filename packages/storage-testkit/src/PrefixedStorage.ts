/**
 * A part of a storage root as a root of its own.
 */
import { type StorageBody, StorageError, type StorageHandle, type StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"

/**
 * The objects below a prefix, which ends with `/`, by the rest of their keys. Whatever is done with the handle stays below the prefix. Closing the root
 * is the business of whoever opened it.
 */
export const prefixed = (handle: StorageHandle, prefix: string): StorageHandle => {
  const inner = (key: string): string => (key.startsWith(prefix) ? key.slice(prefix.length) : key)
  const object = (found: StorageObject): StorageObject => ({ ...found, key: inner(found.key) })
  // The errors of a body are not about keys of this root.
  const error = (own: (error: StorageError) => boolean = () => true) => (found: StorageError): StorageError =>
    own(found) && found.key.startsWith(prefix) ? new StorageError({ ...found, key: inner(found.key), cause: found.cause }) : found
  const one = <A>(effect: Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> => Effect.mapError(effect, error())
  return {
    info: handle.info,
    capabilities: { ...handle.capabilities, maxKeyBytes: handle.capabilities.maxKeyBytes - Buffer.byteLength(prefix) },
    stat: (key) => Effect.map(one(handle.stat(prefix + key)), object),
    read: (key, options) => Stream.mapError(handle.read(prefix + key, options), error()),
    write: (key, body, options) =>
      Effect.suspend(() => {
        const source = ownErrors(body)
        return Effect.map(Effect.mapError(handle.write(prefix + key, source.body, options), error((found) => found !== source.last())), object)
      }),
    delete: (keys) => one(handle.delete(keys.map((key) => prefix + key))),
    list: (options = {}) =>
      handle.list({ prefix: prefix + (options.prefix ?? ""), ...(options.startAfter === undefined ? {} : { startAfter: prefix + options.startAfter }) }).pipe(
        Stream.map(object),
        Stream.filter(({ key }) => !isOwn(key, options.prefix ?? "")),
        Stream.mapError(error())
      ),
    probe: handle.probe,
    rename: (from, to) => one(handle.rename(prefix + from, prefix + to)),
    copy: (from, to) => one(handle.copy(prefix + from, prefix + to)),
    localPath: (key) => one(handle.localPath(prefix + key)),
    flush: handle.flush
  }
}

/** Whether a key is below a `.sheaf/` that the prefix does not name: such a folder is listed only to those who do. */
const isOwn = (key: string, prefix: string): boolean => {
  const folder = /(?:^|\/)\.sheaf\//.exec(key)
  return folder !== null && !prefix.startsWith(key.slice(0, folder.index + folder[0].length))
}

/** The body, and the error that it failed with last. */
const ownErrors = (body: StorageBody): { readonly body: StorageBody; readonly last: () => StorageError | null } => {
  let last: StorageError | null = null
  return {
    last: () => last,
    body: body.type !== "stream" ? body : {
      type: "stream",
      open: () => Stream.tapError(body.open(), (error) => Effect.sync(() => { last = error }))
    }
  }
}
