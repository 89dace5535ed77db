/**
 * The one URL of a root, however it is spelled: `gs://bucket/prefix?endpoint=…`.
 *
 * An endpoint other than Google's is part of it, so that a root stays the place it was when the environment changes. Credentials never are.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { failure } from "./GcsFailure.ts"

/** Where a root is. */
export interface GcsPlace {
  readonly bucket: string
  /** Path below which the objects are, without slashes at its ends; "" for the whole bucket. */
  readonly prefix: string
  /** URL of another server than Google's own, or null. */
  readonly endpoint: string | null
}

/** What is asked of the environment. */
type Environment = Readonly<Record<string, string | undefined>>

/** Bytes that a prefix has at most, so that enough of a name is left for keys. */
const MAX_PREFIX_BYTES = 900

/** No part of the text is shown: it may hold credentials. */
const refuse = (reason: string): StorageError =>
  failure("KeyInvalid", "normalize", "", `this is not the URL of a place in Google Cloud Storage, such as gs://bucket/prefix: ${reason}`)

/** The place that a URL means. An endpoint that it does not name is taken from the environment. Throws a `StorageError`. */
export const parseGcsUrl = (url: string, environment: Environment = process.env): GcsPlace => {
  const match = /^gs:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/is.exec(url)
  if (match === null) throw refuse("it does not begin with gs://")
  const [, bucket = "", path = "", query = "", fragment] = match
  if (bucket.includes("@")) throw refuse("credentials do not belong into it; they come from the environment")
  if (fragment !== undefined) throw refuse("it has no fragment; write %23 for # and %3F for ?")
  return placeFrom({ bucket, prefix: path.split("/").slice(1).map(decoded).join("/"), endpoint: endpointIn(query) }, environment)
}

/** The same from its parts. */
export const placeFrom = (parts: GcsPlace, environment: Environment = process.env): GcsPlace => {
  // https://cloud.google.com/storage/docs/buckets#naming
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(parts.bucket)) throw refuse("a bucket's name has lower case letters, digits, dots, dashes and underscores")
  return { bucket: parts.bucket, prefix: prefixOf(parts.prefix), endpoint: endpointOf(parts.endpoint ?? (environment["STORAGE_EMULATOR_HOST"] || null)) }
}

/** The normal form. */
export const gcsUrl = ({ bucket, endpoint, prefix }: GcsPlace): string =>
  `gs://${bucket}${prefix === "" ? "" : `/${prefix.split("/").map(encodeURIComponent).join("/")}`}`
  + (endpoint === null ? "" : `?endpoint=${encodeURIComponent(endpoint).replaceAll("%3A", ":").replaceAll("%2F", "/")}`)

/** Whether an endpoint is Google's, so that it may see credentials without being asked about. */
export const isOfGoogle = (endpoint: string): boolean => {
  const url = URL.parse(endpoint)
  return url?.protocol === "https:" && (url.hostname === "googleapis.com" || url.hostname.endsWith(".googleapis.com"))
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refuse("write %25 for a percent sign")
  }
}

const endpointIn = (query: string): string | null => {
  let found: string | null = null
  for (const part of query.split("&").filter((one) => one !== "")) {
    const [name, ...value] = part.split("=")
    if (name !== "endpoint") throw refuse("its only parameter is endpoint, and there is another one")
    if (found !== null) throw refuse("endpoint is there twice")
    found = decoded(value.join("="))
  }
  return found === "" ? null : found
}

const endpointOf = (text: string | null): string | null => {
  if (text === null) return null
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol)) throw refuse("its endpoint is not an http or https URL")
  if (url.username !== "" || url.password !== "") throw refuse("credentials do not belong into its endpoint")
  if (url.search !== "" || url.hash !== "") throw refuse("its endpoint has no query and no fragment")
  const endpoint = url.origin + url.pathname.replace(/\/+$/, "")
  return endpoint === GOOGLE ? null : endpoint
}

/** Where Google serves buckets. */
export const GOOGLE = "https://storage.googleapis.com"

const prefixOf = (text: string): string => {
  const prefix = text.replace(/\/+$/, "")
  if (prefix === "") return ""
  // A lone surrogate has no UTF-8 form.
  if (Buffer.from(prefix, "utf8").toString("utf8") !== prefix || /[\0\r\n]/.test(prefix)) throw refuse("its path is not valid Unicode, or has a NUL or a line break in it")
  for (const segment of prefix.split("/")) {
    if (segment === "" || segment === "." || segment === "..") throw refuse("its path has no empty, . and .. segments")
    if (segment === ".sheaf") throw refuse("it lies inside a folder .sheaf, which holds the registry's own objects")
  }
  if (Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) throw refuse(`its path has at most ${MAX_PREFIX_BYTES} bytes`)
  return prefix
}
