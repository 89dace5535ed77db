/**
 * Long results in pages, each a unit of work of its own: the registry is let go of in between, and memory does not grow with the result.
 *
 * Sorting everything for each page would cost more than all the rest, so the ends of the pages are found first, from every so manieth row, and each
 * page is then a range of its own.
 */
import type { Stream } from "effect"
import type { RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { inPieces, makeTable, rowsIn, spill, textsOf } from "./DuckDbSpill.ts"

/** One row in this many is drawn to find where pages end. */
const DRAWN = 400
/** Drawn rows a page: a page has about 50,000 rows, give or take a tenth. */
const DRAWN_A_PAGE = 125

/** Names a range of a sorted column: greater than `after`, unless null, and at most `upTo`, unless null. */
export interface Range {
  readonly after: string | null
  readonly upTo: string | null
}

/** SQL condition and parameters for a column that lies in a range; parameters are numbered from `first`. */
export const inRange = (column: string, { after, upTo }: Range, first: number): { readonly conditions: ReadonlyArray<string>; readonly params: ReadonlyArray<string> } => {
  const params = [after, upTo].filter((value) => value !== null)
  return {
    conditions: [
      ...(after === null ? [] : [`${column} > $${first}`]),
      ...(upTo === null ? [] : [`${column} <= $${first + (after === null ? 0 : 1)}`])
    ],
    params
  }
}

/** The ranges of a column's values in a table expression that make pages, from `after` on, in order. */
export const pageRanges = async (
  s: DuckDbSession,
  { after, column, from, params }: { readonly column: string; readonly from: string; readonly params: ReadonlyArray<unknown>; readonly after: string | null }
): Promise<ReadonlyArray<Range>> => {
  const drawn = await s.rows<{ value: string }>(`SELECT ${column} AS value ${from} AND hash(${column}) % ${DRAWN} = 0 ORDER BY value`, params)
  const ends = drawn.filter((_, i) => i % DRAWN_A_PAGE === DRAWN_A_PAGE - 1).map(({ value }) => value)
  return [...ends, null].map((upTo, i) => ({ after: i === 0 ? after : ends[i - 1]!, upTo }))
}

/** A WHERE clause for the keys at or below a prefix, in a range: the prefix itself, and what lies between `prefix/` and `prefix0`, the next text after all of those. */
export const keysBelow = (prefix: string, range: Range = { after: null, upTo: null }): { readonly where: string; readonly params: ReadonlyArray<string> } => {
  const params = prefix === "" ? [] : [prefix, `${prefix}/`, `${prefix}0`]
  const more = inRange("key", range, params.length + 1)
  const conditions = [...(prefix === "" ? [] : ["(key = $1 OR (key >= $2 AND key < $3))"]), ...more.conditions]
  return { where: conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`, params: [...params, ...more.params] }
}

/** The ranges of the keys below a prefix that make pages, after one of them. */
export const keyRanges = (s: DuckDbSession, prefix: string, after: string): Promise<ReadonlyArray<Range>> => {
  const { params, where } = keysBelow(prefix, { after, upTo: null })
  return pageRanges(s, { column: "key", from: `FROM reg.key ${where}`, params, after })
}

/** What a page is: a SELECT that gives each row its `position`, counted from 0 in the order of the rows, and times as numbers; and its parameters. */
export interface PageSelect {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
}

/** The rows of all pages, one page after the other. */
export const inPages = <P, R extends { readonly position: number }, A>(
  client: DuckDbClient["Service"],
  pages: (s: DuckDbSession) => Promise<ReadonlyArray<P>>,
  select: (page: P) => PageSelect,
  convert: (row: R) => A
): Stream.Stream<A, RegistryError> =>
  inPieces(client.read(pages), (page) =>
    spill(client, {
      endings: [""],
      fill: async (s, table) => {
        const { params, sql } = select(page)
        return { count: await makeTable(s, table, sql, params) }
      },
      read: async (s, _, table, from, until) => [...(await textsOf(s, table, from, until)).values()].map((text) => () => rowsIn<R>(text).map(convert))
    }))
