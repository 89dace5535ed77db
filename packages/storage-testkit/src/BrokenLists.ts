/** Drivers that are broken in listing. */
import type { StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { broken, type BrokenDriver, brokenList, relisted } from "./BrokenDriver.ts"

/** Objects of a page, as object stores have it. */
const PAGE = 1000

const bySegments = (a: StorageObject, b: StorageObject): number => {
  const left = a.key.split("/")
  const right = b.key.split("/")
  const at = left.findIndex((segment, n) => segment !== right[n])
  return at < 0 ? -1 : (left[at] ?? "") < (right[at] ?? "") ? -1 : 1
}

export const brokenLists: ReadonlyArray<BrokenDriver> = [
  brokenList("lists-missing-prefix", 40, "fails where nothing has the prefix", (honest, options) =>
    Stream.unwrap(Effect.map(Stream.runCollect(Stream.take(honest.list(options), 1)), (found) =>
      found.length === 0 && options.prefix !== undefined ? Stream.unwrap(Effect.as(honest.stat(options.prefix), Stream.empty)) : honest.list(options)))),
  brokenList("unordered", 41, "lists in no order", (honest, options) => relisted(honest.list(options), (objects) => [...objects.slice(1), ...objects.slice(0, 1)])),
  brokenList("dictionary-order", 41, "lists as a dictionary does, a beside A", (honest, options) =>
    relisted(honest.list(options), (objects) => [...objects].sort((a, b) => a.key.localeCompare(b.key)))),
  brokenList("folder-by-folder", 41, "lists a folder where its name stands, which is not where its keys stand", (honest, options) =>
    relisted(honest.list(options), (objects) => [...objects].sort(bySegments))),
  brokenList("lists-twice", 41, "lists the first object twice", (honest, options) => relisted(honest.list(options), (objects) => [...objects.slice(0, 1), ...objects])),
  brokenList("lists-without-size", 41, "lists objects with a size of 0", (honest, options) => Stream.map(honest.list(options), (object) => ({ ...object, size: 0 }))),
  brokenList("lists-folders", 41, "lists a folder as an object", (honest, options) =>
    relisted(honest.list(options), (objects) => {
      const first = objects.find(({ key }) => key.includes("/"))
      return first === undefined ? objects : [{ ...first, key: first.key.slice(0, first.key.lastIndexOf("/") + 1), size: 0 }, ...objects]
    })),
  brokenList("prefix-is-folder", 42, "takes a prefix for a folder", (honest, { prefix = "", ...options }) =>
    honest.list({ ...options, prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/` })),
  brokenList("not-below", 42, "lists only what is right in the folder", (honest, { prefix = "", ...options }) =>
    Stream.filter(honest.list({ ...options, prefix }), ({ key }) => prefix === "" || !key.slice(prefix.length).includes("/"))),
  brokenList("prefix-without-case", 42, "lists what has the prefix in another case as well", (honest, { prefix = "", ...options }) =>
    Stream.filter(honest.list(options), ({ key }) => key.toLowerCase().startsWith(prefix.toLowerCase()))),
  brokenList("starts-at", 43, "begins with the key that it is to begin behind", (honest, { startAfter, ...options }) =>
    Stream.filter(honest.list(options), ({ key }) => startAfter === undefined || Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) >= 0)),
  brokenList("starts-after-known", 43, "begins from the first key when the one to begin behind is not there", (honest, options) =>
    Stream.unwrap(Effect.map(Effect.result(honest.stat(options.startAfter ?? "")), ({ _tag }) =>
      honest.list(_tag === "Success" || options.startAfter === undefined ? options : options.prefix === undefined ? {} : { prefix: options.prefix })))),
  brokenList("lists-own-folder", 44, "lists the registry's own folder to everybody", (honest, options) =>
    Stream.concat(options.prefix === undefined ? honest.list({ ...options, prefix: ".sheaf/" }) : Stream.empty, honest.list(options))),
  brokenList("hides-own-folder", 44, "lists the registry's own folder to nobody", (honest, options) => Stream.filter(honest.list(options), ({ key }) => !key.startsWith(".sheaf/"))),
  brokenList("one-page", 45, "lists the first 1,000 objects", (honest, options) => Stream.take(honest.list(options), PAGE)),
  brokenList("drops-at-page-border", 45, "loses the first object of each page after the first", (honest, options) =>
    relisted(honest.list(options), (objects) => objects.filter((_, n) => n === 0 || n % PAGE !== 0))),
  brokenList("repeats-at-page-border", 45, "lists the last object of a page again on the next one", (honest, options) =>
    relisted(honest.list(options), (objects) => objects.flatMap((object, n) => (n > 0 && n % PAGE === 0 ? [objects[n - 1]!, object] : [object])))),
  brokenList("ascii-prefix", 46, "lists nothing where a prefix is not ASCII", (honest, options) => {
    // oxlint-disable-next-line no-control-regex
    return /^[\x00-\x7f]*$/.test(options.prefix ?? "") ? honest.list(options) : Stream.empty
  }),
  brokenList("utf-16-order", 46, "lists in the order of UTF-16 units", (honest, options) =>
    relisted(honest.list(options), (objects) => [...objects].sort((a, b) => (a.key < b.key ? -1 : 1)))),
  brokenList("starts-after-utf-16", 46, "compares keys by UTF-16 units when it is to begin behind one", (honest, { startAfter, ...options }) =>
    Stream.filter(honest.list(options), ({ key }) => startAfter === undefined || key > startAfter)),
  broken("lists-later", 47, "lists an object some time after it was written", (honest) => {
    const young = new Map<string, number>()
    let time = 0
    return {
      write: (key, body, options) => Effect.tap(honest.write(key, body, options), () => Effect.sync(() => young.set(key, time))),
      list: (options) => Stream.suspend(() => {
        time++
        return Stream.filter(honest.list(options), ({ key }) => time - (young.get(key) ?? 0) > 2)
      })
    }
  }),
  brokenList("counts-its-way", 48, "finds the next page by counting objects, so that it loses one when another is deleted", (honest, options) =>
    Stream.flattenIterable(Stream.unfold(0, (at) =>
      Effect.map(Stream.runCollect(honest.list(options)), (all) => at >= all.length ? undefined : [all.slice(at, at + 100), at + 100] as const))))
]
