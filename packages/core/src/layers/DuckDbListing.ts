/**
 * Long results in pages, each a unit of work of its own: the registry is let go of in between, and memory does not grow with the result.
 *
 * Sorting everything for each page would cost more than all the rest, so the ends of the pages are found first, from every so manieth row, and each
 * page is then a range of its own.
 */
import { Effect, Option, Stream } from "effect"
import type { RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"

/** One row in this many is drawn to find where pages end. */
const DRAWN = 400
/** Drawn rows a page: a page has about 20,000 rows, give or take an eighth. */
const DRAWN_A_PAGE = 50

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

/** The rows of all pages, read one page after the other. */
export const inPages = <P, A>(
  client: DuckDbClient["Service"],
  pages: (s: DuckDbSession) => Promise<ReadonlyArray<P>>,
  read: (s: DuckDbSession, page: P) => Promise<ReadonlyArray<A>>
): Stream.Stream<A, RegistryError> =>
  Stream.unwrap(Effect.map(client.read(pages), (all) =>
    Stream.paginate(0, (i) =>
      i >= all.length
        ? Effect.succeed([[], Option.none<number>()] as const)
        : Effect.map(client.read((s) => read(s, all[i]!)), (rows) => [rows, i + 1 < all.length ? Option.some(i + 1) : Option.none<number>()] as const))))
