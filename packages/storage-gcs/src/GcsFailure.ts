/**
 * What a failed request means in the terms of the storage contract: by its status, its reason and the code of the operating system, never by its text.
 *
 * The errors of the SDK carry the whole exchange, tokens included, and those of connections the URL, which for an upload is a secret. None of them is passed on: what a
 * failure shows is written anew.
 */
import { withoutSecrets } from "@sheaf/core/domain/Secrets"
import { StorageError, type StorageErrorKind } from "@sheaf/core/ports/Storage"

/** Name of this driver in errors and in `info`. */
export const DRIVER = "gcs"

/** Reasons that say more than their status: https://cloud.google.com/storage/docs/json_api/v1/status-codes */
const KIND_OF_REASON: Readonly<Record<string, StorageErrorKind>> = {
  rateLimitExceeded: "RateLimited",
  userRateLimitExceeded: "RateLimited",
  quotaExceeded: "RateLimited",
  uploadTooLarge: "TooLarge",
  conditionNotMet: "PreconditionFailed"
}

const KIND_OF_STATUS: Readonly<Record<number, StorageErrorKind>> = {
  401: "AuthExpired", 403: "PermissionDenied", 404: "NotFound", 405: "Unsupported", 408: "Timeout", 412: "PreconditionFailed", 413: "TooLarge", 416: "RangeInvalid",
  429: "RateLimited", 499: "Unavailable", 500: "Unavailable", 501: "Unsupported", 502: "Unavailable", 503: "Unavailable", 504: "Unavailable", 507: "NoSpace"
}

/** Codes of the operating system and of Node for a connection that was not made or broke off. */
const CONNECTION: ReadonlySet<string> = new Set([
  "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EMFILE", "ENFILE",
  "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED", "ERR_SOCKET_CLOSED", "HPE_INVALID_CONSTANT"
])

const PASSES: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>(["Unavailable", "Timeout", "RateLimited"])

/** Longest text of a store that is shown. */
const SHOWN = 300

/** A failure by its meaning; `detail` is shown after it. */
export const failure = (kind: StorageErrorKind, operation: string, key: string, detail: string, retry: boolean = PASSES.has(kind)): StorageError =>
  new StorageError({ kind, driver: DRIVER, operation, key, retry, cause: new Error(detail) })

/** An answer that is no success. */
export class RefusedRequest extends Error {
  readonly status: number
  /** Such as `conditionNotMet`, or "". */
  readonly reason: string
  /** What the store says to people, or "". */
  readonly said: string

  /** `body` is the text of the answer: JSON from Google, anything from what stands between. */
  constructor(status: number, body: string) {
    super(`HTTP ${status}`)
    const { reason, said } = errorIn(body)
    this.status = status
    this.reason = reason
    this.said = said
  }
}

/** No byte came or went for too long. */
export class SilentConnection extends Error {}

interface ErrorBody {
  readonly error?: { readonly message?: unknown; readonly errors?: ReadonlyArray<{ readonly reason?: unknown; readonly message?: unknown }> }
}

const errorIn = (body: string): { readonly reason: string; readonly said: string } => {
  try {
    const { error } = JSON.parse(body) as ErrorBody
    const { message = error?.message, reason } = error?.errors?.[0] ?? {}
    return { reason: typeof reason === "string" ? reason : "", said: typeof message === "string" ? message : "" }
  } catch {
    return { reason: "", said: "" }
  }
}

/** What is read of an error. */
interface Thrown {
  readonly code?: unknown
  readonly status?: unknown
  readonly errors?: ReadonlyArray<{ readonly reason?: unknown; readonly message?: unknown }>
  /** Of the SDK's second way to ask. */
  readonly response?: { readonly status?: unknown; readonly data?: unknown }
  readonly cause?: unknown
}

/** The status of the answer, or 0 where there was none. */
export const statusOf = (cause: unknown): number => {
  if (cause instanceof RefusedRequest) return cause.status
  const { code, response, status } = (cause ?? {}) as Thrown
  const found = [code, status, response?.status].map(Number).find((one) => Number.isInteger(one) && one >= 300 && one < 600)
  return found ?? 0
}

/** The reason and what is said to people. */
const wordsOf = (cause: unknown): { readonly reason: string; readonly said: string } => {
  if (cause instanceof RefusedRequest) return cause
  const { errors, response } = (cause ?? {}) as Thrown
  const { message, reason } = errors?.[0] ?? {}
  if (typeof reason === "string") return { reason, said: typeof message === "string" ? message : "" }
  return typeof response?.data === "object" ? errorIn(JSON.stringify(response.data)) : { reason: "", said: "" }
}

/** The code of the operating system, also when it comes inside another error, or "". */
export const systemCodeOf = (cause: unknown): string => {
  for (let at = cause, depth = 0; typeof at === "object" && at !== null && depth < 4; at = (at as Thrown).cause, depth++) {
    const { code } = at as Thrown
    if (typeof code === "string" && /^[A-Z]/.test(code)) return code
  }
  return ""
}

const isCertificate = (system: string): boolean => /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(system)

const kindOf = (cause: unknown): StorageErrorKind => {
  const { reason } = wordsOf(cause)
  const byReason = Object.hasOwn(KIND_OF_REASON, reason) ? KIND_OF_REASON[reason] : undefined
  if (byReason !== undefined) return byReason
  const status = statusOf(cause)
  if (status > 0) return KIND_OF_STATUS[status] ?? (status >= 500 ? "Unavailable" : "Unexpected")
  if (cause instanceof SilentConnection) return "Timeout"
  const system = systemCodeOf(cause)
  if (system === "ETIMEDOUT" || system === "ESOCKETTIMEDOUT") return "Timeout"
  return CONNECTION.has(system) || isCertificate(system) ? "Unavailable" : "Unexpected"
}

/** A failure from what a request threw. */
export const fromGcs = (operation: string, key: string, cause: unknown): StorageError => {
  if (cause instanceof StorageError) return cause
  const kind = kindOf(cause)
  // A wrong certificate does not get right by itself.
  return failure(kind, operation, key, described(cause), PASSES.has(kind) && !isCertificate(systemCodeOf(cause)))
}

/** What the store said and the codes that come with it; nothing of a request is in it. */
export const described = (cause: unknown): string => {
  if (cause instanceof SilentConnection) return "nothing came for too long"
  const { reason, said } = wordsOf(cause)
  const text = said.slice(0, SHOWN).replace(/upload_id=[^&\s"']*/gi, "upload_id=***")
  const status = statusOf(cause)
  const facts = [reason || systemCodeOf(cause), status === 0 ? "" : `HTTP ${status}`].filter((fact) => fact !== "")
  return withoutSecrets([text, facts.length === 0 ? "" : `(${facts.join(", ")})`].filter((part) => part !== "").join(" ")) || "no answer that can be understood"
}
