/**
 * Labels: names that classify artifacts.
 */
import { portableFold } from "./ArtifactKey.ts"
import { editDistance } from "./NearKeys.ts"

/** A label; field names are those of the machine interface. */
export interface Label {
  readonly uid: string
  /** Unique among the labels of its type. */
  readonly name: string
  /** What sort of label it is, such as `organism`, or null. */
  readonly type: string | null
  /** Name of the label above it, or null. */
  readonly parent: string | null
  readonly parentUid: string | null
  readonly description: string | null
  /** Handle of the account that made it. */
  readonly createdBy: string | null
  /** ISO 8601. */
  readonly createdAt: string
}

/** Longest name and type, in bytes of UTF-8. */
const MAX_LABEL_BYTES = 255

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/

/** Why a text cannot be the name or the type of a label, or null when it can. */
export const labelNameProblem = (text: string): string | null => {
  if (text === "") return "is empty"
  if (text.trim() !== text) return "begins or ends with white space"
  if (CONTROL.test(text)) return "contains a control character"
  if (!text.isWellFormed()) return "is not valid Unicode"
  return Buffer.byteLength(text) > MAX_LABEL_BYTES ? `is over ${MAX_LABEL_BYTES} bytes` : null
}

/** The same for names that are written differently only in case, spaces, dashes and the like. */
const bare = (name: string): string => portableFold(name).replace(/[\s\p{Punctuation}]+/gu, "")

const digitsOf = (text: string): string => text.replace(/\D/g, "")

/** The names that may be meant by another one, in their order; names that differ in a digit (`plate1`, `plate2`) are not. */
export const similarNames = (name: string, others: Iterable<string>): ReadonlyArray<string> => {
  const wanted = bare(name)
  const changes = wanted.length < 4 ? 0 : wanted.length < 8 ? 1 : 2
  return [...new Set(others)].filter((other) => {
    if (other === name) return false
    const found = bare(other)
    if (found === wanted) return wanted !== ""
    return Math.abs(found.length - wanted.length) <= changes && digitsOf(found) === digitsOf(wanted) && editDistance(found, wanted) <= changes
  })
}

/**
 * Named things as the properties of an object, for completion in an editor: every character that an identifier cannot have becomes `_`, a leading digit gets
 * one in front, and of names that become the same the later ones end in `_2`, `_3` and so on.
 */
export const lookupOf = <A extends { readonly name: string }>(all: ReadonlyArray<A>): Readonly<Record<string, A>> => {
  const found = Object.create(null) as Record<string, A>
  for (const one of all) {
    const plain = one.name.replace(/[^\p{ID_Continue}$]/gu, "_")
    const name = /^[\p{ID_Start}$_]/u.test(plain) ? plain : `_${plain}`
    let free = name
    for (let n = 2; free in found; n++) free = `${name}_${n}`
    found[free] = one
  }
  return found
}
