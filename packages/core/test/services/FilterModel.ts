/** Filters as plain JavaScript over artifacts, to compare the registry's answers with. */
import type { Artifact } from "../../src/domain/Artifact.ts"
import { type ArtifactFilter, type Condition, FIELDS, type FilterValue, type TimeSpan } from "../../src/domain/ArtifactFilter.ts"
import { compareBytes } from "../../src/domain/ByteOrder.ts"
import { globPattern } from "../../src/domain/GlobPattern.ts"
import type { ResultOrder } from "../../src/ports/Queries.ts"

/** What an artifact has beside what its own record shows; times in microseconds. */
export interface Known {
  readonly artifact: Artifact
  readonly keyHistory: ReadonlyArray<string>
  readonly labels: ReadonlyArray<string>
  readonly collections: ReadonlyArray<string>
  readonly storage: ReadonlyArray<string>
  readonly transform: ReadonlyArray<string>
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
      return known.keyHistory
    case "labels":
    case "collections":
    case "storage":
    case "transform":
      return known[field]
    case "path":
      return artifact.locations.map(({ path }) => path)
    case "createdAt":
      return [known.createdAt]
    case "updatedAt":
      return [known.updatedAt]
    default: {
      const value = artifact[field]
      return value === null ? [] : [value]
    }
  }
}

const fold = (text: string): string => [...text].map((c) => c.toLowerCase()).join("")

const compare = (a: Value, b: Value): number => (typeof a === "string" ? compareBytes(a, String(b)) : Number(a) - Number(b))

export const meets = (known: Known, filter: ArtifactFilter): boolean => {
  switch (filter.type) {
    case "and":
      return filter.filters.every((one) => meets(known, one))
    case "or":
      return filter.filters.some((one) => meets(known, one))
    case "not":
      return !meets(known, filter.filter)
    case "condition": {
      const values = valuesOf(known, filter.field)
      return filter.lookup === "isnull" ? (values.length === 0) === filter.values[0] : values.some((value) => matches(value, filter))
    }
  }
}

const matches = (value: Value, { field, lookup, values }: Condition): boolean => {
  const [first, second] = values as ReadonlyArray<FilterValue>
  if (typeof first === "object" || (values.length === 0 && FIELDS[field].type === "time")) {
    const spans = values as ReadonlyArray<TimeSpan>
    const at = Number(value)
    const within = ({ from, until }: TimeSpan) => at >= from && at < until
    switch (lookup) {
      case "gt":
        return at >= spans[0]!.until
      case "gte":
        return at >= spans[0]!.from
      case "lt":
        return at < spans[0]!.from
      case "lte":
        return at < spans[0]!.until
      case "range":
        return within({ from: spans[0]!.from, until: spans[1]!.until })
      default:
        return spans.some(within)
    }
  }
  const text = String(value)
  switch (lookup) {
    case "exact":
    case "in":
      return values.includes(value)
    case "iexact":
      return fold(text) === fold(String(first))
    case "contains":
      return text.includes(String(first))
    case "icontains":
      return fold(text).includes(fold(String(first)))
    case "startswith":
      return text.startsWith(String(first))
    case "istartswith":
      return fold(text).startsWith(fold(String(first)))
    case "endswith":
      return text.endsWith(String(first))
    case "iendswith":
      return fold(text).endsWith(fold(String(first)))
    case "gt":
      return compare(value, first as Value) > 0
    case "gte":
      return compare(value, first as Value) >= 0
    case "lt":
      return compare(value, first as Value) < 0
    case "lte":
      return compare(value, first as Value) <= 0
    case "range":
      return compare(value, first as Value) >= 0 && compare(value, second as Value) <= 0
    case "regex":
      return new RegExp(String(first), "u").test(text)
    case "glob":
      return new RegExp(`^(?:${globPattern(String(first), FIELDS[field])})$`, "u").test(text)
    case "isnull":
      return false
  }
}

export const inOrder = (all: ReadonlyArray<Known>, { descending, field }: ResultOrder): ReadonlyArray<Known> => {
  const of = (known: Known): Value | undefined => (field === "key" ? known.artifact.key ?? undefined : valuesOf(known, field)[0])
  return [...all].sort((a, b) => {
    const [x, y] = [of(a), of(b)]
    const byUid = compareBytes(a.artifact.uid, b.artifact.uid)
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined) || byUid
    return compare(x, y) * (descending ? -1 : 1) || byUid
  })
}
