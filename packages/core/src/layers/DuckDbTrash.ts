/**
 * The trash in the DuckDB registry. A trashed artifact keeps its row, with visibility -1; its keys stand in `trashed_key` meanwhile.
 */
import { Effect, Layer } from "effect"
import { InvalidInput, KeyConflict, NoGoodLocation, NotFound } from "../domain/SheafError.ts"
import { isUid } from "../domain/Uid.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { type LeavingArtifact, Trash, type TrashedArtifact, type TrashSelection } from "../ports/Trash.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { isoTime, nextTime, recordsParam, recordsTable } from "./DuckDbRows.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<Trash, never, DuckDbClient> = Layer.effect(
  Trash,
  Effect.map(DuckDbClient, (client) =>
    Trash.of({
      move: (selection, { account, dryRun }) => {
        const work = async (s: DuckDbSession) => {
          const leaving = await planMove(s, selection)
          if (!dryRun && leaving.length > 0) await applyMove(s, account)
          await s.run(`DROP TABLE temp.trash_plan`)
          return leaving
        }
        return dryRun ? client.read<ReadonlyArray<LeavingArtifact>, NotFound>(work) : client.write<ReadonlyArray<LeavingArtifact>, NotFound>(work)
      },
      restore: (uids, { dryRun }) => {
        const work = async (s: DuckDbSession) => {
          const returning = await planRestore(s, uids)
          if (!dryRun && returning.length > 0) await applyRestore(s)
          await s.run(`DROP TABLE temp.restore_plan`)
          return returning
        }
        type Errors = NotFound | KeyConflict | InvalidInput | NoGoodLocation
        return dryRun ? client.read<ReadonlyArray<TrashedArtifact>, Errors>(work) : client.write<ReadonlyArray<TrashedArtifact>, Errors>(work)
      },
      list: client.read((s) => trashed(s, "")),
      find: (reference) => find(client, reference)
    }))
)

/** A table of uids, for parameter 1, which {@link uidParam} makes. */
export const uidTable = recordsTable({ uid: "VARCHAR" })
export const uidParam = (uids: ReadonlyArray<string>): string => recordsParam([...new Set(uids)].map((uid) => ({ uid })))

/** The first of these uids that a table of as many rows as are known does not have, or null. */
export const firstUnknown = async (s: DuckDbSession, table: string, uids: ReadonlyArray<string>): Promise<string | null> => {
  const [found] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)
  if (found!.n === new Set(uids).size) return null
  const [unknown] = await s.rows<{ uid: string }>(`SELECT c.uid FROM ${uidTable} c ANTI JOIN ${table} p ON p.uid = c.uid ORDER BY c.uid LIMIT 1`, [uidParam(uids)])
  return unknown?.uid ?? null
}

/** Makes the temporary table `trash_plan` with a row an artifact. */
const planMove = async (s: DuckDbSession, { prefixes, uids }: TrashSelection): Promise<ReadonlyArray<LeavingArtifact>> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE trash_plan AS SELECT a.uid, a.stem, a.seq, a.is_latest, a.key, a.suffix, a.size FROM reg.artifact a
    SEMI JOIN ${uidTable} c ON c.uid = a.uid WHERE a.visibility = 1`, [uidParam(uids)])
  const unknown = await firstUnknown(s, "trash_plan", uids)
  if (unknown !== null) throw new NotFound({ what: "artifact", reference: unknown, near: [] })
  for (const prefix of prefixes) {
    const [below] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM reg.key WHERE starts_with(key, $1)`, [prefix])
    if (below!.n === 0) throw new NotFound({ what: "key below", reference: prefix, near: [] })
    await s.run(`INSERT INTO trash_plan SELECT a.uid, a.stem, a.seq, a.is_latest, a.key, a.suffix, a.size FROM reg.artifact a
      SEMI JOIN (SELECT artifact FROM reg.key WHERE starts_with(key, $1)) k ON k.artifact = a.uid ANTI JOIN trash_plan p ON p.uid = a.uid
      WHERE a.visibility = 1`, [prefix])
  }
  const rows = await s.rows<Omit<LeavingArtifact, "keys"> & { readonly keys: ReadonlyArray<string> | null }>(`
    WITH k AS (SELECT k.artifact, list(k.key ORDER BY k.since, k.key) AS keys FROM reg.key k SEMI JOIN trash_plan p ON p.uid = k.artifact GROUP BY k.artifact),
      f AS (SELECT a.stem, arg_max(a.uid, a.seq) AS uid FROM reg.artifact a SEMI JOIN (SELECT stem FROM trash_plan WHERE is_latest) t ON t.stem = a.stem
        ANTI JOIN trash_plan p ON p.uid = a.uid WHERE a.visibility = 1 GROUP BY a.stem)
    SELECT p.uid, p.key, k.keys, p.suffix, p.size, p.is_latest AS "isLatest", CASE WHEN p.is_latest THEN f.uid END AS "nextLatest"
    FROM trash_plan p LEFT JOIN k ON k.artifact = p.uid LEFT JOIN f ON f.stem = p.stem ORDER BY p.key IS NULL, p.key, p.uid`)
  return rows.map((row) => ({ ...row, keys: primaryFirst(row.key, row.keys) }))
}

