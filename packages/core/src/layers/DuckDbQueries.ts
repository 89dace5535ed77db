/**
 * Artifacts by filter: uids are selected in order, then looked up.
 */
import { Effect, Layer, Option, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { ArtifactFilter } from "../domain/ArtifactFilter.ts"
import type { InvalidInput } from "../domain/SheafError.ts"
import { type ArtifactPage, type ArtifactQuery, type PageEnd, Queries, type QueryError, type TableFormat } from "../ports/Queries.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { afterSql, checkPatterns, filterSql, orderSql, Parameters, sortColumn, upToSql } from "./DuckDbFilter.ts"
import { selectArtifacts } from "./DuckDbRows.ts"
import { sqlText } from "./DuckDbSession.ts"

/** Artifacts in a page of a stream, give or take; an artifact takes about 2 KB. */
const PAGE = 10_000
/** One row in this many is drawn to find where pages end. */
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
  readonly order?: ArtifactQuery["order"]
  readonly after?: PageEnd | null
  readonly upTo?: PageEnd | null
  readonly limit?: number | null
  /** Only one row in {@link DRAWN}. */
  readonly drawn?: boolean
}

/** Of the matching artifacts, what they are sorted by and their uids. */
const select = (s: DuckDbSession, filter: ArtifactFilter, { after = null, drawn = false, limit = null, order, upTo = null }: Part): Promise<ReadonlyArray<PageEnd>> => {
  const params = new Parameters()
  const conditions = [
    "a.visibility = 1",
    ...(drawn ? [`hash(a.uid) % ${DRAWN} = 0`] : []),
    ...(after === null ? [] : [afterSql(order!, after, params)]),
    ...(upTo === null ? [] : [upToSql(order!, upTo, params)]),
    filterSql(filter, params)
  ]
  return s.rows<PageEnd>(
    `SELECT ${order === undefined ? "NULL" : sortColumn(order)} AS value, a.uid FROM reg.artifact a WHERE ${conditions.join(" AND ")}
      ${order === undefined ? "" : `ORDER BY ${orderSql(order)}`} ${limit === null ? "" : `LIMIT ${Math.trunc(limit)}`}`, params.values)
}

const lookUp = (s: DuckDbSession, rows: ReadonlyArray<PageEnd>): Promise<ReadonlyArray<Artifact>> => selectArtifacts(s, rows.map(({ uid }) => uid))

const page = async (s: DuckDbSession, { filter, limit, order }: ArtifactQuery, after: PageEnd | null): Promise<ArtifactPage> => {
  const size = limit ?? DEFAULT_PAGE
  const rows = await select(s, filter, { order, after, limit: size + 1 })
  const shown = rows.slice(0, size)
  return { artifacts: await lookUp(s, shown), end: rows.length > size ? shown.at(-1) ?? null : null }
}

const stream = (
  client: DuckDbClient["Service"],
  { filter, limit, order }: ArtifactQuery,
  read: <A>(filter: ArtifactFilter, use: (s: DuckDbSession) => Promise<A>) => Effect.Effect<A, QueryError>
): Stream.Stream<Artifact, QueryError> => {
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

/** What comes after the first page. To sort everything for each page would cost more than all the rest, so the ends of the pages are found first. */
const further = (client: DuckDbClient["Service"], { filter, order }: ArtifactQuery, start: PageEnd): Stream.Stream<Artifact, QueryError> => {
  const every = PAGE / DRAWN
  const ends = client.read(async (s) => {
    const drawn = await select(s, filter, { order, after: start, drawn: true })
    return [...drawn.filter((_, i) => i % every === every - 1), null]
  })
  return Stream.unwrap(Effect.map(ends, (all) =>
    Stream.paginate(0, (i) =>
      Effect.map(
        client.read(async (s) => lookUp(s, await select(s, filter, { order, after: i === 0 ? start : all[i - 1]!, upTo: all[i]! }))),
        (artifacts) => [artifacts, i + 1 < all.length ? Option.some(i + 1) : Option.none<number>()] as const
      ))))
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
