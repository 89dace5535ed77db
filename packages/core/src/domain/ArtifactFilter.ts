/**
 * Filters of artifacts as plain data: conditions on fields, joined by and, or and not.
 *
 * Two-valued: a condition on a field that is null does not hold, and its negation does. A field with several values (keys, labels …) meets a condition
 * when one of them does.
 */
import { nearKeys } from "./NearKeys.ts"
import { InvalidInput } from "./SheafError.ts"

/** What the values of a field are. */
export type FieldType = "text" | "number" | "boolean" | "time"

/** How a field may be asked about. */
export interface FieldRules {
  readonly type: FieldType
  /** Several values, of which one has to match. */
  readonly many: boolean
  /** Values with `/` between segments: a glob's `*` stays within one. */
  readonly pathLike: boolean
}

const text = { type: "text", many: false, pathLike: false } as const
const texts = { type: "text", many: true, pathLike: false } as const
const path = { type: "text", many: false, pathLike: true } as const
const paths = { type: "text", many: true, pathLike: true } as const
const number = { type: "number", many: false, pathLike: false } as const
const time = { type: "time", many: false, pathLike: false } as const

/** What can be asked for. `key` is any live key, `keyHistory` any key the artifact ever had, `storage` and `path` those of any of its copies. */
export const FIELDS = {
  uid: text, key: paths, suffix: text, kind: text, description: text, version: text, isLatest: { type: "boolean", many: false, pathLike: false },
  size: number, hash: text, hashType: text, nFiles: number, nObservations: number, storage: texts, path: paths, run: text, transform: paths, createdBy: text,
  createdAt: time, updatedAt: time, labels: texts, collections: texts, formerKey: path, keyHistory: paths
} as const satisfies Readonly<Record<string, FieldRules>>

/** Name of a field, in camel case. */
export type FilterField = keyof typeof FIELDS

/** The ways of comparing, as in `size__gte`. */
export const LOOKUPS = [
  "exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "in", "gt", "gte", "lt", "lte", "range", "isnull", "regex", "glob"
] as const

/** One of {@link LOOKUPS}. */
export type Lookup = (typeof LOOKUPS)[number]

const ORDERED: ReadonlyArray<Lookup> = ["exact", "in", "gt", "gte", "lt", "lte", "range", "isnull"]

/** The lookups that make sense for a type of field. */
export const LOOKUPS_OF: Readonly<Record<FieldType, ReadonlyArray<Lookup>>> = {
  text: LOOKUPS,
  number: ORDERED,
  time: ORDERED,
  boolean: ["exact", "isnull"]
}

/** A span of time in microseconds since 1970, from the first up to, but not including, the second: a day is all of it. */
export interface TimeSpan {
  readonly from: number
  readonly until: number
}

/** A value to compare with, parsed. */
export type FilterValue = string | number | boolean | TimeSpan

/** One condition. `values` has one value, two for `range`, any number for `in`, and for `isnull` a boolean; all of the field's type. */
export interface Condition {
  readonly type: "condition"
  readonly field: FilterField
  readonly lookup: Lookup
  readonly values: ReadonlyArray<FilterValue>
}

/** A condition, or several joined. */
export type ArtifactFilter =
  | Condition
  /** All hold; of none, everything does. */
  | { readonly type: "and"; readonly filters: ReadonlyArray<ArtifactFilter> }
  /** One holds; of none, nothing does. */
  | { readonly type: "or"; readonly filters: ReadonlyArray<ArtifactFilter> }
  | { readonly type: "not"; readonly filter: ArtifactFilter }

/** What every artifact meets. */
export const EVERYTHING: ArtifactFilter = { type: "and", filters: [] }

/** By what results can be sorted; `key` is the primary key. */
export const SORT_FIELDS = [
  "createdAt", "updatedAt", "uid", "key", "suffix", "kind", "description", "version", "isLatest", "size", "hash", "hashType", "nFiles", "nObservations", "run", "formerKey"
] as const satisfies ReadonlyArray<FilterField>

/** A field that results can be ordered by: one with a single value. */
export type SortField = (typeof SORT_FIELDS)[number]

/** `createdAt` as `created_at`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const bothSpellings = <N extends string>(names: Iterable<N>): ReadonlyMap<string, N> =>
  new Map([...names].flatMap((name) => [[name, name], [snakeCase(name), name]] as const))

const FIELD_NAMES = bothSpellings(Object.keys(FIELDS) as ReadonlyArray<FilterField>)
const SORT_NAMES = bothSpellings(SORT_FIELDS)

const refused = (what: string, reason: string, advice: string): InvalidInput => new InvalidInput({ what, reason, advice })

const didYouMean = (typed: string, known: Iterable<string>, kind: string): string => {
  const names = [...known]
  const near = nearKeys(typed, names).slice(0, 2)
  return near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `The ${kind} are ${names.join(", ")}.`
}

/** The field with this name in either spelling. Throws `InvalidInput` with the near one. */
export const fieldNamed = (name: string): FilterField => {
  const field = FIELD_NAMES.get(name)
  if (field === undefined) throw refused(`filter on ${name}`, "there is no such field", didYouMean(name, Object.keys(FIELDS), "fields"))
  return field
}

/** The same for a field to sort by. */
export const sortFieldNamed = (name: string): SortField => {
  const field = SORT_NAMES.get(name)
  if (field !== undefined) return field
  const reason = FIELD_NAMES.has(name) ? "an artifact may have several of these, so they give no order" : "there is no such field"
  throw refused(`order by ${name}`, reason, didYouMean(name, SORT_FIELDS, "fields to sort by"))
}

/** The lookup with this name, if it makes sense for the field. Throws `InvalidInput` with the near one. */
export const lookupNamed = (field: FilterField, name: string): Lookup => {
  const what = `filter ${field}__${name}`
  const possible = LOOKUPS_OF[FIELDS[field].type]
  if (!(LOOKUPS as ReadonlyArray<string>).includes(name)) throw refused(what, "there is no such lookup", didYouMean(name, possible, "lookups"))
  if (!possible.includes(name as Lookup)) throw refused(what, `${field} is a ${FIELDS[field].type} and has no ${name}`, `The lookups are ${possible.join(", ")}.`)
  return name as Lookup
}

/** The filter in words of the command line, for messages. */
export const filterText = (filter: ArtifactFilter): string => {
  switch (filter.type) {
    case "condition":
      return `${filter.field}${filter.lookup === "exact" ? "" : `__${filter.lookup}`}=${filter.values.map(valueText).join(",")}`
    case "not":
      return `not:${grouped(filter.filter)}`
    default:
      return filter.filters.length === 0 ? (filter.type === "and" ? "everything" : "nothing") : filter.filters.map(grouped).join(filter.type === "and" ? " " : " or ")
  }
}

const grouped = (filter: ArtifactFilter): string =>
  filter.type !== "condition" && filter.type !== "not" && filter.filters.length > 1 ? `(${filterText(filter)})` : filterText(filter)

const valueText = (value: FilterValue): string => (typeof value === "object" ? new Date(value.from / 1000).toISOString() : String(value))
