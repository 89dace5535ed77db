/**
 * Port: artifacts by filter. Reference implementation: `layers/DuckDbQueries`.
 *
 * Every method sees live artifacts only. An order is always total: by creation, then uid; or by one field, what is null last, then uid.
 */
import { Context, type Effect, type Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { ArtifactFilter, SortField } from "../domain/ArtifactFilter.ts"
import type { InvalidInput } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** In which order results come; equal ones by uid. */
export interface ResultOrder {
  readonly field: SortField
  readonly descending: boolean
}

/** By creation. */
export const CREATION: ResultOrder = { field: "createdAt", descending: false }

/** Which artifacts, in which order, and how many. */
export interface ArtifactQuery {
  readonly filter: ArtifactFilter
  readonly order: ResultOrder
  /** At most this many, or null. */
  readonly limit: number | null
}

/** Where a page ends: what the last artifact is sorted by, as the registry keeps it, and its uid. */
export interface PageEnd {
  readonly value: string | number | boolean | null
  readonly uid: string
}

/** A part of a result, and where it ends. */
export interface ArtifactPage {
  readonly artifacts: ReadonlyArray<Artifact>
  /** Null when nothing comes after. */
  readonly end: PageEnd | null
}

/** Formats that the engine writes. */
export type TableFormat = "csv" | "parquet"

/** Fails with `InvalidInput` where a regular expression is none. */
export type QueryError = RegistryError | InvalidInput

/** Finding artifacts, as a registry does it. */
export class Queries extends Context.Service<Queries, {
  /** How many artifacts meet a filter. */
  readonly count: (filter: ArtifactFilter) => Effect.Effect<number, QueryError>
  /** Whether any does. */
  readonly exists: (filter: ArtifactFilter) => Effect.Effect<boolean, QueryError>
  /** The first artifacts after the end of another page, at most `query.limit`, which is 100 by default. */
  readonly page: (query: ArtifactQuery, after: PageEnd | null) => Effect.Effect<ArtifactPage, QueryError>
  /** In order, piece by piece: the registry is free in between, and memory does not grow with the result. */
  readonly stream: (query: ArtifactQuery) => Stream.Stream<Artifact, QueryError>
  /** Only the uids of {@link stream}, many times faster. */
  readonly uids: (query: ArtifactQuery) => Stream.Stream<string, QueryError>
  /** Those with a key at or below a prefix, by whole segments unless it is "", each once, in the order of the first such key. */
  readonly below: (prefix: string) => Stream.Stream<Artifact, RegistryError>
  /** Writes the columns of {@link TABLE_COLUMNS} to a file, which is replaced; gives the number of rows. The engine writes it by itself. */
  readonly writeTable: (query: ArtifactQuery, format: TableFormat, path: string) => Effect.Effect<number, QueryError>
}>()("@sheaf/core/Queries") {}

/** The columns of results as a table. */
export const TABLE_COLUMNS = [
  "uid", "key", "description", "suffix", "kind", "size", "hash", "hash_type", "n_files", "n_observations", "version", "is_latest", "run", "transform",
  "created_by", "created_at", "updated_at"
] as const
