/**
 * Values of filters, as people write them and as programs give them: sizes, times, booleans, lists.
 */
import { type Condition, type FieldType, FIELDS, type FilterField, type FilterValue, type Lookup, type TimeSpan } from "./ArtifactFilter.ts"
import { InvalidInput } from "./SheafError.ts"

/** What a program may give for a value. */
export type GivenValue = string | number | bigint | boolean | Date | null

/** A condition with values as given; a text is read as on the command line. Throws `InvalidInput`. */
export const conditionOf = (field: FilterField, lookup: Lookup, given: unknown): Condition => {
  const values = takesList(lookup) ? listOf(field, lookup, given) : [given]
  const type = lookup === "isnull" ? "boolean" : FIELDS[field].type
  const read = values.map((value) => valueOf(field, lookup, type, value))
  if (lookup === "range" && read.length !== 2) throw bad(field, lookup, `takes two values and got ${read.length}`, "Give the least and the greatest, as in size__range=1KB,10MB.")
  return { type: "condition", field, lookup, values: read }
}

const takesList = (lookup: Lookup): boolean => lookup === "in" || lookup === "range"

const bad = (field: FilterField, lookup: Lookup, reason: string, advice: string): InvalidInput =>
  new InvalidInput({ what: `filter ${field}${lookup === "exact" ? "" : `__${lookup}`}`, reason, advice })

/** An array; or a text: a JSON array, else values between commas. */
const listOf = (field: FilterField, lookup: Lookup, given: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(given)) return given
  if (typeof given !== "string") throw bad(field, lookup, "takes a list of values", `Give an array, or on the command line ${field}__${lookup}=A,B.`)
  if (!given.startsWith("[")) return given === "" ? [] : given.split(",")
  try {
    const list: unknown = JSON.parse(given)
    if (Array.isArray(list)) return list
  } catch {
    // Said below.
  }
  throw bad(field, lookup, "begins with [ and is no JSON array", `Values with commas go into one, as in ${field}__${lookup}='["a,b","c"]'.`)
}

const valueOf = (field: FilterField, lookup: Lookup, type: FieldType, given: unknown): FilterValue => {
  switch (type) {
    case "text":
      if (typeof given === "string") return given
      throw bad(field, lookup, `takes a text and got ${shown(given)}`, field === "labels" || field === "collections" ? "Give a name." : "Give a text.")
    case "number": {
      const size = typeof given === "bigint" ? Number(given) : typeof given === "number" ? given : typeof given === "string" ? sizeOf(given) : null
      if (size !== null && Number.isFinite(size)) return size
      throw bad(field, lookup, `${shown(given)} is no number`, "Give a number, or a size such as 500KB, 10MB or 1.5GiB.")
    }
    case "boolean": {
      const truth = typeof given === "boolean" ? given : typeof given === "string" ? TRUTHS[given.toLowerCase()] : undefined
      if (truth !== undefined) return truth
      throw bad(field, lookup, `${shown(given)} is neither true nor false`, "Give true or false.")
    }
    case "time": {
      const span = given instanceof Date ? spanOfDate(given) : typeof given === "string" ? timeSpanOf(given) : null
      if (span !== null) return span
      throw bad(field, lookup, `${shown(given)} is no date or time`, "Give ISO 8601: 2026, 2026-01, 2026-01-31 (the whole day) or 2026-01-31T12:30:00Z. A time without a zone is UTC.")
    }
  }
}

const TRUTHS: Readonly<Record<string, boolean>> = { true: true, yes: true, 1: true, false: false, no: false, 0: false }

const shown = (given: unknown): string => (typeof given === "string" ? `"${given}"` : String(given))

const UNITS: Readonly<Record<string, number>> = {
  "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, pb: 1e15, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, pib: 2 ** 50
}

/** `10MB` is 10,000,000 and `10MiB` 10,485,760; null for a text that is neither number nor size. */
export const sizeOf = (text: string): number | null => {
  const [, amount, unit] = /^([+-]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?) ?([a-zA-Z]*)$/.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()]
  return amount === undefined || factor === undefined ? null : Number(amount.replaceAll("_", "")) * factor
}

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/i

/** The span that a text of ISO 8601 names: a year, month, day, minute, second or fraction of one. Null for a text that is none. */
export const timeSpanOf = (given: string): TimeSpan | null => {
  const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = DATE.exec(given.trim()) ?? []
  if (year === undefined) return null
  const [y, m, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)]
  const [h, min, s] = [Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0)]
  const start = Date.UTC(y, m, d, h, min, s)
  const back = new Date(start)
  // 31 February would be a day in March.
  if (y < 100 || back.getUTCMonth() !== m || back.getUTCDate() !== d || h > 23 || min > 59 || s > 59) return null
  const shift = zone.toUpperCase() === "Z" ? 0 : offsetOf(zone)
  if (shift === null) return null
  const from = (start - shift) * 1000 + Number(fraction.padEnd(6, "0"))
  if (month === undefined) return { from, until: Date.UTC(y + 1, 0) * 1000 }
  if (day === undefined) return { from, until: Date.UTC(y, m + 1) * 1000 }
  const length = hour === undefined ? 86_400_000_000 : second === undefined ? 60_000_000 : 10 ** (6 - fraction.length)
  return { from, until: from + length }
}

/** Milliseconds of a zone such as `+02:00`. */
const offsetOf = (zone: string): number | null => {
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))]
  return hours > 14 || minutes > 59 ? null : (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

const spanOfDate = (date: Date): TimeSpan | null => {
  const from = date.getTime() * 1000
  return Number.isNaN(from) ? null : { from, until: from + 1000 }
}
