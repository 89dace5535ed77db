/**
 * Requests for single objects, without the layers of the SDK.
 *
 * What the SDK makes of the first one in a bucket, after it found the endpoint, the region and how to sign, is the pattern of those that follow. They are made here
 * and go out by the SDK's connections, for the layers of the SDK need three times as long for a small object as everything else that is done for it: 0.83 ms of the
 * processor instead of 0.26. Where a store refuses one of them and the SDK knows an answer to that, another region or another time, it goes through the SDK, and what
 * that makes of it is the next pattern.
 */
import { hash } from "node:crypto"
import type { Readable } from "node:stream"
import type { Bucket } from "./Bucket.ts"
import { signatureOf } from "./RequestSignature.ts"

/** A request as the SDK's layers pass it on. */
interface HttpRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What is the same in every request. */
export interface RequestPattern {
  readonly to: Pick<HttpRequest, "protocol" | "hostname" | "port">
  /** The path of the bucket, with a slash at its end. */
  readonly path: string
  readonly host: string
  /** Headers that need no signature. */
  readonly unsigned: Readonly<Record<string, string>>
  readonly region: string
  readonly service: string
}

export interface DirectRequest {
  readonly method: "GET" | "PUT"
  /** Name of the object. */
  readonly name: string
  /** Names in lower case. All of them are signed; values have no spaces at their ends and no two in a row. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** SHA-256 of the body in hex, where it is known. */
  readonly contentSha256?: string | undefined
}

export interface DirectAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Readable
}

/** Refusals that the SDK knows an answer to, beside redirections. */
const FOR_SDK: ReadonlySet<string> = new Set(["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "RequestTimeTooSkewed"])

const SHA256_OF_NOTHING = hash("sha256", "", "hex")

/** A command of the SDK, as far as it is of interest here. */
interface Command {
  readonly middlewareStack: {
    readonly add: (
      middleware: <Args extends { readonly request: unknown }, Result>(next: (args: Args) => Promise<Result>) => (args: Args) => Promise<Result>,
      options: { readonly step: "finalizeRequest"; readonly priority: "low"; readonly name: string }
    ) => void
  }
}

/** Sends a command for the object of this name through the SDK; its request is the pattern of the next ones when it succeeds. */
export const learnFrom = async <C extends object, A>(bucket: Bucket, command: C, name: string, send: (command: C) => Promise<A>): Promise<A> => {
  let sent: HttpRequest | null = null
  ;(command as unknown as Command).middlewareStack.add((next) => async (args) => {
    sent = args.request as HttpRequest
    return next(args)
  }, { step: "finalizeRequest", priority: "low", name: "sheafRequestPattern" })
  const answer = await send(command)
  if (sent !== null) bucket.pattern = patternOf(sent, name)
  return answer
}

/** The pattern behind a request that succeeded, or null where others cannot be made after it. */
const patternOf = ({ headers, hostname, path, port, protocol }: HttpRequest, name: string): RequestPattern | null => {
  const scope = /^AWS4-HMAC-SHA256 Credential=[^,]+\/\d{8}\/([^/,]+)\/([^/,]+)\/aws4_request,/.exec(headers["authorization"] ?? "")
  const end = `/${encodedName(name)}`
  const host = headers["host"]
  if (scope === null || host === undefined || !path.endsWith(end) || headers["x-amz-s3session-token"] !== undefined) return null
  return {
    to: { protocol, hostname, port },
    path: path.slice(0, path.length - end.length + 1),
    host,
    unsigned: Object.fromEntries(["user-agent", "x-amz-user-agent"].flatMap((header) => headers[header] === undefined ? [] : [[header, headers[header]]])),
    region: scope[1]!,
    service: scope[2]!
  }
}

/**
 * Sends a request made after the bucket's pattern; null when there is none, or the SDK is to do it. Gives an answer whose body has not been read, or throws what has
 * the fields of the SDK's errors.
 */
export const sendDirectly = async (bucket: Bucket, request: DirectRequest, signal?: AbortSignal): Promise<DirectAnswer | null> => {
  const { pattern } = bucket
  if (pattern === null) return null
  const { config } = bucket.client
  const path = pattern.path + encodedName(request.name)
  const headers = { ...request.headers, host: pattern.host }
  const signature = signatureOf({
    method: request.method,
    path,
    query: "",
    headers,
    contentSha256: request.contentSha256 ?? (request.body === undefined ? SHA256_OF_NOTHING : hash("sha256", request.body, "hex"))
  }, { ...(await config.credentials()), region: pattern.region, service: pattern.service }, new Date(Date.now() + config.systemClockOffset))
  const sent = Date.now()
  const { response } = await (config.requestHandler as unknown as Handler).handle({
    ...pattern.to, method: request.method, path, query: {}, headers: { ...headers, ...pattern.unsigned, ...signature }, body: request.body
  }, signal === undefined ? {} : { abortSignal: signal })
  bucket.sawClock(response.headers["date"], sent)
  const { headers: said, statusCode } = response
  if (statusCode >= 200 && statusCode < 300) return response
  const text = await textOf(response)
  const code = tagged(text, "Code")
  if (statusCode < 400 || FOR_SDK.has(code)) {
    bucket.pattern = null
    return null
  }
  throw Object.assign(new Error(tagged(text, "Message")), { name: code, $metadata: { httpStatusCode: statusCode, requestId: said["x-amz-request-id"] } })
}

/** What sends requests for the SDK. */
interface Handler {
  readonly handle: (request: HttpRequest, options: { readonly abortSignal?: AbortSignal }) => Promise<{ readonly response: DirectAnswer }>
}

/** The whole body of an answer. */
export const textOf = async ({ body }: DirectAnswer): Promise<string> => {
  const pieces: Array<Buffer> = []
  for await (const piece of body) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

/** The text of an element in the document that describes an error. */
const tagged = (xml: string, element: string): string => new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1] ?? ""

/** A name in a path, as S3 wants it signed: only its slashes are left as they are. */
const encodedName = (name: string): string =>
  name.split("/").map((segment) => encodeURIComponent(segment).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)).join("/")
