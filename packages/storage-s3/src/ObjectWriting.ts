/**
 * Writing objects. Content of up to one part is sent in one request, more of it in parts, while it is being read; what it should be is compared before the last
 * request, which makes it visible.
 */
import type { StorageBody, StorageError, StorageObject, WriteOptions } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { open, stat } from "node:fs/promises"
import { bodyDigests, type BodyDigests } from "@sheaf/core/workers/BodyDigests"
import type { Bucket } from "./Bucket.ts"
import { MultipartUpload, PARTS, partSizeFor, type UploadTarget } from "./MultipartUpload.ts"
import type { WriteMarks } from "./ObjectCommit.ts"
import { putObject } from "./PutObject.ts"
import { failure } from "./S3Failure.ts"

/** Bytes of the largest object. */
export const MAX_OBJECT = PARTS.max * PARTS.maxParts
/** Bytes read from a file at once. */
const PIECE = 1024 * 1024

export const writeObject = (bucket: Bucket, marks: WriteMarks, key: string, body: StorageBody, options: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  Effect.gen(function*() {
    const target = yield* Effect.try({
      try: (): UploadTarget => ({ operation: "write", key, name: bucket.nameToChange("write", key), mode: options.mode }),
      catch: (error) => bucket.explain("write", key, error)
    })
    if ((options.size ?? 0) > MAX_OBJECT) return yield* failure("TooLarge", "write", key, `an object has at most ${MAX_OBJECT} bytes`)
    const digests = yield* Effect.try({ try: () => bodyDigests((kind, detail) => failure(kind, "write", key, detail), options), catch: (error) => bucket.explain("write", key, error) })
    const expected = options.size ?? (yield* sizeHint(body))
    const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> => Effect.tryPromise({ try: run, catch: (error) => bucket.explain("write", key, error) })
    const { size, version } = yield* Effect.acquireUseRelease(
      Effect.sync(() => new Upload(bucket, marks, target, digests, options, expected)),
      (upload) =>
        feed(key, body, (bytes) => attempt(() => upload.add(bytes))).pipe(
          Effect.andThen(attempt(() => upload.ready())),
          // This is decided then: waiting for the answer is the only way to know that nothing is left.
          Effect.andThen(Effect.uninterruptible(attempt(() => upload.finish())))
        ),
      (upload) => Effect.promise(() => upload.dispose())
    )
    return { key, size, modifiedAt: null, version, digests: options.expect ?? {} }
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

/** The bytes of a write as they come. */
class Upload {
  readonly #bucket: Bucket
  readonly #marks: WriteMarks
  readonly #target: UploadTarget
  readonly #digests: BodyDigests<StorageError>
  readonly #options: WriteOptions
  readonly #expected: number | undefined
  #parts: MultipartUpload | null = null
  #part: Uint8Array = new Uint8Array(0)
  #filled = 0
  #sent = 0
  #size = 0
  #busy: Promise<void> = Promise.resolve()

  constructor(bucket: Bucket, marks: WriteMarks, target: UploadTarget, digests: BodyDigests<StorageError>, options: WriteOptions, expected: number | undefined) {
    this.#bucket = bucket
    this.#marks = marks
    this.#target = target
    this.#digests = digests
    this.#options = options
    this.#expected = expected
  }

  /** Takes bytes over, which the caller may then use again. */
  add(bytes: Uint8Array): Promise<void> {
    return this.#busy = this.#add(bytes)
  }

  /** All bytes were given: compares them, and sends what is still here of an object in parts. */
  ready(): Promise<void> {
    return this.#busy = this.#ready()
  }

  /** Makes the object visible. */
  async finish(): Promise<{ readonly version: string | null; readonly size: number }> {
    const size = this.#size
    if (this.#parts !== null) return { version: await this.#parts.complete(size), size }
    const sha256 = this.#options.expect?.["sha256"]
    const headers = sha256 === undefined ? {} : { ChecksumSHA256: Buffer.from(sha256, "base64url").toString("base64") }
    return { version: await putObject(this.#bucket, this.#marks, this.#target, this.#part.subarray(0, this.#filled), headers), size }
  }

  async dispose(): Promise<void> {
    this.#parts?.stop()
    // What was under way when the write was interrupted comes to its end first.
    await this.#busy.catch(() => undefined)
    await this.#parts?.dispose()
  }

  async #add(bytes: Uint8Array): Promise<void> {
    this.#digests.update(bytes)
    this.#size += bytes.length
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === this.#part.length) await this.#nextPart()
      const taken = Math.min(bytes.length - at, this.#part.length - this.#filled)
      this.#part.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
    }
  }

  async #ready(): Promise<void> {
    const problem = this.#digests.check()
    if (problem !== null) throw problem
    if (this.#parts === null) return
    if (this.#filled > 0) await this.#parts.send(this.#part.subarray(0, this.#filled))
    await this.#parts.sent()
  }

  /** More bytes come than the part can hold: it is sent, and a new one begun. */
  async #nextPart(): Promise<void> {
    if (this.#filled > 0) {
      this.#parts ??= await MultipartUpload.begin(this.#bucket, this.#marks, this.#target)
      await this.#parts.send(this.#part)
      this.#sent++
    }
    const length = partSizeFor(this.#bucket.settings.partSize, this.#expected, this.#sent)
    // Only announced bytes are sure not to be followed by more.
    const left = this.#options.size === undefined ? length : this.#options.size - this.#sent * length
    // Memory that is not filled is not used.
    this.#part = Buffer.allocUnsafeSlow(Math.max(1, Math.min(length, left)))
    this.#filled = 0
  }
}

const feed = (key: string, body: StorageBody, take: (bytes: Uint8Array) => Effect.Effect<void, StorageError>): Effect.Effect<void, StorageError> => {
  const source = (error: unknown): StorageError => failure("Unexpected", "write", key, `the file to be stored cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`)
  switch (body.type) {
    case "bytes": {
      let at = 0
      return Effect.whileLoop({
        while: () => at < body.bytes.length,
        body: () => take(body.bytes.subarray(at, at + PIECE)),
        step: () => void (at += PIECE)
      })
    }
    case "stream":
      return Stream.runForEach(body.open(), take)
    case "file":
      return Effect.acquireUseRelease(
        Effect.tryPromise({ try: () => open(body.path, "r"), catch: source }),
        (file) => {
          const buffer = Buffer.allocUnsafeSlow(PIECE)
          let read = -1
          return Effect.whileLoop({
            while: () => read !== 0,
            body: () =>
              Effect.flatMap(
                Effect.uninterruptible(Effect.tryPromise({ try: () => file.read(buffer, 0, PIECE), catch: source })),
                ({ bytesRead }) => Effect.as(take(buffer.subarray(0, bytesRead)), bytesRead)
              ),
            step: (bytesRead) => void (read = bytesRead)
          })
        },
        (file) => Effect.promise(() => file.close().catch(() => undefined))
      )
  }
}
