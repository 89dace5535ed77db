/**
 * Filters as they are written: `field__lookup=value` on the command line, objects in a program.
 */
import { type ArtifactFilter, EVERYTHING, fieldNamed, type FIELDS, type FilterField, type Lookup, lookupNamed } from "./ArtifactFilter.ts"
import { conditionOf } from "./FilterValues.ts"
import { InvalidInput } from "./SheafError.ts"

/** Conditions on one field in a filter object; all hold. */
export type LookupsOf<T, L extends Lookup> = {
  readonly [K in L]?: K extends "isnull" ? boolean : K extends "in" ? ReadonlyArray<T> : K extends "range" ? readonly [T, T] : T
}

type OrderedLookup = "exact" | "in" | "gt" | "gte" | "lt" | "lte" | "range" | "isnull"

type ValueOf = {
  readonly text: string | ReadonlyArray<string> | null | LookupsOf<string, Lookup>
  /** A text is a size, such as `10MB`. */
  readonly number: number | string | bigint | ReadonlyArray<number | string> | null | LookupsOf<number | string | bigint, OrderedLookup>
  readonly boolean: boolean | null | LookupsOf<boolean, "exact" | "isnull">
  /** ISO 8601, where a day is the whole of it, or a `Date`, a millisecond. */
  readonly time: string | Date | ReadonlyArray<string | Date> | null | LookupsOf<string | Date, OrderedLookup>
}

/**
 * A filter of a program: a value is `exact`, an array `in`, null `isnull`, an object its lookups. Everything in one object holds together; `or`, `and` and
 * `not` take objects of the same form.
 */
export type ArtifactWhere =
  & { readonly [F in FilterField]?: ValueOf[(typeof FIELDS)[F]["type"]] }
  & { readonly and?: ReadonlyArray<ArtifactWhere>; readonly or?: ReadonlyArray<ArtifactWhere>; readonly not?: ArtifactWhere | ReadonlyArray<ArtifactWhere> }

/** The filter of the command line's words, joined by and, or with `any` by or. Throws `InvalidInput`. */
export const parseFilter = (words: ReadonlyArray<string>, any = false): ArtifactFilter => {
  const filters = words.map(parseWord)
  if (filters.length === 0) return EVERYTHING
  return filters.length === 1 ? filters[0]! : { type: any ? "or" : "and", filters }
}

const parseWord = (word: string): ArtifactFilter => {
  if (word.startsWith("not:")) return { type: "not", filter: parseWord(word.slice("not:".length)) }
  const equals = word.indexOf("=")
  const name = equals < 0 ? word : word.slice(0, equals)
  if (equals <= 0) {
    throw new InvalidInput({
      what: `filter "${word}"`, reason: "a filter is FIELD=VALUE or FIELD__LOOKUP=VALUE", advice: `For a part of a key: key__icontains=${word === "" || equals === 0 ? "TEXT" : word}.`
    })
  }
  const between = name.lastIndexOf("__")
  // Without a lookup a name may be one that was misspelt with too many underscores; it is then looked for as a field.
  const [fieldName, lookupName] = between > 0 ? [name.slice(0, between), name.slice(between + 2)] : [name, "exact"]
  const field = fieldNamed(fieldName)
  return conditionOf(field, lookupNamed(field, lookupName), word.slice(equals + 1))
}

/** The filter of an object. Throws `InvalidInput`. */
export const filterOf = (where: ArtifactWhere): ArtifactFilter => {
  const filters: Array<ArtifactFilter> = []
  for (const [name, given] of Object.entries(where) as ReadonlyArray<readonly [string, unknown]>) {
    if (given === undefined) continue
    if (name === "and" || name === "or") filters.push({ type: name, filters: objectsIn(name, given).map(filterOf) })
    else if (name === "not") filters.push(...objectsIn(name, Array.isArray(given) ? given : [given]).map((one): ArtifactFilter => ({ type: "not", filter: filterOf(one) })))
    else filters.push(...onField(fieldNamed(name), given))
  }
  return filters.length === 1 ? filters[0]! : { type: "and", filters }
}

const objectsIn = (name: string, given: unknown): ReadonlyArray<ArtifactWhere> => {
  if (Array.isArray(given) && given.every((one) => isLookups(one))) return given
  throw new InvalidInput({ what: `filter ${name}`, reason: "takes filter objects", advice: `As in { ${name}: [{ suffix: ".csv" }, { size: { gt: 0 } }] }.` })
}

const isLookups = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Date)

const onField = (field: FilterField, given: unknown): ReadonlyArray<ArtifactFilter> => {
  if (given === null) return [conditionOf(field, "isnull", true)]
  if (Array.isArray(given)) return [conditionOf(field, lookupNamed(field, "in"), given)]
  if (!isLookups(given)) return [conditionOf(field, "exact", given)]
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [conditionOf(field, lookupNamed(field, name), value)]))
}
