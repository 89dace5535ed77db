/**
 * Writing objects. Content of up to one chunk is sent in one request, more of it in chunks, while it is being read. The last chunk is held back until everything has
 * passed and is what it should be; only that one makes the object visible.
 */
import type { StorageBody, StorageError, StorageObject, WriteOptions } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { createHash, type Hash } from "node:crypto"
import { open } from "node:fs/promises"
import { bodyDigests, type BodyDigests } from "@sheaf/core/workers/BodyDigests"
import type { Bucket, ObjectResource } from "./Bucket.ts"
import { failure } from "./GcsFailure.ts"
import type { WriteMarks, WriteTarget } from "./ObjectCommit.ts"
import { toObject } from "./ObjectReading.ts"
import { ResumableUpload } from "./ResumableUpload.ts"
import { sendWhole } from "./SingleUpload.ts"

/** Bytes of the largest object: https://cloud.google.com/storage/quotas#objects */
export const MAX_OBJECT = 5 * 1024 ** 4
/** Bytes read from a file at once. */
const PIECE = 1024 * 1024

export const writeObject = (bucket: Bucket, marks: WriteMarks, key: string, body: StorageBody, options: WriteOptions): Effect.Effect<StorageObject, StorageError> =>
  Effect.gen(function*() {
    const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> => Effect.tryPromise({ try: run, catch: (error) => bucket.explain("write", key, error) })
    const { digests, target } = yield* Effect.try({
      try: () => {
        const target: WriteTarget = { operation: "write", key, name: bucket.nameToChange("write", key), mode: options.mode }
        if ((options.size ?? 0) > MAX_OBJECT) throw failure("TooLarge", "write", key, `an object has at most ${MAX_OBJECT} bytes`)
        return { target, digests: bodyDigests((kind, detail) => failure(kind, "write", key, detail), options) }
      },
      catch: (error) => bucket.explain("write", key, error)
    })
    const made = yield* Effect.acquireUseRelease(
      Effect.sync(() => new Upload(bucket, marks, target, digests, { ...options, ...(body.type === "bytes" ? { size: body.bytes.length } : {}) })),
      (upload) =>
        feed(key, body, (bytes) => attempt(() => upload.add(bytes))).pipe(
          // This is decided then: waiting for the answer is the only way to know that nothing is left.
          Effect.andThen(Effect.uninterruptible(attempt(() => upload.finish())))
        ),
      (upload) => Effect.promise(() => upload.dispose())
    )
    return toObject(key, made)
  })

/** The bytes of a write as they come. */
class Upload {
  readonly #bucket: Bucket
  readonly #marks: WriteMarks
  readonly #target: WriteTarget
  readonly #digests: BodyDigests<StorageError>
  readonly #options: WriteOptions
  /** Of what was sent; null where it is announced, and so compared anyway. */
  readonly #md5: Hash | null
  /** In base64. */
  readonly #announcedMd5: string | null
  #isStopped = false
  #session: ResumableUpload | null = null
  #chunk: Uint8Array = new Uint8Array(0)
  #filled = 0
  #sent = 0
  #busy: Promise<void> = Promise.resolve()

  constructor(bucket: Bucket, marks: WriteMarks, target: WriteTarget, digests: BodyDigests<StorageError>, options: WriteOptions) {
    this.#bucket = bucket
    this.#marks = marks
    this.#target = target
    this.#digests = digests
    this.#options = options
    const md5 = options.expect?.["md5"]
    this.#announcedMd5 = md5 === undefined ? null : Buffer.from(md5, "base64url").toString("base64")
    this.#md5 = md5 === undefined ? createHash("md5") : null
  }

  /** Takes bytes over, which the caller may then use again. */
  add(bytes: Uint8Array): Promise<void> {
    return this.#busy = this.#add(bytes)
  }

  /** All bytes were given: compares them, and makes the object visible. */
  async finish(): Promise<ObjectResource> {
    const problem = this.#digests.check()
    if (problem !== null) throw problem
    const rest = this.#chunk.subarray(0, this.#filled)
    if (this.#session === null) return sendWhole(this.#bucket, this.#marks, this.#target, rest)
    return this.#session.finish(rest, this.#announcedMd5 ?? this.#md5!.update(rest).digest("base64"))
  }

  async dispose(): Promise<void> {
    this.#isStopped = true
    this.#session?.stop()
    // What was under way when the write was interrupted comes to its end first.
    await this.#busy.catch(() => undefined)
    await this.#session?.dispose()
  }

  async #add(bytes: Uint8Array): Promise<void> {
    this.#digests.update(bytes)
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === this.#chunk.length) await this.#nextChunk()
      const taken = Math.min(bytes.length - at, this.#chunk.length - this.#filled)
      this.#chunk.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
    }
  }

  /** More bytes come than the chunk can hold: it is sent, and its memory used again. */
  async #nextChunk(): Promise<void> {
    const { chunkSize } = this.#bucket.settings
    if (this.#filled === 0) {
      // Only announced bytes are sure not to be followed by more.
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(1, Math.min(chunkSize, this.#options.size ?? chunkSize)))
      return
    }
    this.#session ??= await ResumableUpload.begin(this.#bucket, this.#marks, this.#target, this.#announcedMd5)
    if (this.#isStopped) throw failure("Unavailable", "write", this.#target.key, "the upload was given up")
    this.#md5?.update(this.#chunk)
    await this.#session.send(this.#chunk)
    this.#sent += this.#filled
    this.#filled = 0
    if (this.#sent > MAX_OBJECT) throw failure("TooLarge", "write", this.#target.key, `an object has at most ${MAX_OBJECT} bytes`)
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
