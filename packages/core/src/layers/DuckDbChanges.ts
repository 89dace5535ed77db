/**
 * What happened to a registry in memory, written into the tables: one statement a table and kind of change.
 */
import type { ArtifactRecord, KeyRecord, LocationRecord, RegistryState } from "../domain/RegistryState.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { type ColumnType, oneOf, recordsParam, recordsTable } from "./DuckDbRows.ts"

/** `existed` are the keys that were live when the state was loaded. */
export const writeChanges = async (s: DuckDbSession, state: RegistryState, existed: ReadonlySet<string>): Promise<void> => {
  const { changed, history, judged, keys, made, members, placed } = state.changes
  const gone = [...keys].filter((key) => existed.has(key))
  if (gone.length > 0) {
    const [condition, param] = oneOf("key", gone)
    await s.run(`DELETE FROM reg.key WHERE ${condition}`, [param])
  }
  await insert(s, "artifact", ARTIFACT, made.map(artifactRow))
  for (const [artifact, all] of members) {
    await insert(s, "member", MEMBER, all.map(({ hash, hashType, path, size }, position) => ({ artifact, position, path, size, hash, hash_type: hashType })))
  }
  await insert(s, "key", KEY, [...keys].flatMap((key) => {
    const row = state.keys.get(key)
    return row === undefined ? [] : [keyRow(row)]
  }).sort((a, b) => a.since - b.since))
  await insert(s, "key_history", KEY, history.map(keyRow))
  await insert(s, "location", LOCATION, placed.map(locationRow))
  const isNew = new Set<object>([...made, ...placed])
  await updateArtifacts(s, [...changed].filter((record) => !isNew.has(record)))
  await updateLocations(s, [...judged].filter((record) => !isNew.has(record)))
}

type Row = Readonly<Record<string, string | number | boolean | null>>
type Columns = Readonly<Record<string, ColumnType | "TIMESTAMP">>

const ARTIFACT: Columns = {
  uid: "VARCHAR", stem: "VARCHAR", seq: "INTEGER", is_latest: "BOOLEAN", key: "VARCHAR", former_key: "VARCHAR", suffix: "VARCHAR", kind: "VARCHAR",
  description: "VARCHAR", version: "VARCHAR", size: "BIGINT", hash: "VARCHAR", hash_type: "VARCHAR", manifest_hash: "VARCHAR", n_files: "BIGINT", n_observations: "BIGINT", run: "VARCHAR", account: "VARCHAR", visibility: "INTEGER",
  created_at: "TIMESTAMP", updated_at: "TIMESTAMP"
}
const MEMBER: Columns = { artifact: "VARCHAR", position: "INTEGER", path: "VARCHAR", size: "BIGINT", hash: "VARCHAR", hash_type: "VARCHAR" }
const KEY: Columns = { key: "VARCHAR", artifact: "VARCHAR", since: "TIMESTAMP", event: "VARCHAR", run: "VARCHAR" }
const LOCATION: Columns = {
  artifact: "VARCHAR", root: "VARCHAR", object_key: "VARCHAR", is_virtual: "BOOLEAN", in_place: "BOOLEAN", state: "VARCHAR", created_at: "TIMESTAMP"
}

const artifactRow = (r: ArtifactRecord) => ({
  uid: r.uid, stem: r.stem, seq: r.seq, is_latest: r.isLatest, key: r.key, former_key: r.formerKey, suffix: r.suffix, kind: r.kind, description: r.description,
  version: r.version, size: r.size, hash: r.hash, hash_type: r.hashType, manifest_hash: r.manifestHash ?? null, n_files: r.nFiles, n_observations: r.nObservations, run: r.run, account: r.account, visibility: 1, created_at: r.createdAt, updated_at: r.updatedAt
})
const keyRow = (r: KeyRecord) => ({ key: r.key, artifact: r.artifact, since: r.since, event: r.event, run: r.run })
const locationRow = (r: LocationRecord) => ({
  artifact: r.artifact, root: r.root, object_key: r.objectKey, is_virtual: r.isVirtual, in_place: r.inPlace, state: r.state, created_at: r.createdAt
})

/** Up to this many rows are inserted one by one. */
const FEW = 4

const insert = async (s: DuckDbSession, table: string, columns: Columns, rows: ReadonlyArray<Row>): Promise<void> => {
  if (rows.length === 0) return
  if (rows.length <= FEW) {
    for (const row of rows) await s.insert(`reg.${table}`, row)
    return
  }
  const names = Object.keys(columns)
  const types = Object.fromEntries(names.map((name): [string, ColumnType] => {
    const type = columns[name]!
    return [name, type === "TIMESTAMP" ? "BIGINT" : type]
  }))
  const values = names.map((name) => (columns[name] === "TIMESTAMP" ? `make_timestamp(${name})` : name))
  await s.run(`INSERT INTO reg.${table} (${names.join(", ")}) SELECT ${values.join(", ")} FROM ${recordsTable(types)}`, [recordsParam(rows)])
}

const updateArtifacts = async (s: DuckDbSession, records: ReadonlyArray<ArtifactRecord>): Promise<void> => {
  if (records.length === 0) return
  const types = { u: "VARCHAR", k: "VARCHAR", f: "VARCHAR", v: "VARCHAR", l: "BOOLEAN", t: "BIGINT" } as const
  await s.run(`UPDATE reg.artifact SET key = x.k, former_key = x.f, version = x.v, is_latest = x.l, updated_at = make_timestamp(x.t) FROM ${recordsTable(types)} x WHERE uid = x.u`, [
    recordsParam(records.map((r) => ({ u: r.uid, k: r.key, f: r.formerKey, v: r.version, l: r.isLatest, t: r.updatedAt })))
  ])
}

const updateLocations = async (s: DuckDbSession, records: ReadonlyArray<LocationRecord>): Promise<void> => {
  if (records.length === 0) return
  const types = { a: "VARCHAR", r: "VARCHAR", o: "VARCHAR", s: "VARCHAR" } as const
  await s.run(`UPDATE reg.location SET state = x.s FROM ${recordsTable(types)} x WHERE artifact = x.a AND root = x.r AND object_key = x.o`, [
    recordsParam(records.map((r) => ({ a: r.artifact, r: r.root, o: r.objectKey, s: r.state })))
  ])
}
