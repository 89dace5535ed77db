/**
 * The uploads of the fake in `StrictGcs.ts`: https://cloud.google.com/storage/docs/uploads-downloads
 */
import { randomUUID } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { checkToWrite, type Described, type FakeBucket, type FakeObject, invalid, type Query, Refusal } from "./GcsObjects.ts"

/** Bytes of a chunk are a multiple of this, but for the last: https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload */
const UNIT = 256 * 1024

interface Session {
  readonly bucket: FakeBucket
  readonly name: string
  readonly described: Described
  readonly query: Query
  bytes: Buffer
  made: FakeObject | null
  isCancelled: boolean
}

/** What a session answers. */
export type SessionAnswer =
  | { readonly type: "made"; readonly bucket: FakeBucket; readonly object: FakeObject }
  | { readonly type: "incomplete"; readonly arrived: number }

export class GcsUploads {
  readonly #sessions = new Map<string, Session>()

  /** Sessions that are neither complete nor cancelled. */
  open(): number {
    return [...this.#sessions.values()].filter(({ isCancelled, made }) => made === null && !isCancelled).length
  }

  /** Bytes without metadata: https://cloud.google.com/storage/docs/json_api/v1/objects/insert, uploadType=media */
  media(bucket: FakeBucket, body: Buffer, query: Query, headers: IncomingMessage["headers"]): FakeObject {
    const name = query.get("name")
    if (name === null) throw new Refusal(400, "required", "Required")
    return bucket.put(name, body, { contentType: headers["content-type"] ?? "application/octet-stream", ...hashesIn(headers) }, query)
  }

  /** Metadata and bytes in one body: https://cloud.google.com/storage/docs/json_api/v1/objects/insert, uploadType=multipart */
  multipart(bucket: FakeBucket, body: Buffer, query: Query, headers: IncomingMessage["headers"]): FakeObject {
    const [, quoted, plain] = /^multipart\/related\s*;.*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(headers["content-type"] ?? "") ?? []
    const boundary = quoted ?? plain
    if (boundary === undefined) throw invalid("multipart content-type has no boundary")
    const parts = partsOf(body, boundary)
    if (parts.length !== 2) throw invalid("a multipart upload has two parts")
    const metadata = parse(parts[0]!.body)
    const name = query.get("name") ?? metadata.name
    if (name === undefined) throw new Refusal(400, "required", "Required")
    const contentType = metadata.contentType ?? parts[1]!.contentType
    return bucket.put(name, parts[1]!.body, { ...metadata, ...(contentType === undefined ? {} : { contentType }), ...hashesIn(headers) }, query)
  }

  /** Begins a session: https://cloud.google.com/storage/docs/performing-resumable-uploads#initiate-session */
  begin(bucket: FakeBucket, body: Buffer, query: Query, headers: IncomingMessage["headers"]): string {
    const metadata = body.length === 0 ? {} : parse(body)
    const name = query.get("name") ?? metadata.name
    if (name === undefined) throw new Refusal(400, "required", "Required")
    checkToWrite(bucket.find(name), query)
    const contentType = headers["x-upload-content-type"] ?? metadata.contentType
    const id = randomUUID()
    this.#sessions.set(id, {
      bucket, name, described: { ...metadata, ...(contentType === undefined ? {} : { contentType: String(contentType) }) }, query, bytes: Buffer.alloc(0), made: null, isCancelled: false
    })
    return id
  }

  /**
   * Bytes for a session, or a question: https://cloud.google.com/storage/docs/performing-resumable-uploads#upload-data, #status-check.
   * `isWhole` is false when the connection broke off within the body; what arrived until then counts.
   */
  put(id: string, body: Buffer, isWhole: boolean, headers: IncomingMessage["headers"]): SessionAnswer {
    const session = this.#find(id)
    if (session.made !== null) return { type: "made", bucket: session.bucket, object: session.made }
    const range = headers["content-range"]
    const asked = /^bytes \*\/(\*|[0-9]+)$/.exec(range ?? "")
    if (asked !== null) {
      if (body.length > 0) throw invalid("a question about the status has no body")
      // All bytes are there, and now it is known that they are all.
      if (asked[1] !== "*" && Number(asked[1]) === session.bytes.length) return this.#complete(session, headers)
      return { type: "incomplete", arrived: session.bytes.length }
    }
    const sent = range === undefined ? ["", "0", String(body.length - 1), String(body.length)] : /^bytes ([0-9]+)-([0-9]+|\*)\/(\*|[0-9]+)$/.exec(range)
    if (sent === null) throw invalid("Failed to parse Content-Range header.")
    const start = Number(sent[1])
    const total = sent[3] === "*" ? null : Number(sent[3])
    // Without a length the bytes go to the end of the object, as in `bytes 0-*/*`.
    const isToEnd = sent[2] === "*"
    if (isWhole && !isToEnd && Number(sent[2]) - start + 1 !== body.length) throw invalid("Content-Range does not agree with the length of the body.")
    const arrived = session.bytes.length
    // A gap is no part of the protocol, and is refused so that the client asks for the status.
    if (start > arrived) throw new Refusal(503, "backendError", `the upload offset is ${start} byte(s), which exceeds already uploaded size of ${arrived} byte(s).`)
    // Bytes that are there already are ignored.
    const all = Buffer.concat([session.bytes, body.subarray(Math.min(arrived - start, body.length))])
    const isLast = isWhole && (isToEnd ? total === null || all.length === total : total !== null && all.length === total)
    if (total !== null && all.length > total) throw invalid("There are more bytes than the size of the object.")
    session.bytes = isLast ? all : all.subarray(0, Math.max(arrived, Math.floor(all.length / UNIT) * UNIT))
    return isLast ? this.#complete(session, headers) : { type: "incomplete", arrived: session.bytes.length }
  }

  /** https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload */
  cancel(id: string): void {
    const session = this.#find(id)
    if (session.made === null) session.isCancelled = true
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id)
    if (session === undefined) throw new Refusal(404, "notFound", "No such upload")
    if (session.isCancelled) throw new Refusal(499, "clientClosedRequest", "Client Closed Request")
    return session
  }

  /** The hashes and the preconditions decide now; whatever they say, the session is at its end. */
  #complete(session: Session, headers: IncomingMessage["headers"]): SessionAnswer {
    const { bucket, bytes, described, name, query } = session
    try {
      session.made = bucket.put(name, bytes, { ...described, ...hashesIn(headers) }, query)
    } catch (error) {
      session.isCancelled = true
      throw error
    }
    return { type: "made", bucket, object: session.made }
  }
}

