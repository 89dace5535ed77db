/**
 * A fake of Google Cloud Storage's JSON API and upload protocol, for tests of clients. It is not the real thing: each rule is written from what Google publishes, with the
 * page beside it, and it refuses what that does not allow. Where Google says nothing, it does the plainest thing; what only a real bucket can show stays unproven.
 *
 * It serves both forms of paths: `/storage/v1/b/…`, and `/b/…`, which clients use that are pointed to an emulator by the environment.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { once } from "node:events"
import { gunzipSync } from "node:zlib"
import { Effect, type Scope } from "effect"
import { checkToRead, crc32cOf, type Described, FakeBucket, type FakeObject, invalid, keptOf, md5Of, notFound, type Query, Refusal, resourceOf } from "./GcsObjects.ts"
import { GcsUploads, type SessionAnswer } from "./GcsUploads.ts"

export interface StrictGcsOptions {
  /** The one access token that is good, or null where none is asked for. */
  readonly token?: string | null
  /** Bytes that one rewrite request copies at most. */
  readonly rewriteBytes?: number
}

export interface StrictGcs {
  readonly endpoint: string
  readonly bucket: (name: string) => FakeBucket
  readonly uploads: GcsUploads
}

export const strictGcs = (options: StrictGcsOptions = {}): Effect.Effect<StrictGcs, never, Scope.Scope> =>
  Effect.map(Effect.acquireRelease(
    Effect.promise(async () => {
      const fake = new Fake(options)
      const server = createServer((request, answer) => void fake.serve(request, answer))
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const { port } = server.address() as { readonly port: number }
      return { fake, server, endpoint: `http://127.0.0.1:${port}` }
    }),
    ({ server }) => Effect.promise(() => closed(server))
  ), ({ endpoint, fake }) => ({ endpoint, bucket: (name) => fake.makeBucket(name), uploads: fake.uploads }))

const closed = async (server: Server): Promise<void> => {
  server.closeAllConnections()
  server.close()
  await once(server, "close")
}

interface Rewrite {
  readonly key: string
  at: number
}

/** Pages have so many objects: https://cloud.google.com/storage/docs/json_api/v1/objects/list#parameters */
const PAGE = 1000

class Fake {
  readonly uploads = new GcsUploads()
  readonly #options: StrictGcsOptions
  readonly #buckets = new Map<string, FakeBucket>()
  readonly #rewrites = new Map<string, Rewrite>()

  constructor(options: StrictGcsOptions) {
    this.#options = options
  }

  makeBucket(name: string): FakeBucket {
    const bucket = this.#buckets.get(name) ?? new FakeBucket(name)
    this.#buckets.set(name, bucket)
    return bucket
  }

