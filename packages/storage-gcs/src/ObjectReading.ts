/**
 * Looking at objects, and reading them as streams of pieces. A download that breaks off or stalls on its way goes on where it was, with the same generation of the object.
 */
import { fromGcsMd5 } from "@sheaf/core/domain/ContentHash"
import type { ReadOptions, StorageError, StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { createHash, type Hash } from "node:crypto"
import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { type Bucket, isGeneration, type ObjectResource, versionOf } from "./Bucket.ts"
import { pause } from "./Exchange.ts"
import { failure } from "./GcsFailure.ts"

export const statObject = (bucket: Bucket, key: string): Effect.Effect<StorageObject, StorageError> =>
  bucket.attempt("stat", key, async () => toObject(key, await lookAt(bucket, "stat", key, bucket.nameOf("stat", key))))

/** What the store says about the object with a name. */
export const lookAt = async (bucket: Bucket, operation: string, key: string, name: string): Promise<ObjectResource> => {
  const [found] = await bucket.ask(operation, key, () => bucket.client.file(name).getMetadata())
  return found as ObjectResource
}

export const toObject = (key: string, found: ObjectResource): StorageObject => ({
  key,
  size: Number(found.size ?? 0),
  // When these bytes were put there; what is said about them may change later.
  modifiedAt: timeOf(found),
  version: versionOf(found),
  digests: digestsOf(found)
})

const timeOf = ({ timeCreated }: ObjectResource): number | null => {
  const time = Date.parse(timeCreated ?? "")
  return Number.isNaN(time) ? null : time
}

/** An object composed of others has no MD5; a CRC is no hash of content. */
const digestsOf = ({ md5Hash }: ObjectResource): StorageObject["digests"] => {
  const md5 = md5Hash === undefined ? null : fromGcsMd5(md5Hash)
  return md5 === null ? {} : { md5: md5.hash }
}

export const readObject = (bucket: Bucket, key: string, options: ReadOptions = {}): Stream.Stream<Uint8Array, StorageError> =>
  Stream.unwrap(Effect.gen(function*() {
    const download = yield* Effect.acquireRelease(
      Effect.try({ try: () => new Download(bucket, key, options), catch: (error) => bucket.explain("read", key, error) }),
      (download) => Effect.sync(() => download.close())
    )
    const next = Effect.tryPromise({ try: () => download.next(), catch: (error) => bucket.explain("read", key, error) })
    return Stream.unfold(null, () => Effect.map(next, (piece) => (piece === null ? undefined : [piece, null] as const)))
  }))

/** How often in a row a download is taken up again without a byte in between. */
const RESUMES = 5

class Download {
  readonly #bucket: Bucket
  readonly #key: string
  readonly #name: string
  readonly #abort = new AbortController()
  readonly #wantedEnd: number | undefined
  readonly #isAsked: boolean
  /** The generation that is read, once it is known. */
  #version: string | null
  #position: number
  #end: number | null = null
  #body: IncomingMessage | null = null
  #failures = 0
  /** Of what has arrived, and what the store says it is; null for a part of an object. */
  #md5: { readonly hash: Hash; readonly expected: string } | null = null

  constructor(bucket: Bucket, key: string, { ifMatch, range }: ReadOptions) {
    const { end, start = 0 } = range ?? {}
    this.#bucket = bucket
    this.#key = key
    this.#name = bucket.nameOf("read", key)
    const isRange = Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end >= start))
    if (!isRange) throw failure("RangeInvalid", "read", key, `from ${start} up to ${end} is no range of bytes`)
    this.#position = start
    this.#wantedEnd = end
    this.#version = ifMatch ?? null
    this.#isAsked = ifMatch !== undefined
  }

  /** The next piece, or null at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      try {
        if (this.#end === null || (this.#body === null && this.#position < this.#end)) await this.#open()
        if (this.#body === null) return this.#finish()
        const piece = await this.#bucket.exchange.next(this.#body)
        if (piece === null) {
          this.#body = null
          if (this.#position < this.#end!) throw failure("Unavailable", "read", this.#key, `it ended after ${this.#position} of ${this.#end} bytes`)
          return this.#finish()
        }
        this.#position += piece.length
        this.#failures = 0
        if (this.#position > this.#end!) throw failure("Unexpected", "read", this.#key, "the store gave more bytes than it was asked for", false)
        this.#md5?.hash.update(piece)
        return piece
      } catch (error) {
        await this.#recover(error)
      }
    }
  }

  close(): void {
    this.#abort.abort()
    this.#drop()
  }

  #finish(): null {
    const md5 = this.#md5
    this.#md5 = null
    if (md5 !== null && md5.hash.digest("base64") !== md5.expected) {
      throw failure("Corrupt", "read", this.#key, "what arrived does not have the MD5 that the store gives for it", true)
    }
    return null
  }

  /** After a failure on the way: returns to go on, or throws what it comes to. */
  async #recover(error: unknown): Promise<void> {
    const problem = this.#bucket.explain("read", this.#key, error)
    const isBegun = this.#end !== null
    this.#drop()
    if (this.#abort.signal.aborted || !isBegun || problem.kind === "Corrupt") throw problem
    // Everything has arrived; a connection that breaks off then takes nothing away.
    if (this.#position === this.#end && problem.retry) return
    if (problem.kind === "PreconditionFailed" && !this.#isAsked) {
      throw failure("PreconditionFailed", "read", this.#key, "it was replaced while it was read", true)
    }
    // Without a generation the rest could be that of another object.
    if (!problem.retry || this.#version === null || ++this.#failures > RESUMES) throw problem
    await pause(100 * 2 ** this.#failures, this.#abort.signal)
  }

  async #open(): Promise<void> {
    const from = this.#position
    const to = this.#end ?? this.#wantedEnd
    // No range has no bytes in it, and no generation is such a text.
    if ((to !== undefined && from === to) || (this.#version !== null && !isGeneration(this.#version))) return this.#settleEmpty()
    const isPart = from > 0 || to !== undefined
    const answer = await this.#bucket.send("read", this.#key, {
      method: "GET",
      path: this.#bucket.pathOf(this.#name),
      query: { alt: "media", ...(this.#version === null ? {} : { ifGenerationMatch: this.#version }) },
      headers: {
        // What is stored, also where that is compressed: https://cloud.google.com/storage/docs/transcoding
        "accept-encoding": "gzip",
        "cache-control": "no-cache, no-store",
        ...(isPart ? { range: `bytes=${from}-${to === undefined ? "" : to - 1}` } : {})
      },
      signal: this.#abort.signal
    }).catch((error: unknown) => {
      if ((error as StorageError).kind === "RangeInvalid") return null
      throw error
    })
    if (answer === null) return this.#settleEmpty()
    this.#body = answer.body
    const { end, start } = extentOf(answer.headers)
    if (start !== from || end === null) throw failure("Unsupported", "read", this.#key, "the store does not give the range that it was asked for")
    if (this.#end === null && !isPart) this.#md5 = md5Of(answer.headers)
    const version = single(answer.headers["x-goog-generation"]) ?? null
    // Some servers do not look at the precondition.
    if (this.#version !== null && version !== null && version !== this.#version) {
      throw failure("PreconditionFailed", "read", this.#key, "the object is not the one that was asked for")
    }
    this.#end ??= end
    this.#version ??= version
  }

  /** There is nothing to be sent: the range is empty, or begins at the end of the object or after it; or the version is none. */
  async #settleEmpty(): Promise<void> {
    const found = await lookAt(this.#bucket, "read", this.#key, this.#name)
    const size = Number(found.size ?? 0)
    if (this.#version !== null && this.#version !== versionOf(found)) {
      throw failure("PreconditionFailed", "read", this.#key, "the object is not the one that was asked for")
    }
    if (this.#position > size) throw failure("RangeInvalid", "read", this.#key, `the range starts at ${this.#position}, the object has ${size} bytes`)
    this.#end = this.#position
  }

  #drop(): void {
    this.#body?.destroy()
    this.#body = null
  }
}

const single = (header: string | ReadonlyArray<string> | undefined): string | undefined => (typeof header === "string" ? header : header?.[0])

/** Which bytes an answer brings. */
const extentOf = (headers: IncomingHttpHeaders): { readonly start: number; readonly end: number | null } => {
  const [, start, last] = /^bytes ([0-9]+)-([0-9]+)\//.exec(headers["content-range"] ?? "") ?? []
  if (start !== undefined) return { start: Number(start), end: Number(last) + 1 }
  const length = single(headers["x-goog-stored-content-length"]) ?? headers["content-length"]
  return { start: 0, end: length === undefined ? null : Number(length) }
}

/** The MD5 of a whole object in the answer's head: https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash */
const md5Of = (headers: IncomingHttpHeaders): { readonly hash: Hash; readonly expected: string } | null => {
  const [, expected] = /(?:^|[,\s])md5=([A-Za-z0-9+/]{22}==)/.exec([headers["x-goog-hash"] ?? ""].flat().join(",")) ?? []
  return expected === undefined ? null : { hash: createHash("md5"), expected }
}
