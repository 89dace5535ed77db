/**
 * Keys: path-like human names that point at artifacts.
 *
 * Every way in normalises a key once: leading `/` and `./` are stripped, `//` and `/./` collapse, nothing else changes.
 * Unicode is kept as given and compared exactly.
 */
import { unescapeName } from "./FileName.ts"

/** A key is at most this many bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024
/** A segment is at most this many bytes, counted before escaping. */
export const MAX_SEGMENT_BYTES = 255

/** A key in normal form and whether that changed it, or why it cannot be one. */
export type KeyParse =
  | { readonly ok: true; readonly key: string; readonly changed: boolean }
  | { readonly ok: false; readonly reason: string }

const refuse = (reason: string): KeyParse => ({ ok: false, reason })

// Exactly the characters of Unicode's category Cc.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** The normal form of a key, or why the text cannot be one. A trailing `/` is dropped. */
export const parseKey = (text: string): KeyParse => {
  if (CONTROL.test(text)) return refuse("it contains a control character")
  if (text.includes("\\")) return refuse("it contains a backslash; keys use / between segments")
  if (LONE_SURROGATE.test(text)) return refuse("it is not valid Unicode")
  const segments = text.split("/").filter((s) => s !== "" && s !== ".")
  if (segments.length === 0) return refuse("it is empty")
  if (segments.includes("..")) return refuse("it contains a .. segment; keys are relative and stay below their root")
  if (segments.includes(".sheaf")) return refuse(".sheaf/ is reserved for the registry's own files")
  for (const segment of segments) {
    if (segment.length > 80 && unescapeName(segment).length > MAX_SEGMENT_BYTES) {
      return refuse(`the segment "${segment.slice(0, 40)}…" is over ${MAX_SEGMENT_BYTES} bytes`)
    }
  }
  const key = segments.join("/")
  if (key.length > MAX_KEY_BYTES / 4 && Buffer.byteLength(key) > MAX_KEY_BYTES) return refuse(`it is over ${MAX_KEY_BYTES} bytes`)
  return { ok: true, key, changed: key !== text }
}

/** The last segment of a key. */
export const fileNameOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1)

// oxlint-disable-next-line no-control-regex
const ASCII_ONLY = /^[\x00-\x7f]*$/

/** What two keys share when they differ only in case or Unicode form: equal folds mean a portability warning. */
export const portableFold = (key: string): string =>
  ASCII_ONLY.test(key) ? key.toLowerCase() : key.normalize("NFC").toLowerCase().normalize("NFC")