  async serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { body, isWhole } = await bodyOf(request)
    try {
      const [path, search = ""] = request.url!.split("?", 2)
      this.#route(request, answer, path!, new URLSearchParams(search), body, isWhole)
    } catch (error) {
      if (!isWhole) return
      const refusal = error instanceof Refusal ? error : new Refusal(500, "internalError", String(error))
      // https://cloud.google.com/storage/docs/json_api/v1/status-codes: each error is told so.
      const { message, reason, status } = refusal
      const text = JSON.stringify({ error: { code: status, message, errors: [{ message, domain: "global", reason }] } })
      if (status === 304) return void answer.writeHead(304).end()
      answer.writeHead(status, { "content-type": "application/json; charset=UTF-8", ...(status === 401 ? { "www-authenticate": "Bearer realm=\"https://accounts.google.com/\"" } : {}) }).end(text)
    }
  }

  #route(request: IncomingMessage, answer: ServerResponse, path: string, query: Query, body: Buffer, isWhole: boolean): void {
    const { headers, method } = request
    const session = query.get("upload_id")
    const isUpload = path.startsWith("/upload/")
    // The URL of a session stands for the right to use it: https://cloud.google.com/storage/docs/resumable-uploads#session-uris
    if (isUpload && session !== null && method === "PUT") return sendProgress(answer, this.uploads.put(session, body, isWhole, headers))
    if (!isWhole) throw invalid("the body is cut off")
    if (isUpload && session !== null && method === "DELETE") {
      this.uploads.cancel(session)
      return void answer.writeHead(499, { "content-length": "0" }).end()
    }
    this.#checkToken(headers)
    const [, bucketName, rest = ""] = /^\/(?:(?:upload\/|download\/)?storage\/v1\/|upload\/|download\/)?b\/?([^/]*)(?:\/o(?:\/(.*))?)?$/.exec(path) ?? []
    if (bucketName === undefined) throw new Refusal(404, "notFound", "Not Found")
    const isObjects = /\/o(?:\/.*)?$/.test(path)
    if (bucketName === "" && method === "POST") return sendJson(answer, { name: this.#create(JSON.parse(body.toString("utf8")) as { readonly name?: string }).name })
    const bucket = this.#buckets.get(decodeURIComponent(bucketName))
    if (bucket === undefined) throw new Refusal(404, "notFound", "The specified bucket does not exist.")
    if (!isObjects) return this.#serveBucket(answer, bucket, method!)
    if (isUpload && method === "POST") return this.#upload(request, answer, bucket, query, body)
    if (rest === "" && method === "GET") return sendJson(answer, only(listed(bucket, query), query.get("fields")))
    const [name = "", action, ...target] = rest.split("/")
    return this.#serveObject(request, answer, bucket, decodeURIComponent(name), action === undefined ? null : { action, target }, query, body)
  }

  #serveBucket(answer: ServerResponse, bucket: FakeBucket, method: string): void {
    if (method === "GET") return sendJson(answer, { kind: "storage#bucket", name: bucket.name })
    if (method !== "DELETE") throw new Refusal(405, "methodNotAllowed", "Method Not Allowed")
    // https://cloud.google.com/storage/docs/json_api/v1/buckets/delete: only an empty one.
    if (!bucket.isEmpty) throw new Refusal(409, "conflict", "The bucket you tried to delete is not empty.")
    this.#buckets.delete(bucket.name)
    answer.writeHead(204).end()
  }

  #serveObject(
    request: IncomingMessage, answer: ServerResponse, bucket: FakeBucket, name: string, more: { readonly action: string; readonly target: ReadonlyArray<string> } | null, query: Query, body: Buffer
  ): void {
    const { headers, method } = request
    if (more?.action === "rewriteTo" && method === "POST") return sendJson(answer, this.#rewrite(bucket, name, more.target, query, body))
    if (more?.action === "compose" && method === "POST") return sendJson(answer, compose(bucket, name, query, body))
    if (more !== null) throw new Refusal(404, "notFound", "Not Found")
    if (method === "DELETE") {
      bucket.delete(name, query)
      return void answer.writeHead(204).end()
    }
    if (method === "PATCH") return sendJson(answer, resourceOf(bucket, bucket.patch(name, JSON.parse(body.toString("utf8")) as Described, query)))
    if (method !== "GET") throw new Refusal(405, "methodNotAllowed", "Method Not Allowed")
    const found = bucket.find(name)
    // A generation that is not there any more: https://cloud.google.com/storage/docs/json_api/v1/objects/get#parameters
    if (found === undefined || (query.get("generation") ?? found.generation) !== found.generation) throw notFound(name)
    checkToRead(found, query)
    if (query.get("alt") === "media") return sendMedia(answer, found, headers)
    sendJson(answer, only(resourceOf(bucket, found), query.get("fields")))
  }

  #upload(request: IncomingMessage, answer: ServerResponse, bucket: FakeBucket, query: Query, body: Buffer): void {
    const { headers } = request
    switch (query.get("uploadType")) {
      case "media":
        return sendJson(answer, resourceOf(bucket, this.uploads.media(bucket, body, query, headers)))
      case "multipart":
        return sendJson(answer, resourceOf(bucket, this.uploads.multipart(bucket, body, query, headers)))
      case "resumable": {
        const id = this.uploads.begin(bucket, body, query, headers)
        const location = `http://${headers.host}/upload/storage/v1/b/${bucket.name}/o?uploadType=resumable&upload_id=${id}`
        return void answer.writeHead(200, { location, "x-guploader-uploadid": id, "content-length": "0" }).end()
      }
      default:
        throw invalid("uploadType is media, multipart or resumable")
    }
  }

  #create({ name = "" }: { readonly name?: string }): FakeBucket {
    if (this.#buckets.has(name)) throw new Refusal(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
    return this.makeBucket(name)
  }

  /** https://cloud.google.com/storage/docs/authentication: no token, and one that is not good, are both 401. */
  #checkToken(headers: IncomingMessage["headers"]): void {
    const { token = null } = this.#options
    if (token === null || headers.authorization === `Bearer ${token}`) return
    throw new Refusal(401, headers.authorization === undefined ? "required" : "authError", headers.authorization === undefined ? "Anonymous caller does not have access." : "Invalid Credentials")
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite: in as many requests as it takes, all of them alike. */
  #rewrite(bucket: FakeBucket, name: string, target: ReadonlyArray<string>, query: Query, body: Buffer): Record<string, unknown> {
    const [to, other, objects, toName] = [target[0], target[1], target[2], target[3]]
    if (to !== "b" || objects !== "o" || toName === undefined) throw new Refusal(404, "notFound", "Not Found")
    const into = this.#buckets.get(decodeURIComponent(other ?? ""))
    if (into === undefined) throw new Refusal(404, "notFound", "The specified bucket does not exist.")
    const source = bucket.find(name)
    if (source === undefined || (query.get("sourceGeneration") ?? source.generation) !== source.generation) throw notFound(name)
    const ofSource = new URLSearchParams([...query].filter(([key]) => key.startsWith("ifSource")).map(([key, value]): [string, string] => [key.replace("ifSource", "if"), value]))
    checkToRead(source, ofSource)
    const plain = new URLSearchParams([...query].filter(([key]) => key !== "rewriteToken"))
    const key = JSON.stringify([name, source.generation, target, [...plain].sort(), body.toString("utf8")])
    const token = query.get("rewriteToken")
    const going = token === null ? { key, at: 0 } : this.#rewrites.get(token)
    if (going === undefined || going.key !== key) throw invalid("Invalid rewrite token, or a request that is not like the first.")
    going.at += this.#options.rewriteBytes ?? Number.POSITIVE_INFINITY
    if (going.at < source.bytes.length) {
      const next = token ?? String(this.#rewrites.size + 1)
      this.#rewrites.set(next, going)
      return { kind: "storage#rewriteResponse", done: false, totalBytesRewritten: String(going.at), objectSize: String(source.bytes.length), rewriteToken: next }
    }
    // Metadata in the request takes the place of the source's.
    const described = body.length === 0 ? keptOf(source) : keptOf(JSON.parse(body.toString("utf8")) as Described)
    const made = into.put(decodeURIComponent(toName), source.bytes, described, query, source.componentCount)
    return { kind: "storage#rewriteResponse", done: true, totalBytesRewritten: String(source.bytes.length), objectSize: String(source.bytes.length), resource: resourceOf(into, made) }
  }
}

