/**
 * Queries for programs that do not use Effect; see `services/Query`.
 */
import type { Effect, Stream } from "effect"
import type { Artifact } from "./domain/Artifact.ts"
import type { SortField } from "./domain/ArtifactFilter.ts"
import type { ArtifactWhere } from "./domain/FilterParse.ts"
import type { SheafServices } from "./Sheaf.ts"
import type { Direction, Page, Query } from "./services/Query.ts"
import { type TableFile, type TableFileOptions, writeTableFile } from "./services/TableFile.ts"

/** How an open instance runs things. */
export interface QueryRunner {
  readonly run: <A, E>(effect: Effect.Effect<A, E, SheafServices>) => Promise<A>
  readonly iterate: <A, E>(stream: Stream.Stream<A, E, SheafServices>) => AsyncIterable<A>
}

/** Artifacts to be looked for; each step gives a new query. What is wrong with a filter rejects the call that runs it. */
export class ArtifactSearch implements AsyncIterable<Artifact> {
  /** As the services take it. */
  readonly query: Query
  readonly #runner: QueryRunner

  constructor(query: Query, runner: QueryRunner) {
    this.query = query
    this.#runner = runner
  }

  /** Only artifacts that also meet this filter: an object, or words such as `size__gte=10MB` as on the command line. */
  where(filter: ArtifactWhere | string | ReadonlyArray<string>): ArtifactSearch {
    return new ArtifactSearch(this.query.where(filter), this.#runner)
  }

  /** By this field instead of by creation; equal ones by uid, absent values last. */
  orderBy(field: SortField, direction?: Direction): ArtifactSearch {
    return new ArtifactSearch(this.query.orderBy(field, direction), this.#runner)
  }

  /** At most this many. */
  limit(count: number): ArtifactSearch {
    return new ArtifactSearch(this.query.limit(count), this.#runner)
  }

  /** The first, or null. */
  first(): Promise<Artifact | null> {
    return this.#runner.run(this.query.first)
  }

  /** The one artifact there is; rejects with `MultipleResults` or `NotFound`. */
  one(): Promise<Artifact> {
    return this.#runner.run(this.query.one)
  }

  /** The one artifact there is, or null; rejects with `MultipleResults`. */
  oneOrNone(): Promise<Artifact | null> {
    return this.#runner.run(this.query.oneOrNone)
  }

  /** All, in order. */
  all(): Promise<ReadonlyArray<Artifact>> {
    return this.#runner.run(this.query.all)
  }

  /** How many; at most the limit. */
  count(): Promise<number> {
    return this.#runner.run(this.query.count)
  }

  /** Whether there is any. */
  exists(): Promise<boolean> {
    return this.#runner.run(this.query.exists)
  }

  /** One page: `size` artifacts after `next` of another page with the same order. */
  page(size: number, next: string | null = null): Promise<Page> {
    return this.#runner.run(this.query.page(size, next))
  }

  /** All in order; memory does not grow with the result. The search itself can be iterated as well. */
  stream(): AsyncIterable<Artifact> {
    return this.#runner.iterate(this.query.stream)
  }

  [Symbol.asyncIterator](): AsyncIterator<Artifact> {
    return this.stream()[Symbol.asyncIterator]()
  }

  /** Writes the result to a file, as CSV or Parquet by its ending. */
  writeTable(path: string, options?: TableFileOptions): Promise<TableFile> {
    return this.#runner.run(writeTableFile(this.query, path, options))
  }
}
