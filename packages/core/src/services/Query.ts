/**
 * Queries: which artifacts, in which order, how many; and what comes of it.
 *
 * A query is a value: each step gives a new one. What is wrong with a filter or an order is an error of the call that runs the query.
 */
import { Effect, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { type ArtifactFilter, EVERYTHING, filterText, SORT_FIELDS, type SortField, sortFieldNamed } from "../domain/ArtifactFilter.ts"
import { type ArtifactWhere, filterOf, parseFilter } from "../domain/FilterParse.ts"
import { InvalidInput, MultipleResults, NotFound } from "../domain/SheafError.ts"
import { isUid } from "../domain/Uid.ts"
import { type ArtifactQuery, CREATION, type PageEnd, Queries, type QueryError, type ResultOrder, type TableFormat } from "../ports/Queries.ts"

/** A part of a result. */
export interface Page {
  readonly artifacts: ReadonlyArray<Artifact>
  /** To be given to the next call of `page`; null when nothing comes after. */
  readonly next: string | null
}

/** Least first, or greatest first; absent values are last either way. */
export type Direction = "asc" | "desc"

/** How many artifacts {@link Query.one} names when there are several. */
const NAMED = 20

interface Parts {
  readonly filters: ReadonlyArray<ArtifactFilter>
  readonly order: ResultOrder
  readonly limit: number | null
  readonly problem: InvalidInput | null
}

/** Artifacts to be looked for. Made with `artifacts`, or from a filter with {@link Query.of}. */
export class Query {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Every artifact, by creation. */
  static get everything(): Query {
    return new Query({ filters: [], order: CREATION, limit: null, problem: null })
  }

  /** The artifacts that meet a filter. */
  static of(filter: ArtifactFilter): Query {
    return Query.everything.#with({ filters: [filter] })
  }

  /** Only artifacts that also meet this filter: an object, or words such as `size__gte=10MB` as on the command line. */
  where(filter: ArtifactWhere | string | ReadonlyArray<string>): Query {
    return this.#attempt(() => {
      const more = typeof filter === "string" ? parseFilter([filter]) : Array.isArray(filter) ? parseFilter(filter as ReadonlyArray<string>) : filterOf(filter as ArtifactWhere)
      return { filters: [...this.#parts.filters, more] }
    })
  }

  /** By this field instead of by creation; equal ones by uid, absent values last. */
  orderBy(field: SortField, direction: Direction = "asc"): Query {
    return this.#attempt(() => ({ order: { field: sortFieldNamed(field), descending: direction === "desc" } }))
  }

  /** At most this many. */
  limit(count: number): Query {
    return this.#attempt(() => {
      if (!Number.isSafeInteger(count) || count < 0) throw new InvalidInput({ what: "limit", reason: `${count} is no number of artifacts`, advice: "Give a whole number from 0." })
      return { limit: count }
    })
  }

  /** The first, or null. */
  get first(): Effect.Effect<Artifact | null, QueryError, Queries> {
    return this.#use((queries, query) => Effect.map(queries.page({ ...query, limit: Math.min(1, query.limit ?? 1) }, null), ({ artifacts }) => artifacts[0] ?? null))
  }

  /** The one artifact there is, or null. Several are `MultipleResults`. */
  get oneOrNone(): Effect.Effect<Artifact | null, QueryError | MultipleResults, Queries> {
    return this.#use((queries, query) =>
      Effect.gen(function*() {
        const { artifacts } = yield* queries.page({ ...query, limit: Math.min(NAMED, query.limit ?? NAMED) }, null)
        if (artifacts.length <= 1) return artifacts[0] ?? null
        const total = Math.min(yield* queries.count(query.filter), query.limit ?? Number.POSITIVE_INFINITY)
        return yield* new MultipleResults({ what: "artifact", reference: filterText(query.filter), candidates: artifacts.map(({ uid }) => uid), total })
      }))
  }

  /** The one artifact there is. Several are `MultipleResults`, none is `NotFound`. */
  get one(): Effect.Effect<Artifact, QueryError | MultipleResults | NotFound, Queries> {
    return Effect.flatMap(this.oneOrNone, (artifact) =>
      artifact === null ? Effect.fail(new NotFound({ what: "artifact that matches", reference: filterText(this.#filter), near: [] })) : Effect.succeed(artifact))
  }

  /** All, in order. */
  get all(): Effect.Effect<ReadonlyArray<Artifact>, QueryError, Queries> {
    return Stream.runCollect(this.stream)
  }

  /** How many; at most the limit. */
  get count(): Effect.Effect<number, QueryError, Queries> {
    return this.#use((queries, { filter, limit }) => Effect.map(queries.count(filter), (count) => Math.min(count, limit ?? count)))
  }

  /** Whether there is any. */
  get exists(): Effect.Effect<boolean, QueryError, Queries> {
    return this.#use((queries, { filter, limit }) => (limit === 0 ? Effect.succeed(false) : queries.exists(filter)))
  }

  /** One page: `size` artifacts after `next` of another page with the same order. The limit does not apply. */
  page(size: number, next: string | null = null): Effect.Effect<Page, QueryError, Queries> {
    return this.#use((queries, query) =>
      Effect.gen(function*() {
        if (!Number.isSafeInteger(size) || size < 1) {
          return yield* new InvalidInput({ what: "page size", reason: `${size} is no number of artifacts`, advice: "Give a whole number from 1." })
        }
        const after = next === null ? null : pageEndOf(next, query.order)
        if (after instanceof InvalidInput) return yield* after
        const { artifacts, end } = yield* queries.page({ ...query, limit: size }, after)
        return { artifacts, next: end === null ? null : pageToken(end, query.order) }
      }))
  }

  /** All in order, page by page; memory does not grow with the result, and the registry is free in between. */
  get stream(): Stream.Stream<Artifact, QueryError, Queries> {
    return Stream.unwrap(this.#use((queries, query) => Effect.succeed(queries.stream(query))))
  }

  /** The uids of {@link stream}, many times faster. */
  get uids(): Stream.Stream<string, QueryError, Queries> {
    return Stream.unwrap(this.#use((queries, query) => Effect.succeed(queries.uids(query))))
  }

  /** What it asks for, in words of the command line. */
  get text(): string {
    return filterText(this.#filter)
  }

  /** Writes a table to a file, which is replaced; gives the number of rows. */
  writeTable(format: TableFormat, path: string): Effect.Effect<number, QueryError, Queries> {
    return this.#use((queries, query) => queries.writeTable(query, format, path))
  }

  get #filter(): ArtifactFilter {
    const { filters } = this.#parts
    return filters.length === 0 ? EVERYTHING : filters.length === 1 ? filters[0]! : { type: "and", filters }
  }

  #with(change: Partial<Parts>): Query {
    return new Query({ ...this.#parts, ...change })
  }

  #attempt(change: () => Partial<Parts>): Query {
    try {
      return this.#with(change())
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error
      // The first thing that is wrong is the one to be told.
      return this.#with({ problem: this.#parts.problem ?? error })
    }
  }

  #use<A, E, R>(run: (queries: Queries["Service"], query: ArtifactQuery) => Effect.Effect<A, E, R>): Effect.Effect<A, E | InvalidInput, R | Queries> {
    const { limit, order, problem } = this.#parts
    return problem === null ? Effect.flatMap(Queries, (queries) => run(queries, { filter: this.#filter, order, limit })) : Effect.fail(problem)
  }
}

const pageToken = ({ uid, value }: PageEnd, { descending, field }: ResultOrder): string =>
  Buffer.from(JSON.stringify([field, descending, value, uid])).toString("base64url")

const pageEndOf = (token: string, order: ResultOrder): PageEnd | InvalidInput => {
  const wrong = (reason: string) => new InvalidInput({ what: "page", reason, advice: "Give `next` of the page before, with the same order." })
  try {
    const [field, descending, value, uid] = JSON.parse(Buffer.from(token, "base64url").toString()) as ReadonlyArray<unknown>
    const isValue = value === null || ["string", "number", "boolean"].includes(typeof value)
    if (!(SORT_FIELDS as ReadonlyArray<unknown>).includes(field) || !isValue || typeof uid !== "string" || !isUid(uid, "artifact")) return wrong("this does not begin a page")
    if (field !== order.field || descending !== order.descending) return wrong(`it is in the order of ${String(field)}, the query in that of ${order.field}`)
    return { value: value as PageEnd["value"], uid }
  } catch {
    return wrong("this does not begin a page")
  }
}
