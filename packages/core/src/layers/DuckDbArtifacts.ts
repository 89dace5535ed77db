/**
 * Artifacts by uid.
 */
import type { Artifact } from "../domain/Artifact.ts"
import { byAge, type KeyRecord, type LocationRecord } from "../domain/RegistryState.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { gather, GATHERED, readGathered } from "./DuckDbGathered.ts"
import { ARTIFACT_COLUMNS, type ArtifactColumns, type ArtifactParts, KEY_COLUMNS, LOCATION_COLUMNS, oneOf, selectRoots, toArtifact } from "./DuckDbRows.ts"
import { dropTables } from "./DuckDbSpill.ts"

/** Up to this many are looked up by statements of their own; for more it takes less time to make tables. */
const FEW = 500

const TABLE = "temp.chosen_artifacts"

/** Live artifacts by uid, in the order asked for; unknown uids are left out. */
export const selectArtifacts = (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<Artifact>> =>
  uids.length === 0 ? Promise.resolve([]) : uids.length > FEW ? selectMany(s, uids) : selectFew(s, uids)

const selectMany = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<Artifact>> => {
  try {
    const gathered = await gather(s, TABLE, {
      position: "w.place",
      rest: `JOIN (SELECT unnest(uids) AS wanted, unnest(range(len(uids))) AS place FROM (SELECT $1::VARCHAR[] AS uids)) w ON w.wanted = a.uid WHERE a.visibility = 1`,
      params: [uids]
    })
    return (await readGathered(s, gathered, TABLE, 0, Number.MAX_SAFE_INTEGER)).flatMap((make) => make())
  } finally {
    await dropTables(s, TABLE, GATHERED).catch(() => undefined)
  }
}

const selectFew = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<Artifact>> => {
  const wanted = [...new Set(uids)]
  const [isWanted, param] = oneOf("uid", wanted)
  const records = await s.rows<ArtifactColumns>(`SELECT ${ARTIFACT_COLUMNS} FROM reg.artifact WHERE ${isWanted} AND visibility = 1`, [param])
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
const transformsOf = async (s: DuckDbSession, records: ReadonlyArray<ArtifactColumns>): Promise<ReadonlyMap<string, string>> => {
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
