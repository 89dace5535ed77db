/**
 * Long results, spilled: put into tables of the engine's memory by one read of the registry, and handed out from there a few rows at a time.
 *
 * The engine writes to disk what it has no memory for, the registry is free while the rows are handed out, and what this process holds of them is small enough
 * to be cleared away cheaply.
 */
import { Effect, Option, Stream } from "effect"
import type { RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"

/** Rows in a text: few, because what a program holds for more than a moment is cleared away late. */
const IN_A_TEXT = 100

/** Rows that leave the engine at once. */
const HANDED_OUT = 20 * IN_A_TEXT

let made = 0

/** What was spilled; rows are known by positions from 0 up to `count`. */
export interface Spilled {
  readonly count: number
}

/**
 * The rows of tables that `fill` makes, whose names are `table` and one of these endings each. They are dropped when the last row has been read, or the stream
 * is given up.
 */
export const spill = <S extends Spilled, A>(
  client: DuckDbClient["Service"],
  { endings, fill, read }: {
    readonly endings: ReadonlyArray<string>
    readonly fill: (s: DuckDbSession, table: string) => Promise<S>
    /** Rows with positions from `from` up to, but not including, `until`, to be made a few at a time. */
    readonly read: (s: DuckDbSession, spilled: S, table: string, from: number, until: number) => Promise<ReadonlyArray<() => ReadonlyArray<A>>>
  }
): Stream.Stream<A, RegistryError> =>
  Stream.unwrap(Effect.gen(function*() {
    let isThere = true
    const drop = async (s: DuckDbSession, table: string): Promise<void> => {
      await dropTables(s, table, endings)
      isThere = false
    }
    const table = yield* Effect.acquireRelease(
      Effect.sync(() => `spilled_${++made}`),
      (name) => Effect.suspend(() => (isThere ? Effect.ignore(client.staging((s) => drop(s, name))) : Effect.void))
    )
    const spilled = yield* client.read((s) => fill(s, table))
    return Stream.paginate(0, (from) =>
      client.staging(async (s) => {
        const until = from + HANDED_OUT
        const rows = await read(s, spilled, table, from, until)
        if (until >= spilled.count) await drop(s, table)
        return [rows, until < spilled.count ? Option.some(until) : Option.none<number>()] as const
      })).pipe(Stream.flatMap((make) => Stream.fromIterable(make())))
  }))

/**
 * The rows of a table with positions from `from` up to, but not including, `until`, both multiples of {@link IN_A_TEXT}: a text for every so many, by its number.
 * That the engine writes texts takes a fraction of the time of reading value by value; so there can be no times among the values, only numbers that stand for
 * them.
 */
export const textsOf = async (s: DuckDbSession, table: string, from: number, until: number): Promise<ReadonlyMap<number, string>> => {
  const rows = await s.rows<{ number: number; text: string }>(`SELECT position // ${IN_A_TEXT} AS number, to_json(list(r))::VARCHAR AS text
    FROM ${table} r WHERE position >= ${from} AND position < ${until} GROUP BY number ORDER BY number`)
  return new Map(rows.map(({ number, text }) => [number, text]))
}

/** The rows in a text, by position. */
export const rowsIn = <R extends { readonly position: number }>(text: string | undefined): ReadonlyArray<R> =>
  text === undefined ? [] : (JSON.parse(text) as Array<R>).sort((a, b) => a.position - b.position)

/** One stream after the other. */
export const inPieces = <P, A, E>(pieces: Effect.Effect<ReadonlyArray<P>, E>, read: (piece: P) => Stream.Stream<A, E>): Stream.Stream<A, E> =>
  Stream.unwrap(Effect.map(pieces, (all) => Stream.flatMap(Stream.fromIterable(all), read)))

/** Drops tables, also when only some of them were made. */
export const dropTables = async (s: DuckDbSession, table: string, endings: ReadonlyArray<string>): Promise<void> => {
  for (const ending of endings) await s.run(`DROP TABLE IF EXISTS ${table}${ending}`)
}

/** Makes a table of a SELECT, one of this session alone when its name is in `temp`; gives the number of its rows. */
export const makeTable = async (s: DuckDbSession, table: string, select: string, params: ReadonlyArray<unknown> = []): Promise<number> => {
  const [row] = await s.rows<{ Count: number }>(`CREATE ${table.startsWith("temp.") ? "TEMP " : ""}TABLE ${table} AS ${select}`, params)
  return row!.Count
}
