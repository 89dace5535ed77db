/**
 * The request for an object that is sent in one.
 *
 * What the SDK makes of the first one in a bucket, after it found the endpoint, the region and how to sign, is the pattern of those that follow. They are made here
 * and go out by the SDK's connections, for the layers of the SDK need three times as long for a small object as everything else that is done for it: 0.83 ms of the
 * processor instead of 0.26. Where a store refuses one of them and the SDK knows an answer to that, another region or another time, it goes through the SDK, and what
 * that makes of it is the next pattern.
 */
import type { PutObjectCommandInput } from "@aws-sdk/client-s3"
import { hash } from "node:crypto"
import type { Readable } from "node:stream"
import { crc32 } from "node:zlib"
import type { Bucket } from "./Bucket.ts"
import { signatureOf } from "./RequestSignature.ts"

/** A request as the SDK's layers pass it on. */
interface HttpRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly path: string
  readonly query: Readonly<Record<string, string | ReadonlyArray<string> | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What is the same in every request. */
export interface PutPattern {
  readonly to: Pick<HttpRequest, "protocol" | "hostname" | "port" | "query">
  /** The path of the bucket, with a slash at its end. */
  readonly path: string
  readonly host: string
  /** Headers that need no signature. */
  readonly unsigned: Readonly<Record<string, string>>
  readonly region: string
  readonly service: string
}

/** A put of content that is in memory, with an MD5. */
export type PutInput = PutObjectCommandInput & { readonly Key: string; readonly Body: Uint8Array; readonly ContentMD5: string }

/** What requests made here can say; another one goes through the SDK. */
const KNOWN: ReadonlySet<string> = new Set(["Bucket", "Key", "Body", "ContentLength", "ContentMD5", "ChecksumAlgorithm", "ChecksumSHA256", "Metadata", "IfMatch", "IfNoneMatch"])

/** Refusals that the SDK knows an answer to, beside redirections. */
const FOR_SDK: ReadonlySet<string> = new Set(["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "RequestTimeTooSkewed"])

/** Sends an object; gives its ETag. Throws what the SDK throws, or what has the same fields. */
export const putSmall = async (bucket: Bucket, input: PutInput): Promise<{ readonly ETag?: string | undefined }> => {
  const pattern = bucket.putPattern
  if (pattern !== null && Object.keys(input).every((name) => KNOWN.has(name))) {
    const answer = await byPattern(bucket, pattern, input)
    if (answer !== null) return answer
    bucket.putPattern = null
  }
  return throughSdk(bucket, input)
}

const throughSdk = async (bucket: Bucket, input: PutInput): Promise<{ readonly ETag?: string | undefined }> => {
  const command = new bucket.sdk.PutObjectCommand(input)
  let sent: HttpRequest | null = null
  command.middlewareStack.add((next) => async (args) => {
    sent = args.request as HttpRequest
    return next(args)
  }, { step: "finalizeRequest", priority: "low", name: "sheafPutPattern" })
  const answer = await bucket.client.send(command)
  if (sent !== null) bucket.putPattern = patternOf(sent, input.Key)
  return answer
}

/** The pattern behind a request that succeeded, or null where others cannot be made after it. */
const patternOf = ({ headers, hostname, path, port, protocol, query }: HttpRequest, name: string): PutPattern | null => {
  const scope = /^AWS4-HMAC-SHA256 Credential=[^,]+\/\d{8}\/([^/,]+)\/([^/,]+)\/aws4_request,/.exec(headers["authorization"] ?? "")
  const end = `/${encodedName(name)}`
  const host = headers["host"]
  if (scope === null || host === undefined || !path.endsWith(end) || headers["x-amz-s3session-token"] !== undefined) return null
  return {
    to: { protocol, hostname, port, query },
    path: path.slice(0, path.length - end.length + 1),
    host,
    unsigned: Object.fromEntries(["user-agent", "x-amz-user-agent"].flatMap((header) => headers[header] === undefined ? [] : [[header, headers[header]]])),
    region: scope[1]!,
    service: scope[2]!
  }
}

/** Sends an object by a request of our own; null when the SDK is to do it. */
const byPattern = async (bucket: Bucket, pattern: PutPattern, input: PutInput): Promise<{ readonly ETag?: string | undefined } | null> => {
  const { Body, ChecksumSHA256, ContentMD5, IfMatch, IfNoneMatch, Key, Metadata } = input
  const { config } = bucket.client
  const credentials = await config.credentials()
  const headers: Record<string, string> = {
    host: pattern.host,
    "content-length": String(Body.length),
    "content-md5": ContentMD5,
    "content-type": "application/octet-stream",
    ...(ChecksumSHA256 === undefined
      ? { "x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32": crc32Of(Body) }
      : { "x-amz-sdk-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": ChecksumSHA256 }),
    ...(IfMatch === undefined ? {} : { "if-match": IfMatch }),
    ...(IfNoneMatch === undefined ? {} : { "if-none-match": IfNoneMatch })
  }
  for (const [name, value] of Object.entries(Metadata ?? {})) headers[`x-amz-meta-${name}`] = value
  const path = pattern.path + encodedName(Key)
  const signature = signatureOf({
    method: "PUT",
    path,
    query: queryOf(pattern.to.query),
    headers,
    contentSha256: ChecksumSHA256 === undefined ? hash("sha256", Body, "hex") : Buffer.from(ChecksumSHA256, "base64").toString("hex")
  }, { ...credentials, region: pattern.region, service: pattern.service }, new Date(Date.now() + config.systemClockOffset))
  const request: HttpRequest = { ...pattern.to, method: "PUT", path, headers: { ...headers, ...pattern.unsigned, ...signature }, body: Body }
  const sent = Date.now()
  const { response } = await (config.requestHandler as unknown as Handler).handle(request, {})
  const text = await textOf(response)
  bucket.sawClock(response.headers["date"], sent)
  if (response.statusCode >= 200 && response.statusCode < 300) return { ETag: response.headers["etag"] }
  const code = tagged(text, "Code")
  if (response.statusCode < 400 || FOR_SDK.has(code)) return null
  throw Object.assign(new Error(tagged(text, "Message")), {
    name: code, $metadata: { httpStatusCode: response.statusCode, requestId: response.headers["x-amz-request-id"] }
  })
}

/** What sends requests for the SDK. */
interface Handler {
  readonly handle: (request: HttpRequest, options: object) => Promise<{
    readonly response: { readonly statusCode: number; readonly headers: Readonly<Record<string, string>>; readonly body?: Readable }
  }>
}

const textOf = async ({ body }: { readonly body?: Readable }): Promise<string> => {
  const pieces: Array<Buffer> = []
  if (body !== undefined) for await (const piece of body) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

/** The text of an element in the document that describes an error. */
const tagged = (xml: string, element: string): string => new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1] ?? ""

const crc32Of = (bytes: Uint8Array): string => {
  const four = Buffer.alloc(4)
  four.writeUInt32BE(crc32(bytes))
  return four.toString("base64")
}

const encoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

/** A name in a path, as S3 wants it signed: only its slashes are left as they are. */
const encodedName = (name: string): string => name.split("/").map(encoded).join("/")

const queryOf = (query: HttpRequest["query"]): string =>
  Object.entries(query).flatMap(([name, value]) => [value ?? ""].flat().map((one) => `${encoded(name)}=${encoded(one)}`)).sort().join("&")
