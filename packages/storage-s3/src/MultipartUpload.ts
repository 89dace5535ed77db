/**
 * An object on its way in parts. It becomes visible when it is completed, all at once; given up, it leaves nothing.
 */
import type { CompletedPart, CreateMultipartUploadCommandInput } from "@aws-sdk/client-s3"
import type { StorageError, WriteOptions } from "@sheaf/core/ports/Storage"
import { hash } from "node:crypto"
import { type Bucket, repeat, versionOf } from "./Bucket.ts"
import { commit, conditionsOf, exists, isOutcomeOpen, MARK, type WriteMarks } from "./ObjectCommit.ts"
import { head } from "./ObjectReading.ts"
import { failure } from "./S3Failure.ts"
import { type Notice, openNotice } from "./UploadNotices.ts"

/** What S3 allows. */
export const PARTS = { min: 5 * 1024 * 1024, max: 5 * 1024 * 1024 * 1024, maxParts: 10_000 } as const

/** Parts sent at once where the way is wide enough. */
const AT_ONCE = 4
/** Milliseconds for a part within which one more, and after which one less, is sent at once: on a narrow way several would only slow each other down. */
const QUICK = 5_000
const SLOW = 20_000
/** Bytes of parts that are sent at once, unless a single part has more. */
const MEMORY = 256 * 1024 * 1024

/** Bytes of the next part of an object whose size is not known: more and more, so that the parts suffice. */
export const growingPart = (smallest: number, part: number): number => smallest * 2 ** Math.floor(part / 1_000)

export interface UploadTarget {
  readonly operation: string
  readonly key: string
  readonly name: string
  readonly mode: WriteOptions["mode"]
}

/** What an object has beside its bytes. */
export type UploadHeaders = Pick<CreateMultipartUploadCommandInput, "Metadata" | "ContentType" | "ContentEncoding" | "ContentLanguage" | "ContentDisposition" | "CacheControl">

/** A request for one part, which may be done again. */
type SendPart = (part: { readonly UploadId: string; readonly PartNumber: number }, signal: AbortSignal) => Promise<string | undefined>

export class MultipartUpload {
  readonly #bucket: Bucket
  readonly #marks: WriteMarks
  readonly #target: UploadTarget
  readonly #mark: string
  readonly #notice: Notice
  readonly #id: string
  readonly #parts: Array<CompletedPart> = []
  readonly #open = new Set<Promise<void>>()
  readonly #memory: Array<Uint8Array> = []
  readonly #abort = new AbortController()
  #failure: StorageError | null = null
  #begun = 0
  /** Parts that may be on their way together. */
  #width = 1
  #isDone = false

  private constructor(bucket: Bucket, marks: WriteMarks, target: UploadTarget, begun: { readonly mark: string; readonly notice: Notice; readonly id: string }) {
    this.#bucket = bucket
    this.#marks = marks
    this.#target = target
    this.#mark = begun.mark
    this.#notice = begun.notice
    this.#id = begun.id
  }

  /** Begins an upload. What stands in its way is found here, before anything is sent. */
  static async begin(bucket: Bucket, marks: WriteMarks, target: UploadTarget, headers: UploadHeaders = {}): Promise<MultipartUpload> {
    const { key, name, operation } = target
    await checkFree(bucket, target)
    const mark = marks.next(name)
    const notice = await openNotice(bucket, operation, name)
    let id: string | undefined
    try {
      ({ UploadId: id } = await bucket.call(operation, key, () => bucket.client.send(
        new bucket.sdk.CreateMultipartUploadCommand({ ...headers, Bucket: bucket.name, Key: name, Metadata: { ...headers.Metadata, [MARK]: mark } })
      )))
      if (id === undefined) throw failure("Unexpected", operation, key, "the store began an upload without telling its id")
    } catch (error) {
      if (isOutcomeOpen(error as StorageError)) notice.doubt()
      else await notice.close()
      throw error
    }
    const upload = new MultipartUpload(bucket, marks, target, { mark, notice, id })
    await notice.name(id).catch(async (error: unknown) => {
      await upload.dispose()
      throw error
    })
    return upload
  }

