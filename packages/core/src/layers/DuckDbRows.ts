/**
 * Rows of the registry's tables as the records and artifacts of the domain, and lists of records on their way into a statement.
 */
import type { Artifact, ArtifactLocation } from "../domain/Artifact.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { ArtifactRecord, LocationRecord } from "../domain/RegistryState.ts"
import { objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { DuckDbConnection, type DuckDbSession } from "./DuckDbSession.ts"

let latest = { millis: 0, text: "1970-01-01T00:00:00.000Z" }

/** ISO 8601 in UTC with milliseconds. What is registered together has about the same time, so that the latest one is remembered. */
export const isoTime = (micros: number): string => {
  const millis = Math.floor(micros / 1000)
  if (millis !== latest.millis) latest = { millis, text: new Date(millis).toISOString() }
  return latest.text
}

/** Text that DuckDB can hold: lone surrogates, which are no characters, become U+FFFD. */
export const wellFormed = (text: string | null): string | null => (text === null ? null : Buffer.from(text, "utf8").toString("utf8"))

/** A condition that a column is one of some texts, for the first parameter of a statement: its text and the parameter. */
export const oneOf = (column: string, values: ReadonlyArray<string>): readonly [sql: string, param: string | ReadonlyArray<string>] =>
  // A list is a join, which for one value costs more to plan than the whole look-up.
  values.length === 1 ? [`${column} = $1`, values[0]!] : [`${column} IN (SELECT unnest($1::VARCHAR[]))`, values]

export type ColumnType = "VARCHAR" | "BIGINT" | "INTEGER" | "BOOLEAN"

/**
 * A table expression over records given as one JSON text, for parameter 1: a fifth of the time that a list a column takes, and no limit on rows.
 * Times travel as BIGINT.
 */
export const recordsTable = (columns: Readonly<Record<string, ColumnType>>): string =>
  `(SELECT unnest(from_json($1, '[${JSON.stringify(columns)}]'), recursive := true))`

/** The parameter for {@link recordsTable}. */
export const recordsParam = (records: ReadonlyArray<object>): string => JSON.stringify(records)

/** What a record says that an artifact shows. */
export type ArtifactColumns = Omit<ArtifactRecord, "stem" | "seq" | "manifestHash">

export const ARTIFACT_COLUMNS = `uid, is_latest AS "isLatest", key, former_key AS "formerKey", suffix, kind, description, version, size, hash,
  hash_type AS "hashType", n_files AS "nFiles", n_observations AS "nObservations", run, account, epoch_us(created_at) AS "createdAt",
  epoch_us(updated_at) AS "updatedAt"`

export const KEY_COLUMNS = `key, artifact, since, event, run`

export type LocationColumns = Omit<LocationRecord, "artifact" | "inPlace">

export const LOCATION_COLUMNS = `artifact, root, object_key AS "objectKey", is_virtual AS "isVirtual", in_place AS "inPlace", state,
  created_at AS "createdAt", verified_at AS "verifiedAt"`

interface RootRow {
  readonly uid: string
  readonly url: string
  readonly scheme: string
  readonly name: string | null
  readonly isDefault: boolean
  readonly readOnly: boolean
  readonly createdAt: number
}

/** All storage roots, oldest first. */
export const selectRoots = async (s: DuckDbSession): Promise<ReadonlyArray<StorageRoot>> => {
  const rows = await s.rows<RootRow>(`SELECT uid, url, scheme, name, is_default AS "isDefault", read_only AS "readOnly", created_at AS "createdAt"
    FROM reg.storage_root ORDER BY created_at, uid`)
  return rows.map((row) => ({ ...row, createdAt: isoTime(row.createdAt) }))
}

/** What belongs to one artifact beside its own row. */
export interface ArtifactParts {
  /** Oldest first. */
  readonly keys: ReadonlyArray<string>
  readonly locations: ReadonlyArray<LocationColumns>
  /** Of the account that made it. */
  readonly handle: string | null
  /** Names of its labels, sorted. */
  readonly labels?: ReadonlyArray<string>
  /** Names of the live collections whose latest version it is in, sorted. */
  readonly collections?: ReadonlyArray<string>
  /** Uid of the transform of the run that made it. */
  readonly transform: string | null
}

/** Good copies first, then the oldest. */
const byPreference = (a: LocationColumns, b: LocationColumns): number =>
  Number(a.state !== "ok") - Number(b.state !== "ok") || a.createdAt - b.createdAt ||
  compareBytes(a.root, b.root) || compareBytes(a.objectKey, b.objectKey)

/** The artifact of a record, as every interface shows it. */
export const toArtifact = (record: ArtifactColumns, parts: ArtifactParts, roots: ReadonlyMap<string, StorageRoot>): Artifact => {
  const locations = [...parts.locations].sort(byPreference).flatMap((location): ReadonlyArray<ArtifactLocation> => {
    const root = roots.get(location.root)
    return root === undefined ? [] : [{
      storage: root.url,
      path: objectPath(root, location.objectKey),
      keyIsVirtual: location.isVirtual,
      state: location.state,
      verifiedAt: location.verifiedAt === null ? null : isoTime(location.verifiedAt)
    }]
  })
  const first = locations[0]
  // What it says about the artifact is not changed by setting it.
  return Object.freeze<Artifact>({
    uid: record.uid,
    key: record.key,
    keys: record.key === null ? [...parts.keys] : [record.key, ...parts.keys.filter((key) => key !== record.key)],
    formerKey: record.formerKey,
    suffix: record.suffix,
    kind: record.kind,
    description: record.description,
    version: record.version,
    isLatest: record.isLatest,
    size: record.size,
    hash: record.hash,
    hashType: record.hashType,
    nFiles: record.nFiles,
    nObservations: record.nObservations,
    keyIsVirtual: first?.keyIsVirtual ?? null,
    storage: first?.storage ?? null,
    path: first?.path ?? null,
    locations,
    labels: parts.labels ?? [],
    collections: parts.collections ?? [],
    run: record.run,
    transform: parts.transform,
    createdBy: parts.handle,
    createdAt: isoTime(record.createdAt),
    updatedAt: isoTime(record.updatedAt)
  })
}

/**
 * The first of `count` times that are one microsecond apart, in microseconds since 1970: now, but later than anything recorded. For work that writes.
 */
export const nextTime = async (s: DuckDbSession, count: number): Promise<number> => {
  const clock = s instanceof DuckDbConnection ? s.clock : null
  const newest = clock?.newest ?? await newestTime(s)
  const first = Math.max(Date.now() * 1000, newest + 1)
  if (clock !== null) clock.newest = first + count - 1
  return first
}

const newestTime = async (s: DuckDbSession): Promise<number> => {
  const [row] = await s.rows<{ newest: number | null }>(
    `SELECT max(t) AS newest FROM (SELECT max(created_at) AS t FROM reg.artifact UNION ALL SELECT max(since) FROM reg.key
      UNION ALL SELECT max(since) FROM reg.key_history)`)
  return row!.newest ?? 0
}
