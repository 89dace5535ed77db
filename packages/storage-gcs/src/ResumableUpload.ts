/**
 * An object on its way in chunks, over an upload session: https://cloud.google.com/storage/docs/performing-resumable-uploads
 *
 * Nothing is visible before the last chunk has arrived. A chunk whose answer is lost, or that arrived in part, is continued where the store says it stands. A session
 * that is given up is cancelled; that of a killed process is invisible, costs nothing, and ends by itself after a week. The URL of a session is a secret: whoever has it
 * can write.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import type { Bucket, ObjectResource } from "./Bucket.ts"
import { type Incoming, pause } from "./Exchange.ts"
import { failure, RefusedRequest, SilentConnection } from "./GcsFailure.ts"
import { asMismatch, asRefused, commit, conditionOf, MARK, type WriteMarks, type WriteTarget } from "./ObjectCommit.ts"
import { CONTENT_TYPE } from "./SingleUpload.ts"

/** Every chunk but the last is a multiple of so many bytes. */
export const CHUNK_UNIT = 256 * 1024

/** How often in a row a request is repeated without a byte in between. */
const ATTEMPTS = 5

/** What a session answered: the object when it is complete, else how many bytes are there. */
type Progress = { readonly made: ObjectResource } | { readonly arrived: number }

export class ResumableUpload {
  readonly #bucket: Bucket
  readonly #marks: WriteMarks
  readonly #target: WriteTarget
  readonly #mark: string
  readonly #session: string
  readonly #abort = new AbortController()
  /** Bytes that the store has. */
  #arrived = 0
  #isOver = false

  private constructor(bucket: Bucket, marks: WriteMarks, target: WriteTarget, mark: string, session: string) {
    this.#bucket = bucket
    this.#marks = marks
    this.#target = target
    this.#mark = mark
    this.#session = session
  }

  /** Begins an upload. What stands in its way is found here, before anything is sent. `md5` is in base64, where it is known already. */
  static async begin(bucket: Bucket, marks: WriteMarks, target: WriteTarget, md5: string | null): Promise<ResumableUpload> {
    const { key, name, operation } = target
    const mark = marks.next(name)
    const { ifGenerationMatch } = conditionOf(target)
    try {
      const [session] = await bucket.ask(operation, key, () => bucket.client.file(name).createResumableUpload({
        metadata: { contentType: CONTENT_TYPE, metadata: { [MARK]: mark }, ...(md5 === null ? {} : { md5Hash: md5 }) },
        ...(ifGenerationMatch === undefined ? {} : { preconditionOpts: { ifGenerationMatch } })
      }))
      return new ResumableUpload(bucket, marks, target, mark, session)
    } catch (error) {
      throw asRefused(bucket, target, bucket.explain(operation, key, error))
    }
  }

  /** Sends a chunk that is not the last. */
  async send(chunk: Uint8Array): Promise<void> {
    const made = await this.#put(chunk, null, {})
    if (made !== null) throw failure("Unexpected", this.#target.operation, this.#target.key, "the store took a part of the object for the whole", false)
  }

  /** Sends the last chunk, which makes the object visible. `md5` is that of the whole object, in base64. */
  async finish(chunk: Uint8Array, md5: string): Promise<ObjectResource> {
    const size = this.#arrived + chunk.length
    const { key, operation } = this.#target
    return commit(this.#bucket, this.#marks, { ...this.#target, mark: this.#mark, size, md5 }, async () => {
      // As Google's own libraries send it: https://github.com/googleapis/google-cloud-cpp/pull/15815
      const made = await this.#put(chunk, size, { "x-goog-hash": `md5=${md5}` })
      this.#isOver = true
      return made ?? Promise.reject(failure("Unexpected", operation, key, "the store has all bytes and no object"))
    })
  }

  /** Sends no more chunks. */
  stop(): void {
    this.#abort.abort()
  }

