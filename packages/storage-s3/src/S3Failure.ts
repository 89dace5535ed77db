/**
 * What a failed request means in the terms of the storage contract: by its status, its code and the code of the operating system, never by its text.
 *
 * The errors of the SDK carry the whole exchange, signatures included. None of them is passed on: what a failure shows is written anew.
 */
import { withoutSecrets } from "@sheaf/core/domain/Secrets"
import { StorageError, type StorageErrorKind } from "@sheaf/core/ports/Storage"

/** Name of this driver in errors and in `info`. */
export const DRIVER = "s3"

const KIND_OF_CODE: Readonly<Record<string, StorageErrorKind>> = {
  NoSuchKey: "NotFound",
  NotFound: "NotFound",
  NoSuchBucket: "Unavailable",
  PreconditionFailed: "PreconditionFailed",
  ConditionalRequestConflict: "Unavailable",
  OperationAborted: "Unavailable",
  InvalidObjectState: "Unavailable",
  AccessDenied: "PermissionDenied",
  AllAccessDisabled: "PermissionDenied",
  AccountProblem: "PermissionDenied",
  InvalidAccessKeyId: "PermissionDenied",
  SignatureDoesNotMatch: "PermissionDenied",
  RequestTimeTooSkewed: "PermissionDenied",
  ExpiredToken: "AuthExpired",
  ExpiredTokenException: "AuthExpired",
  InvalidToken: "AuthExpired",
  TokenRefreshRequired: "AuthExpired",
  RequestExpired: "AuthExpired",
  CredentialsProviderError: "AuthExpired",
  TokenProviderError: "AuthExpired",
  SlowDown: "RateLimited",
  SlowDownRead: "RateLimited",
  SlowDownWrite: "RateLimited",
  Throttling: "RateLimited",
  ThrottlingException: "RateLimited",
  TooManyRequests: "RateLimited",
  TooManyRequestsException: "RateLimited",
  RequestLimitExceeded: "RateLimited",
  BandwidthLimitExceeded: "RateLimited",
  RequestTimeout: "Timeout",
  TimeoutError: "Timeout",
  EntityTooLarge: "TooLarge",
  BadDigest: "ChecksumMismatch",
  InvalidDigest: "ChecksumMismatch",
  IncompleteBody: "ChecksumMismatch",
  XAmzContentChecksumMismatch: "ChecksumMismatch",
  XAmzContentSHA256Mismatch: "ChecksumMismatch",
  KeyTooLong: "KeyInvalid",
  KeyTooLongError: "KeyInvalid",
  XMinioInvalidObjectName: "KeyInvalid",
  XMinioInvalidResourceName: "KeyInvalid",
  XMinioObjectExistsAsDirectory: "KeyInvalid",
  XMinioParentIsObject: "KeyInvalid",
  InvalidRange: "RangeInvalid",
  MethodNotAllowed: "Unsupported",
  NotImplemented: "Unsupported",
  QuotaExceeded: "NoSpace",
  XMinioAdminBucketQuotaExceeded: "NoSpace",
  XMinioStorageFull: "NoSpace"
}

const KIND_OF_STATUS: Readonly<Record<number, StorageErrorKind>> = {
  401: "PermissionDenied", 403: "PermissionDenied", 404: "NotFound", 405: "Unsupported", 408: "Timeout", 412: "PreconditionFailed", 413: "TooLarge",
  416: "RangeInvalid", 429: "RateLimited", 500: "Unavailable", 501: "Unsupported", 502: "Unavailable", 503: "Unavailable", 504: "Unavailable", 507: "NoSpace"
}

/** Codes of the operating system and of Node for a connection that was not made or broke off. */
const CONNECTION: ReadonlySet<string> = new Set([
  "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EMFILE", "ENFILE",
  "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED", "ERR_SOCKET_CLOSED", "HPE_INVALID_CONSTANT"
])