const parse = (body: Buffer): Described & { readonly name?: string } => {
  try {
    return JSON.parse(body.toString("utf8")) as Described & { readonly name?: string }
  } catch {
    throw new Refusal(400, "parseError", "Parse Error")
  }
}

/** https://cloud.google.com/storage/docs/data-validation; at the end of a session, as Google's libraries send it: https://github.com/googleapis/google-cloud-cpp/pull/15815 */
const hashesIn = (headers: IncomingMessage["headers"]): Pick<Described, "md5Hash" | "crc32c"> => {
  const text = [headers["x-goog-hash"] ?? ""].flat().join(",")
  const [md5Hash, crc32c] = [/(?:^|,)\s*md5=([^,\s]+)/.exec(text)?.[1], /(?:^|,)\s*crc32c=([^,\s]+)/.exec(text)?.[1]]
  return { ...(md5Hash === undefined ? {} : { md5Hash }), ...(crc32c === undefined ? {} : { crc32c }) }
}

interface Part {
  readonly contentType: string | undefined
  readonly body: Buffer
}

/** https://www.rfc-editor.org/rfc/rfc2046#section-5.1 */
const partsOf = (body: Buffer, boundary: string): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  const mark = Buffer.from(`--${boundary}`)
  for (let at = body.indexOf(mark); at >= 0;) {
    const begin = at + mark.length
    if (body.subarray(begin, begin + 2).toString("latin1") === "--") return parts
    const next = body.indexOf(Buffer.from(`\r\n--${boundary}`), begin)
    const headEnd = body.indexOf("\r\n\r\n", begin)
    if (next < 0 || headEnd < 0) break
    const head = body.subarray(begin, headEnd).toString("latin1")
    parts.push({ contentType: /content-type:\s*([^\r\n]+)/i.exec(head)?.[1], body: Buffer.from(body.subarray(headEnd + 4, Math.max(headEnd + 4, next))) })
    at = next + 2
  }
  throw invalid("the multipart body has no end")
}
