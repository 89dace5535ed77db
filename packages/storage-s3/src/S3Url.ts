/**
 * The one URL of a root, however it is spelled: `s3://bucket/prefix?region=…&endpoint=…&path-style=…`.
 *
 * Region and endpoint are part of it, so that a root stays the place it was when the environment changes. Credentials never are.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { failure } from "./S3Failure.ts"

/** Where a root is. */
export interface S3Place {
  readonly bucket: string
  /** Path below which the objects are, without slashes at its ends; "" for the whole bucket. */
  readonly prefix: string
  readonly region: string | null
  /** URL of a store other than AWS, or null. */
  readonly endpoint: string | null
  /** Whether the bucket is the first part of the path instead of the host's name. */
  readonly pathStyle: boolean
}

/** What is asked of the environment. */
type Environment = Readonly<Record<string, string | undefined>>

/** Region that a store other than AWS is told when none is named. */
const OTHER_REGION = "us-east-1"
/** Bytes that a prefix leaves for keys at least. */
const MAX_PREFIX_BYTES = 900

/** No part of the text is shown: it may hold credentials. */
const refuse = (reason: string): StorageError => failure("KeyInvalid", "normalize", "", `this is not the URL of a place in S3, such as s3://bucket/prefix: ${reason}`)

/** The place that a URL means. What it does not say about region and endpoint is taken from the environment. Throws a `StorageError`. */
export const parseS3Url = (url: string, environment: Environment = process.env): S3Place => {
  const match = /^s3:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is.exec(url)
  if (match === null) throw refuse("it does not begin with s3://")
  const [, authority = "", path = "", query = "", fragment] = match
  if (authority.includes("@")) throw refuse("credentials do not belong into it; they come from the environment or from a profile")
  if (fragment !== undefined) throw refuse("it has no fragment; write %23 for # and %3F for ?")
  const parameters = parametersOf(query)
  return placeFrom({
    bucket: authority,
    prefix: path.split("/").slice(1).map(decoded).join("/"),
    region: parameters.get("region") ?? null,
    endpoint: parameters.get("endpoint") ?? null,
    pathStyle: switchOf(parameters.get("path-style"))
  }, environment)
}

/** The same from its parts. */
export const placeFrom = (
  parts: { readonly bucket: string; readonly prefix: string; readonly region: string | null; readonly endpoint: string | null; readonly pathStyle: boolean | null },
  environment: Environment = process.env
): S3Place => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(parts.bucket)) throw refuse("a bucket's name has letters, digits, dots and dashes")
  if (/--[a-z0-9-]+--x-s3$/.test(parts.bucket)) throw failure("Unsupported", "normalize", "", "a directory bucket lists its objects in no order")
  const endpoint = endpointOf(parts.endpoint ?? (environment["AWS_ENDPOINT_URL_S3"] || environment["AWS_ENDPOINT_URL"] || null))
  const region = parts.region ?? (environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || (endpoint === null ? null : OTHER_REGION))
  if (region !== null && !/^[A-Za-z0-9-]{1,64}$/.test(region)) throw refuse("a region has letters, digits and dashes")
  return { bucket: parts.bucket, prefix: prefixOf(parts.prefix), region, endpoint, pathStyle: parts.pathStyle ?? endpoint !== null }
}

/** The normal form. */
export const s3Url = ({ bucket, endpoint, pathStyle, prefix, region }: S3Place): string => {
  const parameters = [
    ...(region === null ? [] : [`region=${region}`]),
    ...(endpoint === null ? [] : [`endpoint=${encodeURIComponent(endpoint).replaceAll("%3A", ":").replaceAll("%2F", "/")}`]),
    ...(pathStyle === (endpoint !== null) ? (endpoint === null ? [] : ["path-style=true"]) : [`path-style=${pathStyle}`])
  ]
  const path = prefix === "" ? "" : `/${prefix.split("/").map(encodeURIComponent).join("/")}`
  return `s3://${bucket}${path}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refuse("write %25 for a percent sign")
  }
}

const parametersOf = (query: string): ReadonlyMap<string, string> => {
  const parameters = new Map<string, string>()
  for (const part of query.split("&").filter((one) => one !== "")) {
    const at = part.indexOf("=")
    const name = at < 0 ? part : part.slice(0, at)
    if (!["region", "endpoint", "path-style"].includes(name)) throw refuse("its parameters are region, endpoint and path-style, and there is another one")
    if (parameters.has(name)) throw refuse(`${name} is there twice`)
    const value = at < 0 ? "" : decoded(part.slice(at + 1))
    if (value !== "") parameters.set(name, value)
  }
  return parameters
}

const switchOf = (text: string | undefined): boolean | null => {
  if (text === undefined) return null
  if (text === "true" || text === "1") return true
  if (text === "false" || text === "0") return false
  throw refuse("path-style is true or false")
}

const endpointOf = (text: string | null): string | null => {
  if (text === null || text === "") return null
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) throw refuse("its endpoint is not an http or https URL")
  if (url.username !== "" || url.password !== "") throw refuse("credentials do not belong into its endpoint; they come from the environment or from a profile")
  if (url.search !== "" || url.hash !== "") throw refuse("its endpoint has no query and no fragment")
  return url.origin + url.pathname.replace(/\/+$/, "")
}

const prefixOf = (text: string): string => {
  const prefix = text.replace(/\/+$/, "")
  if (prefix === "") return ""
  // A lone surrogate has no UTF-8 form.
  if (Buffer.from(prefix, "utf8").toString("utf8") !== prefix || prefix.includes("\0")) throw refuse("its path is not valid Unicode")
  for (const segment of prefix.split("/")) {
    if (segment === "" || segment === "." || segment === "..") throw refuse("its path has no empty, . and .. segments")
    if (segment === ".sheaf") throw refuse("it lies inside a folder .sheaf, which holds the registry's own objects")
  }
  if (Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) throw refuse(`its path has at most ${MAX_PREFIX_BYTES} bytes`)
  return prefix
}
