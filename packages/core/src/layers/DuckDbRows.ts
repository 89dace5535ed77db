/**
 * Rows of the registry's tables as the records and artifacts of the domain, and lists of records on their way into a statement.
 */
import type { Artifact, ArtifactLocation } from "../domain/Artifact.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { type ArtifactRecord, byAge, type KeyRecord, type LocationRecord } from "../domain/RegistryState.ts"
import { objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { DuckDbConnection, type DuckDbSession } from "./DuckDbSession.ts"

/** ISO 8601 in UTC with milliseconds. */
export const isoTime = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString()

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

export const ARTIFACT_COLUMNS = `uid, stem, seq, is_latest AS "isLatest", key, former_key AS "formerKey", suffix, kind, description, version, size, hash,
  hash_type AS "hashType", n_files AS "nFiles", n_observations AS "nObservations", run, account, created_at AS "createdAt", updated_at AS "updatedAt"`

export const KEY_COLUMNS = `key, artifact, since, event, run`

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
  readonly locations: ReadonlyArray<LocationRecord>
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
const byPreference = (a: LocationRecord, b: LocationRecord): number =>
  Number(a.state !== "ok") - Number(b.state !== "ok") || a.createdAt - b.createdAt ||
  compareBytes(a.root, b.root) || compareBytes(a.objectKey, b.objectKey)

/** The artifact of a record, as every interface shows it. */
export const toArtifact = (record: ArtifactRecord, parts: ArtifactParts, roots: ReadonlyMap<string, StorageRoot>): Artifact => {
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

/** Live artifacts by uid, in the order asked for; unknown uids are left out. */
export const selectArtifacts = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<Artifact>> => {
  if (uids.length === 0) return []
  const wanted = [...new Set(uids)]
  const [isWanted, param] = oneOf("uid", wanted)
  const records = await s.rows<ArtifactRecord>(`SELECT ${ARTIFACT_COLUMNS} FROM reg.artifact WHERE ${isWanted} AND visibility = 1`, [param])
  if (records.length === 0) return []
  const [isOfThem] = oneOf("artifact", wanted)
  const keys = await s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key WHERE ${isOfThem}`, [param])
  const locations = await s.rows<LocationRecord>(`SELECT ${LOCATION_COLUMNS} FROM reg.location WHERE ${isOfThem}`, [param])
  const roots = new Map((await selectRoots(s)).map((root) => [root.uid, root]))
  const handles = records.some((record) => record.account !== null)
    ? new Map((await s.rows<{ uid: string; handle: string }>(`SELECT uid, handle FROM reg.account`)).map(({ handle, uid }) => [uid, handle]))
    : new Map<string, string>()
  const groups = await selectGroups(s, wanted)
  const transforms = records.some((record) => record.run !== null) ? await transformsOf(s, records) : new Map<string, string>()
  const keysOf = byArtifact([...keys].sort(byAge))
  const locationsOf = byArtifact(locations)
  const byUid = new Map(records.map((record) => [record.uid, record]))
  return uids.flatMap((uid) => {
    const record = byUid.get(uid)
    return record === undefined ? [] : [toArtifact(record, {
      keys: (keysOf.get(uid) ?? []).map(({ key }) => key),
      locations: locationsOf.get(uid) ?? [],
      handle: record.account === null ? null : handles.get(record.account) ?? record.account,
      ...groups(uid),
      transform: record.run === null ? null : transforms.get(record.run) ?? null
    }, roots)]
  })
}

/** What labels artifacts carry and what collections they are in. Most registries have neither, and then nothing is looked for. */
const selectGroups = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<(uid: string) => Pick<ArtifactParts, "labels" | "collections">> => {
  const some = await s.rows<{ what: string }>(
    `(SELECT 'label' AS what FROM reg.artifact_label LIMIT 1) UNION ALL (SELECT 'collection' FROM reg.collection_member LIMIT 1)`)
  const [isOfThem, param] = oneOf("artifact", uids)
  const names = async (what: string, sql: string): Promise<ReadonlyMap<string, ReadonlyArray<{ readonly name: string }>>> =>
    some.some((one) => one.what === what) ? byArtifact(await s.rows<{ artifact: string; name: string }>(sql, [param])) : new Map()
  const labels = await names("label", `SELECT m.artifact, l.name FROM (SELECT artifact, label FROM reg.artifact_label WHERE ${isOfThem}) m
    JOIN reg.label l ON l.uid = m.label ORDER BY l.name`)
  const collections = await names("collection", `SELECT m.artifact, c.name FROM (SELECT artifact, collection FROM reg.collection_member WHERE ${isOfThem}) m
    JOIN (SELECT uid, name FROM reg.collection WHERE is_latest AND visibility = 1) c ON c.uid = m.collection ORDER BY c.name`)
  const nameOf = ({ name }: { readonly name: string }): string => name
  return (uid) => ({ labels: [...new Set((labels.get(uid) ?? []).map(nameOf))], collections: (collections.get(uid) ?? []).map(nameOf) })
}

/** Uids of the transforms of runs, by run. */
const transformsOf = async (s: DuckDbSession, records: ReadonlyArray<ArtifactRecord>): Promise<ReadonlyMap<string, string>> => {
  const [condition, param] = oneOf("uid", [...new Set(records.flatMap(({ run }) => run ?? []))])
  const rows = await s.rows<{ uid: string; transform: string }>(`SELECT uid, transform FROM reg.run WHERE ${condition}`, [param])
  return new Map(rows.map(({ transform, uid }) => [uid, transform]))
}

const byArtifact = <R extends { readonly artifact: string }>(rows: ReadonlyArray<R>): ReadonlyMap<string, ReadonlyArray<R>> => {
  const grouped = new Map<string, Array<R>>()
  for (const row of rows) {
    const group = grouped.get(row.artifact)
    if (group === undefined) grouped.set(row.artifact, [row])
    else group.push(row)
  }
  return grouped
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
