/**
 * Filters as plain JavaScript over artifacts: the reference that a registry's answers are compared with.
 */
import type { Artifact } from "../domain/Artifact.ts"
import { type ArtifactFilter, type Condition, FIELDS, type FilterValue, type TimeSpan } from "../domain/ArtifactFilter.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { globPattern } from "../domain/GlobPattern.ts"
import { InvalidInput } from "../domain/SheafError.ts"
import { wellFormed } from "../layers/DuckDbRows.ts"
import type { PageEnd, ResultOrder } from "../ports/Queries.ts"

/** What an artifact has beside what its own record shows; times in microseconds. Records are known by their names and their uids. */
export interface Known {
  readonly artifact: Artifact
  readonly keyHistory: ReadonlyArray<string>
  readonly labels: ReadonlyArray<string>
  readonly collections: ReadonlyArray<string>
  readonly storage: ReadonlyArray<string>
  readonly path: ReadonlyArray<string>
  readonly transform: ReadonlyArray<string>
  readonly createdBy: ReadonlyArray<string>
  readonly createdAt: number
  readonly updatedAt: number
}

type Value = string | number | boolean

const valuesOf = (known: Known, field: Condition["field"]): ReadonlyArray<Value> => {
  const { artifact } = known
  switch (field) {
    case "key":
      return artifact.keys
    case "keyHistory":
    case "labels":
    case "collections":
    case "storage":
    case "path":
    case "transform":
    case "createdBy":
      return known[field]
    case "createdAt":
    case "updatedAt":
      return [known[field]]
    default: {
      const value = artifact[field]
      return value === null ? [] : [value]
    }
  }
}

const fold = (text: string): string => [...text].map((c) => c.toLowerCase()).join("")

const compare = (a: Value, b: Value): number => (typeof a === "string" ? compareBytes(a, String(b)) : Number(a) - Number(b))

/** Whether an artifact meets the filter. Throws `InvalidInput` where a regular expression or glob is none. */
export const meeting = (filter: ArtifactFilter): (known: Known) => boolean => {
  switch (filter.type) {
    case "and": {
      const all = filter.filters.map(meeting)
      return (known) => all.every((one) => one(known))
    }
    case "or": {
      const all = filter.filters.map(meeting)
      return (known) => all.some((one) => one(known))
    }
    case "not": {
      const fits = meeting(filter.filter)
      return (known) => !fits(known)
    }
    case "condition": {
      if (filter.lookup === "isnull") return (known) => (valuesOf(known, filter.field).length === 0) === filter.values[0]
      const fits = FIELDS[filter.field].type === "time" ? inTime(filter) : matching(filter)
      return (known) => valuesOf(known, filter.field).some(fits)
    }
  }
}

const inTime = ({ lookup, values }: Condition): (value: Value) => boolean => {
  const spans = values as ReadonlyArray<TimeSpan>
  const [first, second] = spans
  const within = (at: number, { from, until }: TimeSpan): boolean => at >= from && at < until
  return (value) => {
    const at = Number(value)
    switch (lookup) {
      case "gt":
        return at >= first!.until
      case "gte":
        return at >= first!.from
      case "lt":
        return at < first!.from
      case "lte":
        return at < first!.until
      case "range":
        return within(at, { from: first!.from, until: second!.until })
      default:
        return spans.some((span) => within(at, span))
    }
  }
}

const matching = ({ field, lookup, values: given }: Condition): (value: Value) => boolean => {
  // Half of a character is no text.
  const values = given.map((value) => (typeof value === "string" ? wellFormed(value)! : value))
  const [first, second] = values as ReadonlyArray<Value>
  const wanted = String(first)
  const folded = fold(wanted)
  switch (lookup) {
    case "exact":
    case "in": {
      const all = new Set<FilterValue>(values)
      return (value) => all.has(value)
    }
    case "iexact":
      return (value) => fold(String(value)) === folded
    case "contains":
      return (value) => String(value).includes(wanted)
    case "icontains":
      return (value) => fold(String(value)).includes(folded)
    case "startswith":
      return (value) => String(value).startsWith(wanted)
    case "istartswith":
      return (value) => fold(String(value)).startsWith(folded)
    case "endswith":
      return (value) => String(value).endsWith(wanted)
    case "iendswith":
      return (value) => fold(String(value)).endsWith(folded)
    case "gt":
      return (value) => compare(value, first!) > 0
    case "gte":
      return (value) => compare(value, first!) >= 0
    case "lt":
      return (value) => compare(value, first!) < 0
    case "lte":
      return (value) => compare(value, first!) <= 0
    case "range":
      return (value) => compare(value, first!) >= 0 && compare(value, second!) <= 0
    case "regex": {
      const pattern = patternOf(field, lookup, wanted, wanted)
      return (value) => pattern.test(String(value))
    }
    case "glob": {
      const pattern = patternOf(field, lookup, wanted, `^(?:${globPattern(wanted, FIELDS[field])})$`)
      return (value) => pattern.test(String(value))
    }
    case "isnull":
      return () => false
  }
}

/** Flags at the beginning, which RE2 has and JavaScript has elsewhere. */
const FLAGS = /^\(\?([ims]+)\)/

const patternOf = (field: Condition["field"], lookup: Condition["lookup"], given: string, pattern: string): RegExp => {
  const flags = FLAGS.exec(pattern)
  try {
    return new RegExp(flags === null ? pattern : pattern.slice(flags[0].length), `u${[...new Set(flags?.[1] ?? "")].join("")}`)
  } catch (error) {
    throw new InvalidInput({
      what: `filter ${field}__${lookup}=${given}`,
      reason: error instanceof Error ? error.message : String(error),
      advice: lookup === "regex" ? "Regular expressions are those of JavaScript here; \\ takes away a meaning." : "A backslash takes away a meaning, as in \\[."
    })
  }
}

/** What an artifact is sorted by, null for nothing. */
const sortValue = (known: Known, { field }: ResultOrder): PageEnd["value"] => (field === "key" ? known.artifact.key : valuesOf(known, field)[0] ?? null)

/** Where a page ends that ends with this artifact. */
export const pageEnd = (known: Known, order: ResultOrder): PageEnd => ({ value: sortValue(known, order), uid: known.artifact.uid })

/** What is null comes last whatever the direction, and uids ascend among equals. */
export const comparePlaces = (a: PageEnd, b: PageEnd, { descending }: ResultOrder): number => {
  const byUid = compareBytes(a.uid, b.uid)
  if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null) || byUid
  return compare(a.value, b.value) * (descending ? -1 : 1) || byUid
}

export const inOrder = (all: ReadonlyArray<Known>, order: ResultOrder): ReadonlyArray<Known> =>
  all.map((known) => ({ known, end: pageEnd(known, order) })).sort((a, b) => comparePlaces(a.end, b.end, order)).map(({ known }) => known)
