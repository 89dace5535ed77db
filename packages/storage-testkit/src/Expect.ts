/**
 * What the cases say about what they found. Needs no test runner: a failure is an error that says what was expected and what was found, with both
 * as fields for a runner that shows differences.
 */
import { inspect, isDeepStrictEqual } from "node:util"

/** A case did not find what the contract promises. */
export class ConformanceFailure extends Error {
  override readonly name = "ConformanceFailure"
  /** What was found. */
  readonly actual: unknown
  /** What was expected. */
  readonly expected: unknown
  constructor(message: string, actual?: unknown, expected?: unknown) {
    super(message)
    this.actual = actual
    this.expected = expected
  }
}

/** That something holds. */
export function check(condition: unknown, message: string): asserts condition {
  if (condition !== true) throw new ConformanceFailure(message)
}

/** That two values are the same all through. */
export const equal = (found: unknown, expected: unknown, what: string): void => {
  if (!isDeepStrictEqual(found, expected)) throw new ConformanceFailure(`${what}: expected ${shown(expected)}, found ${shown(found)}`, found, expected)
}

/** That an object has these fields. */
export const has = (found: object, expected: Readonly<Record<string, unknown>>, what: string): void => {
  const part = Object.fromEntries(Object.keys(expected).map((name) => [name, (found as Record<string, unknown>)[name]]))
  equal(part, expected, what)
}

/** That two contents are the same, byte for byte. */
export const sameBytes = (found: Uint8Array, expected: Uint8Array, what: string): void => {
  if (Buffer.compare(found, expected) === 0) return
  const at = expected.findIndex((byte, n) => found[n] !== byte)
  const where = found.length === expected.length || (at >= 0 && at < found.length) ? `, the first other one at ${at}` : ""
  throw new ConformanceFailure(`${what}: expected ${expected.length} bytes, found ${found.length} bytes${where}`)
}

/** That these are the keys, in this order. */
export const sameKeys = (found: ReadonlyArray<string>, expected: ReadonlyArray<string>, what: string): void => {
  if (isDeepStrictEqual(found, expected)) return
  const missing = expected.filter(notIn(found))
  const unexpected = found.filter(notIn(expected))
  const twice = found.filter((key, n) => found.indexOf(key) !== n)
  const parts = [["missing", missing], ["not expected", unexpected], ["more than once", twice]] as const
  const problems = parts.flatMap(([name, keys]) => (keys.length === 0 ? [] : [`${name}: ${some(keys)}`]))
  if (problems.length === 0) problems.push(`in another order: ${some(found)} instead of ${some(expected)}`)
  throw new ConformanceFailure(`${what}: ${problems.join("; ")}`, found, expected)
}

const notIn = (keys: ReadonlyArray<string>): ((key: string) => boolean) => {
  const known = new Set(keys)
  return (key) => !known.has(key)
}

/** Keys that are named before the others are counted. */
const NAMED = 5

const some = (keys: ReadonlyArray<string>): string =>
  keys.slice(0, NAMED).map((key) => JSON.stringify(key)).join(", ") + (keys.length > NAMED ? ` and ${keys.length - NAMED} more` : "")

const shown = (value: unknown): string => {
  const text = inspect(value, { breakLength: Infinity, maxArrayLength: 8, maxStringLength: 100, depth: 4 })
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
