/**
 * File names as key segments and back, byte for byte.
 *
 * A file name is bytes; a key segment is printable Unicode. Bytes that are not valid UTF-8, control characters and the
 * backslash become `%XX` (upper case), and every `%` in such a name becomes `%25`. A clean name that already contains a
 * sequence this escaping can produce has its `%` escaped too; every other name stays as it is, so `100%.csv` and
 * `a%20b.csv` are themselves.
 *
 * Names are handled as `latin1` strings, one character a byte, because the file system calls hand them over that way
 * without loss and without an allocation per name.
 */

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

// oxlint-disable-next-line no-control-regex
const NEEDS_LOOK = /[\x00-\x1f\x7f-\xff\\%]/
const CAN_BE_PRODUCED = /%(?:[01][0-9A-F]|25|5C|7F|[89A-F][0-9A-F])/
const PRODUCED = /%(?:[01][0-9A-F]|25|5C|7F|[89A-F][0-9A-F])/g

const percent = (byte: number): string => "%" + (byte < 16 ? "0" : "") + byte.toString(16).toUpperCase()

const isPlainControl = (code: number): boolean => code < 0x20 || code === 0x7f || (code >= 0x80 && code <= 0x9f)

/** Length in bytes of the valid UTF-8 sequence that starts at `i`, or 0. */
const sequenceLength = (name: string, i: number): number => {
  const a = name.charCodeAt(i)
  const at = (k: number) => (i + k < name.length ? name.charCodeAt(i + k) : 0)
  const tail = (k: number) => (at(k) & 0xc0) === 0x80
  if (a < 0x80) return 1
  if (a >= 0xc2 && a <= 0xdf) return tail(1) ? 2 : 0
  if (a >= 0xe0 && a <= 0xef) {
    const b = at(1)
    if (a === 0xe0 && b < 0xa0) return 0
    if (a === 0xed && b > 0x9f) return 0
    return tail(1) && tail(2) ? 3 : 0
  }
  if (a >= 0xf0 && a <= 0xf4) {
    const b = at(1)
    if (a === 0xf0 && b < 0x90) return 0
    if (a === 0xf4 && b > 0x8f) return 0
    return tail(1) && tail(2) && tail(3) ? 4 : 0
  }
  return 0
}

/**
 * The key segment for a file name given as a latin1 string of its bytes. Injective: no two names share a segment.
 */
export const escapeName = (latin1: string): string => {
  if (!NEEDS_LOOK.test(latin1)) return latin1
  let out = ""
  let dirty = false
  for (let i = 0; i < latin1.length;) {
    const n = sequenceLength(latin1, i)
    const code = latin1.charCodeAt(i)
    if (n === 1) {
      if (isPlainControl(code) || code === 0x5c) {
        dirty = true
        out += percent(code)
      } else {
        out += code === 0x25 ? "%25" : latin1[i]
      }
      i += 1
    } else if (n === 0) {
      dirty = true
      out += percent(code)
      i += 1
    } else {
      // C1 control characters U+0080-U+009F are C2 80-C2 9F.
      if (n === 2 && code === 0xc2 && isPlainControl(latin1.charCodeAt(i + 1))) {
        dirty = true
        out += percent(0xc2) + percent(latin1.charCodeAt(i + 1))
      } else {
        out += Buffer.from(latin1.slice(i, i + n), "latin1").toString("utf8")
      }
      i += n
    }
  }
  if (dirty) return out
  const clean = Buffer.from(latin1, "latin1").toString("utf8")
  return CAN_BE_PRODUCED.test(clean) ? out : clean
}

/** The file name, as a latin1 string of its bytes, that a key segment stands for: the inverse of {@link escapeName}. */
export const unescapeName = (segment: string): string => {
  const bytes = Buffer.from(segment, "utf8").toString("latin1")
  return bytes.includes("%")
    ? bytes.replace(PRODUCED, (hex) => String.fromCharCode(Number.parseInt(hex.slice(1), 16)))
    : bytes
}

/** {@link escapeName} for every segment of a `/`-separated latin1 path. */
export const escapePath = (latin1: string): string =>
  NEEDS_LOOK.test(latin1) ? latin1.split("/").map(escapeName).join("/") : latin1

/** {@link unescapeName} for every segment of a `/`-separated path: a latin1 string of the path's bytes. */
export const unescapePath = (path: string): string =>
  path.includes("%") ? path.split("/").map(unescapeName).join("/") : fromUserPath(path)

/** A path for people and JSON: the true name where it is valid Unicode, else the escaped form. */
export const displayPath = (escaped: string): string => {
  if (!escaped.includes("%")) return escaped
  try {
    return strictUtf8.decode(Buffer.from(unescapePath(escaped), "latin1"))
  } catch {
    return escaped
  }
}

// oxlint-disable-next-line no-control-regex
const NON_ASCII = /[^\x00-\x7f]/

/** What Node's file system calls take for a path held as a latin1 string of its bytes. */
export const toFsPath = (latin1: string): string | Buffer => (NON_ASCII.test(latin1) ? Buffer.from(latin1, "latin1") : latin1)

/** The latin1 form of a path that came as an ordinary (UTF-16) string, from a person or a program. */
export const fromUserPath = (path: string): string => (NON_ASCII.test(path) ? Buffer.from(path, "utf8").toString("latin1") : path)