  /** The next part, in this memory; waits while as many as are allowed are on their way. `md5` is what its digest should be, where that is known. */
  async send(bytes: Uint8Array, md5: Uint8Array | null, memory: Uint8Array): Promise<void> {
    const { key, name, operation } = this.#target
    const digest = md5 === null ? hash("md5", bytes, "buffer") : Buffer.from(md5)
    const ContentMD5 = digest.toString("base64")
    const isAnother = (): boolean => md5 !== null && !hash("md5", bytes, "buffer").equals(digest)
    const another = (): StorageError => failure("ChecksumMismatch", operation, key, "a part of the content is not what was announced")
    const atOnce = Math.max(1, Math.floor(MEMORY / bytes.length))
    await this.part(async (part, abortSignal) => {
      const { client, name: Bucket, sdk } = this.#bucket
      const command = new sdk.UploadPartCommand({ ...part, Bucket, Key: name, Body: bytes, ContentLength: bytes.length, ContentMD5 })
      // The MD5 is signed, and every store compares it: a SHA-256 beside it would cost either side half a second for each GiB.
      command.middlewareStack.add((next) => (args) => {
        ;(args.request as { readonly headers: Record<string, string> }).headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
        return next(args)
      }, { step: "build", name: "sheafUnsignedPayload" })
      const ETag = await this.#bucket.call(operation, key, () => client.send(command, { abortSignal })).then((answer) => answer.ETag, (error: unknown) => {
        // A digest that does not hold is the fault of the way, or of whoever announced it.
        if ((error as StorageError).kind === "ChecksumMismatch" && isAnother()) throw another()
        throw error
      })
      // An ETag that is the digest shows that the store has compared it.
      if (md5 !== null && versionOf(ETag) !== digest.toString("hex") && isAnother()) throw another()
      // Of a request that was given up the connection may still hold it.
      this.#memory.push(memory)
      return ETag
    }, atOnce)
  }

  /** Memory of a part that has arrived, if there is any: new memory costs as much as to copy into it. */
  freeMemory(): Uint8Array | undefined {
    return this.#memory.pop()
  }

  /** A part by a request of one's own. */
  async part(send: SendPart, atOnce: number = AT_ONCE): Promise<void> {
    while (this.#open.size >= Math.min(atOnce, this.#width)) await Promise.race(this.#open)
    this.#check()
    const PartNumber = ++this.#begun
    if (PartNumber > PARTS.maxParts) throw failure("TooLarge", this.#target.operation, this.#target.key, `it has more than ${PARTS.maxParts} parts`)
    const begun = performance.now()
    const sent = repeat(() => send({ UploadId: this.#id, PartNumber }, this.#abort.signal), this.#abort.signal).then(
      (ETag) => {
        this.#parts[PartNumber - 1] = { PartNumber, ...(ETag === undefined ? {} : { ETag }) }
        const took = performance.now() - begun
        this.#width = Math.max(1, Math.min(AT_ONCE, this.#width + (took < QUICK ? 1 : took > SLOW ? -1 : 0)))
      },
      (error: unknown) => {
        this.#failure ??= this.#bucket.explain(this.#target.operation, this.#target.key, error)
        this.#abort.abort()
      }
    ).finally(() => this.#open.delete(sent))
    this.#open.add(sent)
  }

  /** Waits until all parts have arrived. */
  async sent(): Promise<void> {
    await Promise.all(this.#open)
    this.#check()
  }

  /** Sends no more parts. */
  stop(): void {
    this.#abort.abort()
  }

  /** Makes the object visible; gives its version. */
  async complete(size: number): Promise<string | null> {
    const bucket = this.#bucket
    const { key, mode, name, operation } = this.#target
    await this.sent()
    // Some stores do not look at the condition of this request; then it is only this look that keeps what stands there.
    await checkFree(bucket, this.#target)
    const write = { operation, key, name, mode, mark: this.#mark, size, md5: null }
    const version = await repeat(() => commit(bucket, this.#marks, write, () => bucket.client.send(
      new bucket.sdk.CompleteMultipartUploadCommand({ Bucket: bucket.name, Key: name, UploadId: this.#id, MultipartUpload: { Parts: this.#parts }, ...conditionsOf(mode) })
    )))
    this.#isDone = true
    return version
  }

  /** Gives up what is not completed. */
  async dispose(): Promise<void> {
    const { key, name, operation } = this.#target
    this.stop()
    // A part that arrives after the upload was given up would stay.
    await Promise.all(this.#open)
    if (!this.#isDone) {
      const { client, name: Bucket, sdk } = this.#bucket
      const isGone = await repeat(() => this.#bucket.call(operation, key, () => client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key: name, UploadId: this.#id }))))
        .then(() => true, (error: unknown) => (error as StorageError).kind === "NotFound")
      if (!isGone) return this.#notice.doubt()
    }
    await this.#notice.close()
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure
    if (this.#abort.signal.aborted) throw failure("Unavailable", this.#target.operation, this.#target.key, "the upload was given up")
  }
}

/** Fails where an object stands at the place of a new one. */
const checkFree = async (bucket: Bucket, { key, mode, name, operation }: UploadTarget): Promise<void> => {
  if (mode !== "create") return
  const found = await head(bucket, operation, key, name).then(() => true, (error: unknown) => {
    if ((error as StorageError).kind === "NotFound") return false
    throw error
  })
  if (found) throw exists(operation, key)
}