  /** Gives up what is not complete. */
  async dispose(): Promise<void> {
    this.stop()
    if (this.#isOver) return
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const status = await this.#cancel()
      // 499 is the answer to a cancelled one; one that is gone needs no cancelling, and one that cannot be reached is not waited for: it ends by itself.
      if (status === 499 || (status > 0 && status < 500 && status !== 408 && status !== 429)) return
      await pause(100 * 2 ** attempt)
    }
  }

  async #cancel(): Promise<number> {
    try {
      const answer = await this.#bucket.exchange.send({ method: "DELETE", url: this.#session })
      await this.#bucket.exchange.text(answer)
      return answer.status
    } catch (error) {
      return error instanceof SilentConnection ? 499 : 0
    }
  }

  /** Sends bytes until all of them have arrived; `total` is the size of the object when they are its last. */
  async #put(chunk: Uint8Array, total: number | null, headers: Readonly<Record<string, string>>): Promise<ObjectResource | null> {
    const begin = this.#arrived
    const end = begin + chunk.length
    let failures = 0
    for (let isAsking = false; ;) {
      const from = this.#arrived
      const isQuestion = isAsking
      let progress: Progress
      try {
        progress = isQuestion
          ? await this.#request([], { "content-range": `bytes */${total ?? "*"}` })
          : await this.#request([chunk.subarray(from - begin)], { "content-range": `bytes ${from}-${end - 1}/${total ?? "*"}`, ...headers })
      } catch (error) {
        const problem = this.#explain(error)
        // Bytes that arrived changed cannot be sent again: the store has taken them already.
        if (this.#isOver || problem.kind === "ChecksumMismatch" || !problem.retry || this.#abort.signal.aborted || ++failures >= ATTEMPTS) throw problem
        await pause(100 * 2 ** failures, this.#abort.signal)
        isAsking = true
        continue
      }
      isAsking = false
      if ("made" in progress) return progress.made
      if (progress.arrived < begin || progress.arrived > end) {
        throw failure("Unavailable", this.#target.operation, this.#target.key, `the store has ${progress.arrived} bytes, where ${begin} to ${end} were sent`)
      }
      if (progress.arrived > this.#arrived) failures = 0
      this.#arrived = progress.arrived
      if (progress.arrived === end && total === null) return null
      // All is there and the object is not yet: it is asked for again.
      if (progress.arrived === end) {
        isAsking = true
        if (++failures >= ATTEMPTS) throw failure("Unavailable", this.#target.operation, this.#target.key, "the store has all bytes and makes no object of them")
        await pause(100 * 2 ** failures, this.#abort.signal)
      }
      if (!isQuestion && progress.arrived === from && ++failures >= ATTEMPTS) throw failure("Unavailable", this.#target.operation, this.#target.key, "the store takes no more bytes")
    }
  }

  async #request(body: ReadonlyArray<Uint8Array>, headers: Readonly<Record<string, string>>): Promise<Progress> {
    const { exchange } = this.#bucket
    const answer = await exchange.send({ method: "PUT", url: this.#session, headers, body, signal: this.#abort.signal })
    const text = await exchange.text(answer)
    if (answer.status === 308) return { arrived: arrivedOf(answer) }
    if (answer.status < 200 || answer.status > 299) throw new RefusedRequest(answer.status, text)
    return { made: JSON.parse(text) as ObjectResource }
  }

  #explain(error: unknown): StorageError {
    const { key, operation } = this.#target
    const status = error instanceof RefusedRequest ? error.status : 0
    // It was kept for a week, or the store lost it; all bytes have to be sent again.
    if (status === 404 || status === 410) {
      this.#isOver = true
      return failure("Unavailable", operation, key, "the store does not know the upload any more")
    }
    return this.#bucket.explain(operation, key, asMismatch(operation, key, error))
  }
}

/** The header names the last byte that is there; without it there is none. */
const arrivedOf = ({ headers }: Incoming): number => {
  const last = /^(?:bytes=)?0-([0-9]+)$/.exec(headers["range"] ?? "")?.[1]
  return last === undefined ? 0 : Number(last) + 1
}
