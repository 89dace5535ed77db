/**
 * Values as JSON (RFC 8259), exactly: where `JSON.stringify` would leave something out or write null in its place, this refuses.
 *
 * Numbers keep their value, -0 too, and a bigint all its digits. Texts that are not valid Unicode are escaped and come back as they were. Properties are
 * in the order of the object, so that the same value always gives the same bytes.
 */
import { ContentProblem, kindOf } from "./Content.ts"

/** The JSON of a value, without spaces and without a line break. Throws a {@link ContentProblem} whose field is the way to what is wrong, such as `$.a[3]`. */
export const jsonText = (value: unknown, row: number | null = null): string => {
  try {
    return write(value, "$", row, new Set())
  } catch (error) {
    if (error instanceof RangeError) throw new ContentProblem(row, "$", /call stack/i.test(error.message) ? "it is nested too deeply" : "it is too large for one document")
    throw error
  }
}

const write = (value: unknown, at: string, row: number | null, above: Set<object>): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "boolean":
      return String(value)
    case "bigint":
      return value.toString()
    case "number":
      if (!Number.isFinite(value)) throw new ContentProblem(row, at, `it is ${kindOf(value)}, which JSON has no form for`)
      return Object.is(value, -0) ? "-0" : String(value)
    case "object":
      return value === null ? "null" : writeObject(value, at, row, above)
    default:
      throw new ContentProblem(row, at, `it is ${kindOf(value)}, which JSON has no form for`)
  }
}

const writeObject = (value: object, at: string, row: number | null, above: Set<object>): string => {
  if (above.has(value)) throw new ContentProblem(row, at, "it contains itself")
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new ContentProblem(row, at, `it is ${kindOf(value)}`)
  above.add(value)
  try {
    if (Array.isArray(value)) {
      const items: Array<string> = []
      // Not map: it passes over holes.
      for (let i = 0; i < value.length; i++) items.push(write(value[i], `${at}[${i}]`, row, above))
      return `[${items.join(",")}]`
    }
    if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), at, row, above)
    if (Object.prototype.toString.call(value) !== "[object Object]") throw new ContentProblem(row, at, `it is ${kindOf(value)}, which JSON has no form for`)
    const properties: Array<string> = []
    for (const [name, one] of Object.entries(value)) {
      if (one !== undefined) properties.push(`${JSON.stringify(name)}:${write(one, wayTo(at, name), row, above)}`)
    }
    return `{${properties.join(",")}}`
  } finally {
    above.delete(value)
  }
}

const wayTo = (at: string, name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? `${at}.${name}` : `${at}[${JSON.stringify(name)}]`)