const primaryFirst = (key: string | null, keys: ReadonlyArray<string> | null): ReadonlyArray<string> =>
  keys === null ? [] : key === null ? keys : [key, ...keys.filter((other) => other !== key)]

/** All at one time: what has to come later in a log is later than it. */
const applyMove = async (s: DuckDbSession, account: string | null): Promise<void> => {
  const now = `make_timestamp(${await nextTime(s, 1)})`
  await s.run(`INSERT INTO reg.trashed SELECT uid, is_latest, ${now}, $1 FROM trash_plan`, [account])
  await s.run(`INSERT INTO reg.trashed_key SELECT k.artifact, k.key, coalesce(k.key = p.key, false), k.since FROM reg.key k JOIN trash_plan p ON p.uid = k.artifact ORDER BY k.since`)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, since, event, run FROM reg.key SEMI JOIN trash_plan p ON p.uid = artifact`)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, ${now}, 'released', NULL FROM reg.key SEMI JOIN trash_plan p ON p.uid = artifact`)
  await s.run(`DELETE FROM reg.key WHERE artifact IN (SELECT uid FROM trash_plan)`)
  await s.run(`UPDATE reg.artifact SET visibility = -1, is_latest = false, updated_at = ${now} WHERE uid IN (SELECT uid FROM trash_plan)`)
  await renewLatest(s, `(SELECT stem FROM trash_plan WHERE is_latest)`, now)
}

/** Makes the newest live version of families the latest one, and no other. */
export const renewLatest = (s: DuckDbSession, stems: string, now: string): Promise<void> =>
  s.run(`UPDATE reg.artifact a SET is_latest = (a.seq = x.newest), updated_at = ${now}
    FROM (SELECT stem, max(seq) AS newest FROM reg.artifact WHERE visibility = 1 AND stem IN ${stems} GROUP BY stem) x
    WHERE a.stem = x.stem AND a.visibility = 1 AND a.is_latest <> (a.seq = x.newest)`)

interface TrashedRow extends Omit<TrashedArtifact, "keys" | "createdAt" | "trashedAt"> {
  readonly keys: ReadonlyArray<string> | null
  readonly createdAt: number
  readonly trashedAt: number
}

/** Trashed artifacts, or with `join` some of them. */
const trashed = async (s: DuckDbSession, join: string): Promise<ReadonlyArray<TrashedArtifact>> => {
  const rows = await s.rows<TrashedRow>(`WITH k AS (SELECT artifact, list(key ORDER BY is_primary DESC, since, key) AS keys, max(key) FILTER (is_primary) AS key
      FROM reg.trashed_key GROUP BY artifact)
    SELECT a.uid, k.key, k.keys, a.suffix, a.description, a.size, a.hash, a.hash_type AS "hashType", a.created_at AS "createdAt", t.trashed_at AS "trashedAt",
      coalesce(c.handle, t.account) AS "trashedBy"
    FROM reg.trashed t JOIN reg.artifact a ON a.uid = t.artifact ${join} LEFT JOIN k ON k.artifact = a.uid LEFT JOIN reg.account c ON c.uid = t.account
    WHERE a.visibility = -1 ORDER BY t.trashed_at DESC, k.key IS NULL, k.key, a.uid`)
  return rows.map((row) => ({ ...row, keys: row.keys ?? [], createdAt: isoTime(row.createdAt), trashedAt: isoTime(row.trashedAt) }))
}