const bodyOf = async (request: IncomingMessage): Promise<{ readonly body: Buffer; readonly isWhole: boolean }> => {
  const pieces: Array<Buffer> = []
  try {
    for await (const piece of request) pieces.push(piece as Buffer)
    return { body: Buffer.concat(pieces), isWhole: true }
  } catch {
    return { body: Buffer.concat(pieces), isWhole: false }
  }
}

const sendJson = (answer: ServerResponse, value: Record<string, unknown>): void =>
  void answer.writeHead(200, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(value))

/** 308 says what is there; without a Range header that is nothing: https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check */
const sendProgress = (answer: ServerResponse, progress: SessionAnswer): void => {
  if (progress.type === "made") return sendJson(answer, resourceOf(progress.bucket, progress.object))
  answer.writeHead(308, { "content-length": "0", ...(progress.arrived === 0 ? {} : { range: `bytes=0-${progress.arrived - 1}` }) }).end()
}

const sendMedia = (answer: ServerResponse, object: FakeObject, headers: IncomingMessage["headers"]): void => {
  const { bytes, contentEncoding, generation, metageneration } = object
  const head = {
    "content-type": object.contentType ?? "application/octet-stream",
    "accept-ranges": "bytes",
    "x-goog-generation": generation,
    "x-goog-metageneration": metageneration,
    "x-goog-stored-content-length": String(bytes.length),
    "x-goog-stored-content-encoding": contentEncoding ?? "identity",
    "x-goog-hash": `crc32c=${crc32cOf(bytes)}${object.componentCount === undefined ? `,md5=${md5Of(bytes)}` : ""}`
  }
  // Who does not take gzip gets it unpacked, and then no ranges: https://cloud.google.com/storage/docs/transcoding
  if (contentEncoding === "gzip" && !/gzip/.test(headers["accept-encoding"] ?? "")) return void answer.writeHead(200, head).end(gunzipSync(bytes))
  const more = { ...head, ...(contentEncoding === undefined ? {} : { "content-encoding": contentEncoding }) }
  const [, first, last] = /^bytes=([0-9]*)-([0-9]*)$/.exec(headers.range ?? "") ?? []
  if (first === undefined || (first === "" && last === "")) return void answer.writeHead(200, { ...more, "content-length": String(bytes.length) }).end(bytes)
  const start = first === "" ? Math.max(0, bytes.length - Number(last)) : Number(first)
  const end = first === "" || last === "" ? bytes.length : Math.min(bytes.length, Number(last) + 1)
  // https://cloud.google.com/storage/docs/json_api/v1/status-codes#416_Requested_Range_Not_Satisfiable
  if (start >= bytes.length || end <= start) throw new Refusal(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
  answer.writeHead(206, { ...more, "content-length": String(end - start), "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }).end(bytes.subarray(start, end))
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list */
const listed = (bucket: FakeBucket, query: Query): Record<string, unknown> => {
  const [prefix, delimiter, start, end, glob] = ["prefix", "delimiter", "startOffset", "endOffset", "matchGlob"].map((name) => query.get(name) ?? "")
  const token = query.get("pageToken")
  const after = token === null ? null : Buffer.from(Buffer.from(token, "base64url").toString("utf8"))
  const pattern = glob === "" ? null : globOf(glob!)
  const limit = Math.min(PAGE, Number(query.get("maxResults") ?? PAGE))
  if (!Number.isInteger(limit) || limit < 1) throw invalid("Invalid value for maxResults.")
  const less = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
  const items: Array<FakeObject> = []
  const prefixes = new Set<string>()
  let last = ""
  for (const object of bucket.all()) {
    const { name } = object
    if (!name.startsWith(prefix!) || less(name, start!) || (end !== "" && !less(name, end!)) || pattern?.test(name) === false) continue
    const cut = delimiter === "" ? -1 : name.indexOf(delimiter!, prefix!.length)
    const group = cut < 0 ? null : name.slice(0, cut + delimiter!.length)
    if (after !== null && Buffer.compare(Buffer.from(group ?? name), after) <= 0) continue
    if (group !== null && prefixes.has(group)) continue
    if (items.length + prefixes.size === limit) {
      return { kind: "storage#objects", ...found(bucket, items, prefixes), nextPageToken: Buffer.from(last).toString("base64url") }
    }
    if (group === null) items.push(object)
    else prefixes.add(group)
    last = group ?? name
  }
  return { kind: "storage#objects", ...found(bucket, items, prefixes) }
}

const found = (bucket: FakeBucket, items: ReadonlyArray<FakeObject>, prefixes: ReadonlySet<string>): Record<string, unknown> => ({
  ...(items.length === 0 ? {} : { items: items.map((object) => resourceOf(bucket, object)) }),
  ...(prefixes.size === 0 ? {} : { prefixes: [...prefixes] })
})

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob */
const globOf = (glob: string): RegExp =>
  new RegExp(`^${glob.replace(/\*\*\/?|\*|\?|[.+^${}()|[\]\\]/g, (found) => (found.startsWith("**") ? ".*" : found === "*" ? "[^/]*" : found === "?" ? "[^/]" : `\\${found}`))}$`, "su")

/** Only what is named, as in `nextPageToken,items(name,size)`: https://cloud.google.com/storage/docs/json_api#partial-response */
const only = (value: Record<string, unknown>, fields: string | null): Record<string, unknown> => {
  if (fields === null) return value
  const out: Record<string, unknown> = {}
  for (const [, name, inner] of fields.matchAll(/([A-Za-z0-9]+)(?:\(([^()]*)\))?/g)) {
    const one = value[name!]
    if (one === undefined) continue
    out[name!] = inner !== undefined && Array.isArray(one) ? one.map((item) => only(item as Record<string, unknown>, inner)) : one
  }
  return out
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects/compose */
const compose = (bucket: FakeBucket, name: string, query: Query, body: Buffer): Record<string, unknown> => {
  const { destination = {}, sourceObjects = [] } = JSON.parse(body.toString("utf8")) as {
    readonly destination?: Described
    readonly sourceObjects?: ReadonlyArray<{ readonly name: string; readonly generation?: string; readonly objectPreconditions?: { readonly ifGenerationMatch?: string } }>
  }
  if (sourceObjects.length < 1 || sourceObjects.length > 32) throw invalid("The number of source components provided is not between 1 and 32.")
  const sources = sourceObjects.map(({ generation, name: from, objectPreconditions = {} }) => {
    const source = bucket.find(from)
    if (source === undefined || (generation ?? source.generation) !== source.generation) throw notFound(from)
    checkToRead(source, new URLSearchParams(objectPreconditions))
    return source
  })
  const count = sources.reduce((sum, { componentCount = 1 }) => sum + componentCount, 0)
  return resourceOf(bucket, bucket.put(name, Buffer.concat(sources.map(({ bytes }) => bytes)), destination, query, count))
}
