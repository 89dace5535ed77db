/**
 * Listing objects page by page, in the bytewise order of their names, which is the one that S3 lists in.
 */
import { fromEtag } from "@sheaf/core/domain/ContentHash"
import { escapePath, fromUserPath, unescapePath } from "@sheaf/core/domain/FileName"
import type { ListOptions, StorageError, StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Option, Stream } from "effect"
import { type Bucket, versionOf } from "./Bucket.ts"
import { NOTICES } from "./ObjectNames.ts"
import { failure } from "./S3Failure.ts"
import { digestsOf, head, isKeyed, wholeSeconds } from "./ObjectReading.ts"

/** Where a page begins. */
interface Position {
  readonly startAfter: string | null
  readonly token: string | null
  /** Last name of the page before. */
  readonly last: string
}

/** The folder of a registry at the top of its root. */
const OWN = ".sheaf/"
/** Names without a key that are told. */
const EXAMPLES = 3

export const listObjects = (bucket: Bucket, options: ListOptions = {}): Stream.Stream<StorageObject, StorageError> =>
  Stream.suspend(() => {
    const { prefix = "", startAfter } = options
    const { names } = bucket
    const begin = names.prefixOf(prefix)
    if (begin === null) return Stream.empty
    const after = startAfter === undefined ? "" : unescapePath(startAfter)
    const start = startAfter === undefined || startAfter === "" ? null : names.startOf(startAfter)
    if (start !== null && !start.startsWith(begin) && isLess(begin, start)) return Stream.empty
    const others: Array<string> = []
    let otherCount = 0

    const page = (at: Position) =>
      Effect.gen(function*() {
        const answer = yield* bucket.attempt("list", prefix, (signal) => bucket.client.send(
          new bucket.sdk.ListObjectsV2Command({
            Bucket: bucket.name,
            Prefix: begin,
            EncodingType: "url",
            ...(at.token === null ? {} : { ContinuationToken: at.token }),
            ...(at.startAfter === null ? {} : { StartAfter: at.startAfter })
          }),
          { abortSignal: signal }
        ))
        const decode = answer.EncodingType === "url" ? decoded : (text: string) => text
        const objects: Array<StorageObject> = []
        let last = at.last
        for (const { ETag, Key, LastModified, Size } of answer.Contents ?? []) {
          const name = decode(Key ?? "")
          if (last !== "" && !isLess(last, name)) return yield* failure("Unexpected", "list", prefix, "the store does not list its objects in the order of their names")
          last = name
          const key = names.keyOf(name)
          if (key === null) {
            // The empty objects by which some programs make folders are no loss.
            if (name === names.root || name.startsWith(names.root + NOTICES) || (name.endsWith("/") && Size === 0)) continue
            if (otherCount++ < EXAMPLES) others.push(name)
            continue
          }
          if (!key.startsWith(prefix) || (after !== "" && unescapePath(key) <= after) || ownFolder(key, prefix) !== null) continue
          objects.push({ key, size: Size ?? 0, modifiedAt: wholeSeconds(LastModified), version: versionOf(ETag), digests: {} })
        }
        const found = yield* withDigests(bucket, prefix, objects)
        const next = answer.IsTruncated === true && answer.NextContinuationToken !== undefined
          ? Option.some(nextPosition(last, answer.NextContinuationToken, names.root, prefix))
          : Option.none<Position>()
        if (Option.isNone(next) && otherCount > 0) {
          yield* Effect.logWarning(
            `${otherCount} ${otherCount === 1 ? "object is" : "objects are"} left out of the listing of the bucket ${bucket.name}, with names that are no paths of files, such as ${others.map((name) => JSON.stringify(name)).join(", ")}`
          )
        }
        return [found, next] as const
      })
    const first: Position = { startAfter: start !== null && start.startsWith(begin) ? start : null, token: null, last: "" }
    return Stream.paginate(first, page)
  })

/**
 * With what their ETags say. A listing does not say how objects are encrypted, and that of one encrypted with a key of KMS or of the customer is no digest: so the
 * first and the last object of a page are looked at, and when one of them is, none of the page has a digest.
 */
const withDigests = (bucket: Bucket, prefix: string, objects: ReadonlyArray<StorageObject>): Effect.Effect<ReadonlyArray<StorageObject>, StorageError> =>
  Effect.gen(function*() {
    // A registry knows what it has put into its own folder.
    const plain = prefix.startsWith(OWN) ? [] : objects.filter(({ version }) => version !== null && fromEtag(version) !== null)
    if (plain.length === 0) return objects
    const samples = [...new Set([plain[0]!, plain.at(-1)!])]
    const looked = yield* Effect.forEach(samples, ({ key }) => bucket.attempt("list", key, (signal) => head(bucket, "list", key, bucket.nameOf("list", key), signal)), { concurrency: 2 }).pipe(
      // Removed meanwhile, or not to be looked at.
      Effect.catchIf((error) => error.kind === "NotFound" || error.kind === "PermissionDenied", () => Effect.succeed(null))
    )
    if (looked === null || looked.some(isKeyed)) return objects
    return objects.map((object) => ({ ...object, digests: digestsOf({ ETag: object.version ?? undefined }) }))
  })

/** The folder of a registry's own that a key is in and that the prefix does not name, or null. */
const ownFolder = (key: string, prefix: string): string | null => {
  const found = /^(?:.*?\/)?\.sheaf\//.exec(key)?.[0]
  return found === undefined || prefix.startsWith(found) ? null : found
}

/** A page that ends in a registry's own folder may be followed by many more of it: they are jumped over. */
const nextPosition = (last: string, token: string, root: string, prefix: string): Position => {
  const own = /^(?:.*?\/)?\.sheaf\//.exec(last.slice(root.length))?.[0]
  if (own !== undefined && !prefix.startsWith(escapePath(fromUserPath(own)))) {
    // All that a registry puts there begins with a letter or a digit.
    const behind = `${root}${own}~`
    if (isLess(last, behind)) return { startAfter: behind, token: null, last }
  }
  return { startAfter: null, token, last }
}

/** Bytewise by their UTF-8. The order of UTF-16 differs only where a character beyond U+FFFF meets one from U+E000 on. */
const isLess = (a: string, b: string): boolean => (ASTRAL.test(a) || ASTRAL.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b)
const ASTRAL = /[\uD800-\uDFFF]/

/** Names come encoded, so that those with control characters arrive whole. */
const decoded = (text: string): string => {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return text
  }
}