/** Makes the temporary table `restore_plan` with a row an artifact. */
const planRestore = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<TrashedArtifact>> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE restore_plan AS SELECT a.uid, a.stem FROM reg.artifact a SEMI JOIN ${uidTable} c ON c.uid = a.uid WHERE a.visibility = -1`, [uidParam(uids)])
  const unknown = await firstUnknown(s, "restore_plan", uids)
  if (unknown !== null) throw new NotFound({ what: "artifact in the trash", reference: unknown, near: [] })
  const [conflict] = await s.rows<{ key: string; uid: string; holder: string }>(`
    WITH mine AS (SELECT t.key, t.artifact FROM reg.trashed_key t SEMI JOIN restore_plan p ON p.uid = t.artifact)
    SELECT m.key, m.artifact AS uid, k.artifact AS holder FROM mine m JOIN reg.key k ON k.key = m.key
    UNION ALL SELECT key, max(artifact), min(artifact) FROM mine GROUP BY key HAVING count(*) > 1
    ORDER BY key LIMIT 1`)
  if (conflict !== undefined) throw new KeyConflict(conflict)
  const [tagged] = await s.rows<{ uid: string; version: string; holder: string }>(`
    WITH mine AS (SELECT a.uid, a.stem, a.version FROM reg.artifact a SEMI JOIN restore_plan p ON p.uid = a.uid WHERE a.version IS NOT NULL)
    SELECT m.uid, m.version, a.uid AS holder FROM mine m JOIN reg.artifact a ON a.stem = m.stem AND a.version = m.version WHERE a.visibility = 1
    UNION ALL SELECT max(uid), version, min(uid) FROM mine GROUP BY stem, version HAVING count(*) > 1
    ORDER BY uid LIMIT 1`)
  if (tagged !== undefined) throw tagTaken(tagged)
  // Its storage root may have been removed meanwhile.
  const [bare] = await s.rows<{ uid: string }>(`SELECT p.uid FROM restore_plan p ANTI JOIN reg.location l ON l.artifact = p.uid ORDER BY p.uid LIMIT 1`)
  if (bare !== undefined) throw new NoGoodLocation({ uid: bare.uid, tried: [] })
  return trashed(s, "SEMI JOIN restore_plan p ON p.uid = a.uid")
}

/** A version's tag was given to another version of the family meanwhile. Shared with the model in memory. */
export const tagTaken = ({ holder, uid, version }: { readonly uid: string; readonly version: string; readonly holder: string }): InvalidInput =>
  new InvalidInput({
    what: `artifact ${uid} with version ${version}`, reason: `another version of the same family, ${holder}, has that tag by now`,
    advice: `Nothing was changed. To have this one instead, move the other into the trash first: sheaf rm ${holder}.`
  })

/** Keys keep the order of their age. */
const applyRestore = async (s: DuckDbSession): Promise<void> => {
  const [most] = await s.rows<{ n: number | null }>(`SELECT max(n) AS n FROM (SELECT count(*) AS n FROM reg.trashed_key t SEMI JOIN restore_plan p ON p.uid = t.artifact GROUP BY t.artifact)`)
  const now = await nextTime(s, (most?.n ?? 0) + 1)
  const at = `make_timestamp(${now})`
  await s.run(`INSERT INTO reg.key SELECT t.key, t.artifact, make_timestamp(${now} + row_number() OVER (PARTITION BY t.artifact ORDER BY t.since, t.key)), 'restored', NULL
    FROM reg.trashed_key t SEMI JOIN restore_plan p ON p.uid = t.artifact ORDER BY t.since`)
  await s.run(`UPDATE reg.artifact SET visibility = 1, updated_at = ${at} WHERE uid IN (SELECT uid FROM restore_plan)`)
  await renewLatest(s, `(SELECT stem FROM restore_plan)`, at)
  // A file in place that was registered again meanwhile, with the same content, is a copy of both. The hash of a folder knows no names, its manifest does.
  await s.run(`UPDATE reg.location l SET state = 'ok' FROM (
      SELECT r.artifact, r.root, r.object_key FROM reg.location r JOIN reg.artifact a ON a.uid = r.artifact SEMI JOIN restore_plan p ON p.uid = r.artifact
      JOIN reg.location o ON o.root = r.root AND o.object_key = r.object_key AND o.state = 'ok' JOIN reg.artifact b ON b.uid = o.artifact
        AND b.hash = a.hash AND b.hash_type = a.hash_type AND b.size = a.size AND b.manifest_hash IS NOT DISTINCT FROM a.manifest_hash WHERE r.state = 'replaced') x
    WHERE l.artifact = x.artifact AND l.root = x.root AND l.object_key = x.object_key AND l.state = 'replaced'`)
  await s.run(`DELETE FROM reg.trashed_key WHERE artifact IN (SELECT uid FROM restore_plan)`)
  await s.run(`DELETE FROM reg.trashed WHERE artifact IN (SELECT uid FROM restore_plan)`)
}

/** The shortest beginning of a uid that is taken for one. */
const MIN_PREFIX = 4

const find = (client: DuckDbClient["Service"], reference: string): Effect.Effect<ReadonlyArray<string>, RegistryError> =>
  client.read(async (s) => {
    const select = async (sql: string): Promise<ReadonlyArray<string>> => (await s.rows<{ uid: string }>(sql, [reference])).map(({ uid }) => uid)
    if (reference.endsWith("/")) return select(`SELECT DISTINCT artifact AS uid FROM reg.trashed_key WHERE starts_with(key, $1) ORDER BY uid`)
    const byKey = await select(`SELECT DISTINCT artifact AS uid FROM reg.trashed_key WHERE key = $1 ORDER BY uid`)
    if (byKey.length > 0) return byKey
    return reference.length >= MIN_PREFIX && isUid(reference, "artifact", { prefix: true })
      ? select(`SELECT uid FROM reg.artifact WHERE starts_with(uid, $1) AND visibility = -1 ORDER BY uid`)
      : []
  })
