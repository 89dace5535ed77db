/**
 * Looking at objects, and reading them as streams of pieces. A download that breaks off or stalls on its way goes on where it was, with the same version of the object.
 */
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3"
import { fromEtag } from "@sheaf/core/domain/ContentHash"
import type { ReadOptions, StorageError, StorageObject } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { type Bucket, pause, versionOf } from "./Bucket.ts"
import { getObject, type ObjectBytes } from "./GetObject.ts"
import { failure, statusOf } from "./S3Failure.ts"

export const statObject = (bucket: Bucket, key: string): Effect.Effect<StorageObject, StorageError> =>
  bucket.attempt("stat", key, async (signal) => toObject(key, await head(bucket, "stat", key, bucket.nameOf("stat", key), signal)))

/** What a store says about an object. */
export const head = (bucket: Bucket, operation: string, key: string, name: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput> =>
  bucket.call(operation, key, async () => {
    try {
      return await bucket.client.send(
        new bucket.sdk.HeadObjectCommand({ Bucket: bucket.name, Key: name, ChecksumMode: "ENABLED" }), signal === undefined ? {} : { abortSignal: signal }
      )
    } catch (error) {
      // An answer to HEAD has no text that could say so.
      if (statusOf(error) === 400 && name.split("/").some((segment) => Buffer.byteLength(segment) > 255)) {
        throw failure("KeyInvalid", operation, key, "the store refuses it; a part of a path may have 255 bytes in some")
      }
      throw error
    }
  })

const toObject = (key: string, found: HeadObjectCommandOutput): StorageObject => ({
  key,
  size: found.ContentLength ?? 0,
  modifiedAt: wholeSeconds(found.LastModified),
  version: versionOf(found.ETag),
  digests: digestsOf(found)
})

/** In whole seconds, since a listing may say more than a header can. */
export const wholeSeconds = (time: Date | undefined): number | null => (time === undefined ? null : Math.floor(time.getTime() / 1000) * 1000)

/** Whether the ETag says nothing about the content: so it is where an object is encrypted with a key of KMS or of the customer. */
export const isKeyed = (found: Pick<HeadObjectCommandOutput, "ServerSideEncryption" | "SSECustomerAlgorithm">): boolean =>
  (found.ServerSideEncryption ?? "").startsWith("aws:kms") || found.SSECustomerAlgorithm !== undefined

/** Digests of the content. */
export const digestsOf = (
  found: { readonly ETag?: string | undefined } & Partial<Pick<HeadObjectCommandOutput, "ServerSideEncryption" | "SSECustomerAlgorithm" | "ChecksumSHA256" | "ChecksumType">>
): StorageObject["digests"] => {
  const byEtag = isKeyed(found) || found.ETag === undefined ? null : fromEtag(found.ETag)
  // A composite one is of the parts' digests.
  const sha256 = found.ChecksumType === "COMPOSITE" ? undefined : found.ChecksumSHA256
  return {
    ...(byEtag === null ? {} : { [byEtag.type]: byEtag.hash }),
    ...(sha256 !== undefined && /^[A-Za-z0-9+/]{43}=$/.test(sha256) ? { sha256: Buffer.from(sha256, "base64").toString("base64url") } : {})
  }
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
  /** The version that is read, once it is known. */
  #version: string | null
  readonly #isAsked: boolean
  #position: number
  #end: number | null = null
  #bytes: ObjectBytes | null = null
  /** Whether more of them may come. */
  #isOpen = false
  #failures = 0

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
        if (this.#end === null || (!this.#isOpen && this.#position < this.#end)) await this.#open()
        const piece = await this.#take()
        if (piece === null) return null
        if (piece.length === 0) continue
        this.#position += piece.length
        this.#failures = 0
        if (this.#position > this.#end!) throw failure("Unexpected", "read", this.#key, "the store gave more bytes than it was asked for")
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

  /** After a failure on the way: returns to go on, or throws what it comes to. */
  async #recover(error: unknown): Promise<void> {
    const bucket = this.#bucket
    const isBegun = this.#end !== null
    const problem = bucket.explain("read", this.#key, error)
    this.#drop()
    if (this.#abort.signal.aborted || !isBegun) throw problem
    if (this.#position >= this.#end!) {
      // Everything has arrived. A connection that breaks off then takes nothing away; what the SDK has to say then is that the checksum is wrong.
      if (problem.kind !== "Unexpected") return
      throw failure("Corrupt", "read", this.#key, "what arrived does not have the checksum that the store gives for it", true)
    }
    if (problem.kind === "PreconditionFailed" && !this.#isAsked) {
      throw failure("PreconditionFailed", "read", this.#key, "it was replaced while it was read", true)
    }
    const mayPass = problem.retry || problem.kind === "Unexpected"
    if (!mayPass || ++this.#failures > RESUMES) throw problem
    await pause(100 * 2 ** this.#failures, this.#abort.signal)
  }

  /** A piece of the open body, or null at its end. */
  async #take(): Promise<Uint8Array | null> {
    if (this.#bytes === null || !this.#isOpen) return null
    let timer: NodeJS.Timeout | undefined
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(failure("Timeout", "read", this.#key, "no more bytes came")), this.#bucket.settings.idleTimeout)
    })
    const pulled = this.#bytes.pieces.next()
    // When it is given up the body fails, and nobody is waiting for it.
    pulled.catch(() => undefined)
    try {
      const { done, value } = await Promise.race([pulled, stalled])
      if (done !== true) return value
      this.#isOpen = false
      if (this.#position < this.#end!) throw failure("Unavailable", "read", this.#key, `it ended after ${this.#position} of ${this.#end} bytes`)
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  async #open(): Promise<void> {
    const bucket = this.#bucket
    const from = this.#position
    const to = this.#end ?? this.#wantedEnd
    // No range has no bytes in it, and past the last one there is none.
    if (to !== undefined && from === to) return this.#settleEmpty()
    const answer = await bucket.call("read", this.#key, () => getObject(bucket, this.#name, { from, to, version: this.#version }, this.#abort.signal)).catch((error: unknown) => {
      if ((error as StorageError).kind === "RangeInvalid") return null
      throw error
    })
    if (answer === null) return this.#settleEmpty()
    this.#bytes = answer
    this.#isOpen = true
    if (answer.start !== from || answer.end === null) throw failure("Unsupported", "read", this.#key, "the store does not give the range that it was asked for")
    this.#end ??= answer.end
    this.#version ??= answer.version
  }

  /** There is nothing to be sent: the range is empty, or begins at the end of the object or after it. */
  async #settleEmpty(): Promise<void> {
    const found = await head(this.#bucket, "read", this.#key, this.#name, this.#abort.signal)
    const size = found.ContentLength ?? 0
    if (this.#version !== null && this.#version !== versionOf(found.ETag)) {
      throw failure("PreconditionFailed", "read", this.#key, "the object is not the one that was asked for")
    }
    if (this.#position > size) throw failure("RangeInvalid", "read", this.#key, `the range starts at ${this.#position}, the object has ${size} bytes`)
    this.#end = this.#position
  }

  #drop(): void {
    this.#bytes?.destroy()
    this.#bytes = null
    this.#isOpen = false
  }
}
