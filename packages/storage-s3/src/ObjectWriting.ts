/**
 * Writing objects. Content of up to one part is sent in one request, more of it in parts, while it is being read; what it should be is compared before the last
 * request, which makes it visible.
 */
import { MD5_LENGTH, type PartDigests, partSizeFor } from "@sheaf/core/domain/ObjectParts"
import type { StorageBody, StorageError, StorageObject, WriteOptions } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { hash } from "node:crypto"
import { type FileHandle, open, stat } from "node:fs/promises"
import { bodyDigests, type BodyDigests } from "@sheaf/core/workers/BodyDigests"
import { readBuffer } from "@sheaf/core/workers/ReadBuffer"
import type { Bucket } from "./Bucket.ts"
import { growingPart, MultipartUpload, PARTS, type UploadTarget } from "./MultipartUpload.ts"
import type { WriteMarks } from "./ObjectCommit.ts"
import { putObject } from "./PutObject.ts"
import { failure } from "./S3Failure.ts"

/** Bytes of the largest object. */
export const MAX_OBJECT = PARTS.max * PARTS.maxParts
/** Bytes read from a file at once. */
const PIECE = 1024 * 1024
/** Bytes read of a file to learn whether a part is its last one. */
const AHEAD = 64 * 1024

export const writeObject = (bucket: Bucket, marks: WriteMarks, key: string, body: StorageBody, options: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  body.type === "bytes" && body.bytes.length <= bucket.settings.partSize ? writeWhole(bucket, marks, key, body.bytes, options) : writeInPieces(bucket, marks, key, body, options)

/** Throws what makes a write impossible. */
const targetOf = (bucket: Bucket, key: string, { mode, size = 0 }: WriteOptions): UploadTarget => {
  const name = bucket.nameToChange("write", key)
  if (size > MAX_OBJECT) throw failure("TooLarge", "write", key, `an object has at most ${MAX_OBJECT} bytes`)
  return { operation: "write", key, name, mode }
}

const stored = (key: string, size: number, version: string | null, { expect = {} }: WriteOptions): StorageObject => ({ key, size, modifiedAt: null, version, digests: expect })

/** The digest of the content that a store is to compare and keep, where it was announced. */
const checksumHeaders = ({ expect }: WriteOptions): { readonly ChecksumSHA256?: string } => {
  const sha256 = expect?.["sha256"]
  return sha256 === undefined ? {} : { ChecksumSHA256: Buffer.from(sha256, "base64url").toString("base64") }
}

/** Small content that is in memory: one step, which is decided when it begins. */
const writeWhole = (bucket: Bucket, marks: WriteMarks, key: string, bytes: Uint8Array, options: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  Effect.uninterruptible(Effect.tryPromise({
    try: async () => {
      const target = targetOf(bucket, key, options)
      const { md5: expected, ...others } = options.expect ?? {}
      const digests = digestsOf(key, { ...options, expect: others }, null)
      digests.update(bytes)
      // The store wants the MD5 anyway.
      const md5 = hash("md5", bytes, "buffer")
      const found = md5.toString("base64url")
      const problem = digests.check() ?? (expected === undefined || found === expected ? null : failure("ChecksumMismatch", "write", key, `its md5 is ${found}, not ${expected}`))
      if (problem !== null) throw problem
      return stored(key, bytes.length, await putObject(bucket, marks, target, bytes, checksumHeaders(options), md5), options)
    },
    catch: (error) => bucket.explain("write", key, error)
  }))

const writeInPieces = (bucket: Bucket, marks: WriteMarks, key: string, body: StorageBody, options: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  Effect.gen(function*() {
    const target = yield* Effect.try({ try: () => targetOf(bucket, key, options), catch: (error) => bucket.explain("write", key, error) })
    const partDigests = usableDigests(bucket, options)
    const digests = yield* Effect.try({ try: () => digestsOf(key, options, partDigests), catch: (error) => bucket.explain("write", key, error) })
    const expected = options.size ?? (yield* sizeHint(body))
    const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> => Effect.tryPromise({ try: run, catch: (error) => bucket.explain("write", key, error) })
    const { size, version } = yield* Effect.acquireUseRelease(
      Effect.sync(() => new Upload(bucket, marks, target, { digests, partDigests, options, expected })),
      (upload) =>
        feed(key, body, upload, attempt).pipe(
          Effect.andThen(attempt(() => upload.ready())),
          // This is decided then: waiting for the answer is the only way to know that nothing is left.
          Effect.andThen(Effect.uninterruptible(attempt(() => upload.finish())))
        ),
      (upload) => Effect.promise(() => upload.dispose())
    )
    return stored(key, size, version, options)
  })

/** About how many bytes a body has, where that is not known; parts are sized by it. */
const sizeHint = (body: StorageBody): Effect.Effect<number | undefined> => {
  switch (body.type) {
    case "bytes":
      return Effect.succeed(body.bytes.length)
    case "file":
      return Effect.promise(() => stat(body.path).then(({ size }) => size, () => undefined))
    case "stream":
      return Effect.succeed(undefined)
  }
}

/** Digests that were made beforehand, if they are those of the parts that will be sent. */
const usableDigests = (bucket: Bucket, { partDigests, size }: WriteOptions): PartDigests | null => {
  const { partSize } = bucket.settings
  if (partDigests === undefined || size === undefined || size <= partSize || partDigests.size !== partSizeFor({ size: partSize, maxParts: PARTS.maxParts }, size)) return null
  return partDigests.md5.length === Math.ceil(size / partDigests.size) * MD5_LENGTH ? partDigests : null
}

/** What is compared here: all that is expected, or only the size where the store compares the parts. */
const digestsOf = (key: string, options: WriteOptions, partDigests: PartDigests | null): BodyDigests<StorageError> => {
  const compared = (what: WriteOptions) => bodyDigests((kind, detail) => failure(kind, "write", key, detail), what)
  const all = compared(options)
  return partDigests === null || options.size === undefined ? all : compared({ mode: options.mode, size: options.size })
}

/** The bytes of a write as they come. */
class Upload {
  readonly #bucket: Bucket
  readonly #marks: WriteMarks
  readonly #target: UploadTarget
  readonly #digests: BodyDigests<StorageError>
  readonly #partDigests: PartDigests | null
  readonly #options: WriteOptions
  readonly #expected: number | undefined
  #parts: MultipartUpload | null = null
  #part: Uint8Array = new Uint8Array(0)
  #filled = 0
  #sent = 0
  #size = 0
  #busy: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(bucket: Bucket, marks: WriteMarks, target: UploadTarget, write: {
    readonly digests: BodyDigests<StorageError>; readonly partDigests: PartDigests | null; readonly options: WriteOptions; readonly expected: number | undefined
  }) {
    this.#bucket = bucket
    this.#marks = marks
    this.#target = target
    this.#digests = write.digests
    this.#partDigests = write.partDigests
    this.#options = write.options
    this.#expected = write.expected
  }

  /** Takes bytes over, which the caller may then use again. */
  add(bytes: Uint8Array): Promise<void> {
    return this.#during(() => this.#add(bytes))
  }

  /** Takes what a file has, from its start. `problem` makes the error for what cannot be read. */
  addFile(file: FileHandle, problem: (error: unknown) => StorageError): Promise<void> {
    const read = async (into: Uint8Array): Promise<Uint8Array> => {
      const { bytesRead } = await file.read(into, 0, Math.min(PIECE, into.length)).catch((error: unknown) => { throw problem(error) })
      return into.subarray(0, bytesRead)
    }
    return this.#during(async () => {
      // A part is not sent before it is known that it was not the last one.
      const ahead = Buffer.allocUnsafeSlow(AHEAD)
      while (!this.#isStopped) {
        const isFull = this.#filled === this.#part.length
        const bytes = await read(isFull ? ahead : this.#part.subarray(this.#filled))
        if (bytes.length === 0) return
        if (isFull) await this.#add(bytes)
        else this.#take(bytes)
      }
    })
  }

  /** All bytes were given: compares them, and sends what is still here of an object in parts. */
  ready(): Promise<void> {
    return this.#during(async () => {
      const problem = this.#digests.check()
      if (problem !== null) throw problem
      if (this.#parts === null) return
      if (this.#filled > 0) await this.#send(this.#parts, this.#part.subarray(0, this.#filled))
      await this.#parts.sent()
    })
  }

  /** Makes the object visible. */
  async finish(): Promise<{ readonly version: string | null; readonly size: number }> {
    const size = this.#size
    if (this.#parts !== null) return { version: await this.#parts.complete(size), size }
    return { version: await putObject(this.#bucket, this.#marks, this.#target, this.#part.subarray(0, this.#filled), checksumHeaders(this.#options)), size }
  }

  async dispose(): Promise<void> {
    this.#isStopped = true
    this.#parts?.stop()
    // What was under way when the write was interrupted comes to its end first.
    await this.#busy.catch(() => undefined)
    await this.#parts?.dispose()
  }

  #during<A>(run: () => Promise<A>): Promise<A> {
    const running = run()
    this.#busy = running
    return running
  }

  async #add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === this.#part.length) await this.#nextPart()
      const piece = bytes.subarray(at, at + this.#part.length - this.#filled)
      this.#part.set(piece, this.#filled)
      this.#take(piece)
      at += piece.length
    }
  }

  /** Bytes that stand in the part now. */
  #take(bytes: Uint8Array): void {
    this.#digests.update(bytes)
    this.#size += bytes.length
    this.#filled += bytes.length
  }

  /** More bytes come than the part can hold: it is sent, and a new one begun. */
  async #nextPart(): Promise<void> {
    if (this.#filled > 0) {
      this.#parts ??= await MultipartUpload.begin(this.#bucket, this.#marks, this.#target)
      await this.#send(this.#parts, this.#part)
    }
    const { partSize } = this.#bucket.settings
    const length = this.#expected === undefined ? growingPart(partSize, this.#sent) : partSizeFor({ size: partSize, maxParts: PARTS.maxParts }, this.#expected)
    // Only announced bytes are sure not to be followed by more.
    const left = this.#options.size === undefined ? length : this.#options.size - this.#sent * length
    const bytes = Math.max(1, Math.min(length, left))
    const free = this.#parts?.freeMemory()
    this.#part = free !== undefined && free.length >= bytes ? free.subarray(0, bytes) : bytes < PIECE ? Buffer.allocUnsafeSlow(bytes) : readBuffer(bytes).subarray(0, bytes)
    this.#filled = 0
  }

  async #send(parts: MultipartUpload, bytes: Uint8Array): Promise<void> {
    const at = this.#sent++ * MD5_LENGTH
    await parts.send(bytes, this.#partDigests?.md5.subarray(at, at + MD5_LENGTH) ?? null, this.#part)
  }
}

const feed = (key: string, body: StorageBody, upload: Upload, attempt: <A>(run: () => Promise<A>) => Effect.Effect<A, StorageError>): Effect.Effect<void, StorageError> => {
  const source = (error: unknown): StorageError => failure("Unexpected", "write", key, `the file to be stored cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`)
  switch (body.type) {
    case "bytes":
      return attempt(() => upload.add(body.bytes))
    case "stream":
      return Stream.runForEach(body.open(), (bytes) => attempt(() => upload.add(bytes)))
    case "file":
      return Effect.acquireUseRelease(
        Effect.tryPromise({ try: () => open(body.path, "r"), catch: source }),
        (file) => attempt(() => upload.addFile(file, source)),
        (file) => Effect.promise(() => file.close().catch(() => undefined))
      )
  }
}
