/**
 * Listing objects page by page, in the bytewise order of their names, which is the one that GCS lists in.
 */
import type { ListOptions, StorageError, StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Option, Stream } from "effect"
import type { Bucket, ObjectResource } from "./Bucket.ts"
import { failure } from "./GcsFailure.ts"
import type { ObjectNames } from "./ObjectNames.ts"
import { toObject } from "./ObjectReading.ts"

/** Where a page begins. */
interface Position {
  readonly startOffset: string | null
  readonly token: string | null
  /** Last name of the page before. */
  readonly last: string
}

interface Page {
  readonly items?: ReadonlyArray<ObjectResource>
  readonly nextPageToken?: string
}

const PAGE = 1000
const FIELDS = "nextPageToken,items(name,size,generation,timeCreated,md5Hash)"
/** Names without a key that are told. */
const EXAMPLES = 3

export const listObjects = (bucket: Bucket, options: ListOptions = {}): Stream.Stream<StorageObject, StorageError> =>
  Stream.suspend(() => {
    const { prefix = "", startAfter } = options
    const { names } = bucket
    const begin = names.prefixOf(prefix)
    if (begin === null) return Stream.empty
    const after = startAfter === undefined || startAfter === "" ? null : names.orderOf(startAfter)
    const start = after === null ? null : names.startOf(startAfter!)
    if (start !== null && !start.startsWith(begin) && isLess(begin, start)) return Stream.empty
    const others: Array<string> = []
    let otherCount = 0

    const page = (at: Position) =>
      Effect.gen(function*() {
        const answer = yield* bucket.attempt("list", prefix, async () => {
          const [, , page] = await bucket.ask("list", prefix, () => bucket.client.getFiles({
            autoPaginate: false,
            prefix: begin,
            maxResults: PAGE,
            fields: FIELDS,
            ...(at.token === null ? {} : { pageToken: at.token }),
            ...(at.startOffset === null ? {} : { startOffset: at.startOffset })
          }))
          return page as Page
        }).pipe(Effect.mapError((error) => (error.kind === "NotFound" ? bucket.gone("list", prefix) : error)))
        const objects: Array<StorageObject> = []
        let last = at.last
        for (const found of answer.items ?? []) {
          const name = found.name ?? ""
          if (last !== "" && !isLess(last, name)) return yield* failure("Unexpected", "list", prefix, "the store does not list its objects in the order of their names")
          last = name
          const key = names.keyOf(name)
          if (key === null) {
            // The empty objects by which some programs make folders are no loss.
            if (name === names.root || (name.endsWith("/") && Number(found.size) === 0)) continue
            if (otherCount++ < EXAMPLES) others.push(name)
            continue
          }
          if (!key.startsWith(prefix) || (after !== null && names.orderOf(key) <= after) || ownFolder(key, prefix) !== null) continue
          objects.push(toObject(key, found))
        }
        const next = answer.nextPageToken === undefined || answer.nextPageToken === ""
          ? Option.none<Position>()
          : Option.some(nextPosition({ ...at, token: answer.nextPageToken, last }, names, prefix))
        if (Option.isNone(next) && otherCount > 0) {
          yield* Effect.logWarning(
            `${otherCount} ${otherCount === 1 ? "object is" : "objects are"} left out of the listing of the bucket ${bucket.name}, with names that are no paths of files, such as ${others.map((name) => JSON.stringify(name)).join(", ")}`
          )
        }
        return [objects, next] as const
      })
    return Stream.paginate<Position, StorageObject, StorageError>({ startOffset: start !== null && start.startsWith(begin) ? start : null, token: null, last: "" }, page)
  })

/** The folder of a registry's own that a key is in and that the prefix does not name, or null. */
const ownFolder = (key: string, prefix: string): string | null => {
  const found = /^(?:.*?\/)?\.sheaf\//.exec(key)?.[0]
  return found === undefined || prefix.startsWith(found) ? null : found
}

/** A page that ends in a registry's own folder may be followed by many more of it: they are jumped over. */
const nextPosition = (next: Position, names: ObjectNames, prefix: string): Position => {
  const own = /^(?:.*?\/)?\.sheaf\//.exec(next.last.slice(names.root.length))?.[0]
  const key = names.keyOf(next.last)
  if (own === undefined || key === null || ownFolder(key, prefix) === null) return next
  // All that a registry puts there begins with a letter or a digit.
  const behind = `${names.root}${own}~`
  return isLess(next.last, behind) ? { startOffset: behind, token: null, last: next.last } : next
}

/** Bytewise by their UTF-8. The order of UTF-16 differs only where a character beyond U+FFFF meets one from U+E000 on. */
const isLess = (a: string, b: string): boolean => (ASTRAL.test(a) || ASTRAL.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b)
const ASTRAL = /[\uD800-\uDFFF]/
