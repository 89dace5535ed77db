/** Drivers that are broken in their keys and in deleting. */
import { Effect, Stream } from "effect"
import { broken, type BrokenDriver, brokenKeys, brokenWrite, problem } from "./BrokenDriver.ts"

/** Keys that were not asked for and that begin with a text. */
const below = (honest: Parameters<BrokenDriver["wrap"]>[0], prefix: string) =>
  Effect.map(Stream.runCollect(honest.list({ prefix })), (objects) => objects.map(({ key }) => key))

/** The path without its dots, as a file system would take it. */
const normal = (key: string): string => {
  const segments: Array<string> = []
  for (const segment of key.split("/")) {
    if (segment === "..") segments.pop()
    else if (segment !== "" && segment !== ".") segments.push(segment)
  }
  return segments.join("/") || key
}

export const brokenKeyDrivers: ReadonlyArray<BrokenDriver> = [
  brokenKeys("folds-case", 30, "takes keys that differ only in case for one, and says that it does not", (key) => key.toLowerCase()),
  brokenKeys("normalises-unicode", 30, "takes keys that differ only in Unicode form for one", (key) => key.normalize("NFC")),
  brokenKeys("decodes-percent", 30, "decodes %20 in a key", (key) => key.replaceAll("%20", " ")),
  brokenKeys("plus-is-space", 30, "takes + in a key for a space", (key) => key.replaceAll("+", " ")),
  brokenKeys("trims-keys", 30, "leaves out spaces at the ends of a key", (key) => key.trim() || key),
  brokenKeys("normalises-paths", 31, "takes a/../b for b, and a//b for a/b", normal),
  broken("delete-normalises", 31, "takes the key of a delete for a path with dots", (honest) => ({ delete: (keys) => honest.delete(keys.map(normal)) })),
  brokenKeys("cuts-long-keys", 32, "cuts what is longer than 1,000 bytes off a key", (key) => key.slice(0, 1000).replace(/\/$/, "-")),
  brokenWrite("folder-takes-object", 33, "deletes an object where the folder of another one is to be", (honest, key, body, options) =>
    Effect.andThen(honest.delete(key.split("/").slice(0, -1).map((_, n, all) => all.slice(0, n + 1).join("/"))), honest.write(key, body, options))),
  broken("strict-delete", 34, "fails where there is nothing to delete", (honest) => ({
    delete: (keys) => Effect.andThen(Effect.forEach(keys, (key) => honest.stat(key), { discard: true }), honest.delete(keys))
  })),
  broken("deletes-folders", 34, "deletes everything below a key as well", (honest) => ({
    delete: (keys) => Effect.andThen(honest.delete(keys), Effect.forEach(keys, (key) => Effect.flatMap(below(honest, `${key}/`), honest.delete), { discard: true }))
  })),
  broken("deletes-by-prefix", 34, "deletes every key that begins with the one it is given", (honest) => ({
    delete: (keys) => Effect.andThen(honest.delete(keys), Effect.forEach(keys, (key) => Effect.flatMap(below(honest, key), honest.delete), { discard: true }))
  })),
  broken("deletes-everything", 34, "takes an empty list of keys for all of them", (honest) => ({
    delete: (keys) => keys.length > 0 ? honest.delete(keys) : Effect.flatMap(below(honest, ""), honest.delete)
  })),
  broken("deletes-a-thousand", 35, "deletes the first 1,000 keys and says nothing of the others", (honest) => ({ delete: (keys) => honest.delete(keys.slice(0, 1000)) })),
  brokenWrite("loses-empty-objects", 36, "does not store objects of zero bytes", (honest, key, body, options) =>
    Effect.tap(honest.write(key, body, options), ({ size }) => size === 0 ? honest.delete([key]) : Effect.void)),
  broken("deletes-alone", 37, "fails when two delete one key at once", (honest) => {
    const busy = new Set<string>()
    return {
      delete: (keys) => Effect.forEach(keys, (key) => Effect.suspend(() => {
        if (busy.has(key)) return Effect.fail(problem("NotFound", "delete", key))
        busy.add(key)
        return Effect.ensuring(Effect.andThen(Effect.sleep(1), honest.delete([key])), Effect.sync(() => busy.delete(key)))
      }), { discard: true })
    }
  }),
  broken("deleted-for-good", 38, "keeps a key from being written again once it was deleted during a write", (honest) => {
    const writing = new Set<string>()
    const gone = new Set<string>()
    return {
      write: (key, body, options) => Effect.suspend(() => {
        if (gone.has(key)) return Effect.fail(problem("Unavailable", "write", key, true))
        writing.add(key)
        return Effect.ensuring(Effect.andThen(Effect.sleep(1), honest.write(key, body, options)), Effect.sync(() => writing.delete(key)))
      }),
      delete: (keys) => Effect.suspend(() => {
        for (const key of keys) if (writing.has(key)) gone.add(key)
        return honest.delete(keys)
      })
    }
  })
]
