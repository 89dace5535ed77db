/**
 * Artifacts by filter: uids are selected in order, then looked up.
 */
import { Effect, Layer, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { ArtifactFilter } from "../domain/ArtifactFilter.ts"
import type { InvalidInput } from "../domain/SheafError.ts"
import { type ArtifactPage, type ArtifactQuery, type PageEnd, Queries, type QueryError, type TableFormat } from "../ports/Queries.ts"
import { selectArtifacts } from "./DuckDbArtifacts.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { afterSql, checkPatterns, filterSql, orderSql, Parameters, sortColumn, upToSql } from "./DuckDbFilter.ts"
import { gather, GATHERED, readGathered } from "./DuckDbGathered.ts"
import { listedArtifacts } from "./DuckDbListedArtifacts.ts"
import { sqlText } from "./DuckDbSession.ts"
import { inPieces, makeTable, rowsIn, spill, textsOf } from "./DuckDbSpill.ts"

/** Artifacts in a piece of a stream, give or take: few enough that the registry is held for about half a second. */
const PIECE = 100_000
/** Each piece costs a look at every row of the registry; of very many artifacts pieces are larger. */
const MOST_PIECES = 50
/** One row in this many is drawn to find where pieces end. */
const DRAWN = 400
/** Of the first page: a look at the first results should cost no more. */
const FIRST = 1000
const DEFAULT_PAGE = 100

/** The queries of a DuckDB registry. */
export const layer: Layer.Layer<Queries, never, DuckDbClient> = Layer.effect(
  Queries,
  Effect.map(DuckDbClient, (client) => {
    const read = <A>(filter: ArtifactFilter, use: (s: DuckDbSession) => Promise<A>) =>
      client.read<A, InvalidInput>(async (s) => {
        await checkPatterns(s, filter)
        return use(s)
      })
    return Queries.of({
      count: (filter) => read(filter, (s) => count(s, filter)),
      exists: (filter) => read(filter, async (s) => (await select(s, filter, { limit: 1 })).length > 0),
      page: (query, after) => read(query.filter, (s) => page(s, query, after)),
      stream: (query) => stream(client, query, read),
      uids: (query) => uids(client, query, read),
      below: (prefix) => listedArtifacts(client, prefix),
      writeTable: (query, format, path) => read(query.filter, (s) => writeTable(s, query, format, path))
    })
  })
)

const count = async (s: DuckDbSession, filter: ArtifactFilter): Promise<number> => {
  const params = new Parameters()
  const [row] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM reg.artifact a WHERE a.visibility = 1 AND ${filterSql(filter, params)}`, params.values)
  return row!.n
}

interface Part {
  readonly order?: ArtifactQuery["order"] | undefined
  readonly after?: PageEnd | null
  readonly upTo?: PageEnd | null
  readonly limit?: number | null
  /** Only one row in {@link DRAWN}. */
  readonly drawn?: boolean
}

/** Of the matching artifacts, what they are sorted by and their uids. */
const select = (s: DuckDbSession, filter: ArtifactFilter, { after = null, drawn = false, limit = null, order, upTo = null }: Part): Promise<ReadonlyArray<PageEnd>> => {
  const { params, where } = chosen(filter, { after, drawn, order, upTo })
  return s.rows<PageEnd>(
    `SELECT ${order === undefined ? "NULL" : sortColumn(order)} AS value, a.uid FROM reg.artifact a WHERE ${where}
      ${order === undefined ? "" : `ORDER BY ${orderSql(order)}`} ${limit === null ? "" : `LIMIT ${Math.trunc(limit)}`}`, params)
}

const chosen = (filter: ArtifactFilter, { after = null, drawn = false, order, upTo = null }: Part): { readonly where: string; readonly params: ReadonlyArray<unknown> } => {
  const params = new Parameters()
  const conditions = [
    "a.visibility = 1",
    ...(drawn ? [`hash(a.uid) % ${DRAWN} = 0`] : []),
    ...(after === null ? [] : [afterSql(order!, after, params)]),
    ...(upTo === null ? [] : [upToSql(order!, upTo, params)]),
    filterSql(filter, params)
  ]
  return { where: conditions.join(" AND "), params: params.values }
}

const lookUp = (s: DuckDbSession, rows: ReadonlyArray<PageEnd>): Promise<ReadonlyArray<Artifact>> => selectArtifacts(s, rows.map(({ uid }) => uid))

const page = async (s: DuckDbSession, { filter, limit, order }: ArtifactQuery, after: PageEnd | null): Promise<ArtifactPage> => {
  const size = limit ?? DEFAULT_PAGE
  const rows = await select(s, filter, { order, after, limit: size + 1 })
  const shown = rows.slice(0, size)
  return { artifacts: await lookUp(s, shown), end: rows.length > size ? shown.at(-1) ?? null : null }
}

type Read = <A>(filter: ArtifactFilter, use: (s: DuckDbSession) => Promise<A>) => Effect.Effect<A, QueryError>

const stream = (client: DuckDbClient["Service"], { filter, limit, order }: ArtifactQuery, read: Read): Stream.Stream<Artifact, QueryError> => {
  const most = Math.max(0, limit ?? Number.POSITIVE_INFINITY)
  const start = Effect.map(
    read(filter, (s) => page(s, { filter, order, limit: Math.min(FIRST, most) }, null)),
    ({ artifacts, end }): Stream.Stream<Artifact, QueryError> => {
      const first = Stream.fromIterable(artifacts)
      if (end === null || artifacts.length >= most) return first
      return Stream.concat(first, further(client, { filter, order, limit }, end)).pipe(limit === null ? (all) => all : Stream.take(most))
    }
  )
  return Stream.unwrap(start)
}

/**
 * What comes after the first page, in pieces, so that the registry is held for a short time only. To sort everything for each piece would cost more than all the
 * rest, so the ends of the pieces are found first.
 */
const further = (client: DuckDbClient["Service"], query: ArtifactQuery, start: PageEnd): Stream.Stream<Artifact, QueryError> =>
  inPieces(client.read((s) => pieces(s, query, start)), (piece) =>
    spill(client, {
      endings: GATHERED,
      fill: (s, table) => {
        const { params, where } = chosen(query.filter, { ...piece, order: query.order })
        return gather(s, table, { position: positionIn(query.order), rest: `WHERE ${where}`, params })
      },
      read: readGathered
    }))

interface UidRow {
  readonly position: number
  readonly uid: string
}

const uids = (client: DuckDbClient["Service"], { filter, limit, order }: ArtifactQuery, read: Read): Stream.Stream<string, QueryError> => {
  if (limit !== null && limit <= PIECE) {
    return Stream.unwrap(Effect.map(read(filter, (s) => select(s, filter, { order, limit })), (rows) => Stream.fromIterable(rows.map(({ uid }) => uid))))
  }
  const all = inPieces(read(filter, (s) => pieces(s, { filter, order, limit }, null)), (piece) =>
    spill(client, {
      endings: [""],
      fill: async (s, table) => {
        const { params, where } = chosen(filter, { ...piece, order })
        return { count: await makeTable(s, table, `SELECT ${positionIn(order)} AS position, a.uid FROM reg.artifact a WHERE ${where}`, params) }
      },
      read: async (s, _, table, from, until) => [...(await textsOf(s, table, from, until)).values()].map((text) => () => rowsIn<UidRow>(text).map(({ uid }) => uid))
    }))
  return limit === null ? all : Stream.take(all, limit)
}

const positionIn = (order: ArtifactQuery["order"]): string => `row_number() OVER (ORDER BY ${orderSql(order)}) - 1`

interface Piece {
  readonly after: PageEnd | null
  readonly upTo: PageEnd | null
}

const pieces = async (s: DuckDbSession, { filter, order }: ArtifactQuery, after: PageEnd | null): Promise<ReadonlyArray<Piece>> => {
  const drawn = await select(s, filter, { order, after, drawn: true })
  const every = Math.ceil(Math.max(PIECE / DRAWN, drawn.length / MOST_PIECES))
  const ends = [after, ...drawn.filter((_, i) => i % every === every - 1)]
  return ends.map((end, i) => ({ after: end, upTo: ends[i + 1] ?? null }))
}

const ISO = "'%Y-%m-%dT%H:%M:%S.%gZ'"

const writeTable = async (s: DuckDbSession, { filter, limit, order }: ArtifactQuery, format: TableFormat, path: string): Promise<number> => {
  const params = new Parameters()
  const time = (column: string): string => (format === "csv" ? `strftime(a.${column}, ${ISO}) AS ${column}` : `a.${column}`)
  const select = `SELECT a.uid, a.key, a.description, a.suffix, a.kind, a.size, a.hash, a.hash_type, a.n_files, a.n_observations, a.version, a.is_latest, a.run, r.transform,
      coalesce(c.handle, a.account) AS created_by, ${time("created_at")}, ${time("updated_at")}
    FROM reg.artifact a LEFT JOIN reg.run r ON r.uid = a.run LEFT JOIN reg.account c ON c.uid = a.account
    WHERE a.visibility = 1 AND ${filterSql(filter, params)} ORDER BY ${orderSql(order)} ${limit === null ? "" : `LIMIT ${Math.trunc(limit)}`}`
  const [row] = await s.rows<{ Count: number }>(`COPY (${select}) TO ${sqlText(path)} (FORMAT ${format === "csv" ? "csv, HEADER" : "parquet, COMPRESSION zstd"})`, params.values)
  return row!.Count
}