const PASSES: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>(["Unavailable", "Timeout", "RateLimited"])
/** Codes that do not pass by themselves, although their kind usually does. */
const STAYS: ReadonlySet<string> = new Set(["NoSuchBucket", "InvalidObjectState"])

/** What is read of an error. */
interface Thrown {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly Code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly requestId?: unknown }
  readonly cause?: unknown
}

/** Longest text of a store that is shown. */
const SHOWN = 300

/** A failure by its meaning; `detail` is shown after it. */
export const failure = (kind: StorageErrorKind, operation: string, key: string, detail: string, retry: boolean = PASSES.has(kind)): StorageError =>
  new StorageError({ kind, driver: DRIVER, operation, key, retry, cause: new Error(detail) })

/** The code that a store or the SDK gives an error, or "". */
export const codeOf = (cause: unknown): string => {
  const { Code, name } = (cause ?? {}) as Thrown
  if (typeof name === "string" && name !== "Error" && name !== "UnknownError") return name
  return typeof Code === "string" ? Code : typeof name === "string" && name !== "Error" ? name : ""
}

/** The status of the answer, or 0 where there was none. */
export const statusOf = (cause: unknown): number => {
  const status = ((cause ?? {}) as Thrown).$metadata?.httpStatusCode
  return typeof status === "number" ? status : 0
}

/** The code of the operating system, also when it comes inside another error, or "". */
const systemCodeOf = (cause: unknown): string => {
  for (let at = cause, depth = 0; typeof at === "object" && at !== null && depth < 4; at = (at as Thrown).cause, depth++) {
    const { code } = at as Thrown
    if (typeof code === "string") return code
  }
  return ""
}

const kindOf = (cause: unknown): StorageErrorKind => {
  const code = codeOf(cause)
  const system = systemCodeOf(cause)
  // The SDK calls a connection that broke off a timeout as well.
  if (CONNECTION.has(system)) return "Unavailable"
  const byCode = Object.hasOwn(KIND_OF_CODE, code) ? KIND_OF_CODE[code] : undefined
  if (byCode !== undefined) return byCode
  if (system === "ETIMEDOUT" || system === "ESOCKETTIMEDOUT") return "Timeout"
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(system)) return "Unavailable"
  const status = statusOf(cause)
  return KIND_OF_STATUS[status] ?? (status >= 500 ? "Unavailable" : "Unexpected")
}

/** A failure from what a request threw. `secrets` are texts that must not be shown, whoever put them into a message. */
export const fromS3 = (operation: string, key: string, cause: unknown, secrets: ReadonlyArray<string> = []): StorageError => {
  if (cause instanceof StorageError) return cause
  const kind = kindOf(cause)
  const code = codeOf(cause)
  const system = systemCodeOf(cause)
  const isCertificate = kind === "Unavailable" && system !== "" && !CONNECTION.has(system)
  // Bytes that changed on their way may arrive whole the next time.
  const retry = (PASSES.has(kind) && !STAYS.has(code) && !isCertificate) || kind === "ChecksumMismatch"
  return failure(kind, operation, key, described(cause, secrets), retry)
}

const described = (cause: unknown, secrets: ReadonlyArray<string>): string => {
  const { $metadata, message } = (cause ?? {}) as Thrown
  const status = statusOf(cause)
  const text = typeof message === "string" && message !== "" && message !== "UnknownError" ? message.split("\n", 1)[0]!.slice(0, SHOWN) : ""
  const facts = [
    CONNECTION.has(systemCodeOf(cause)) ? systemCodeOf(cause) : codeOf(cause) || systemCodeOf(cause),
    status === 0 ? "" : `HTTP ${status}`,
    typeof $metadata?.requestId === "string" ? `request ${$metadata.requestId}` : ""
  ].filter((fact) => fact !== "")
  const shown = [text, facts.length === 0 ? "" : `(${facts.join(", ")})`].filter((part) => part !== "").join(" ") || "no answer that can be understood"
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), withoutSecrets(shown))
}
