/**
 * Deleting for good in the DuckDB registry.
 */
import { Effect, Layer } from "effect"
import { InUse, NotFound } from "../domain/SheafError.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { type DoomedArtifact, type DoomedObject, type OpenRemoval, Purge, type PurgePlan } from "../ports/Purge.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { FOLDERS, heldByFolders } from "./DuckDbCopies.ts"
import { retiring } from "./DuckDbRetired.ts"
import { nextTime, recordsParam, recordsTable } from "./DuckDbRows.ts"
import { firstUnknown, renewLatest, uidParam, uidTable } from "./DuckDbTrash.ts"

/** Of rows in the journal. */
const OPERATION = "delete"
/** Objects that one row of the journal names. */
const OBJECTS_A_ROW = 1000

/** The reference implementation of the port. */
export const layer: Layer.Layer<Purge, never, DuckDbClient> = Layer.effect(
  Purge,
  Effect.map(DuckDbClient, (client) =>
    Purge.of({
      plan: (uids) =>
        client.read<PurgePlan, NotFound | InUse>(async (s) => {
          await choose(s, uids)
          return { artifacts: await chosenArtifacts(s), objects: await chosenObjects(s) }
        }),
      apply: (uids, { keepRoots, sources }) =>
        client.write<ReadonlyArray<DoomedObject>, NotFound | InUse>(async (s) => {
          await choose(s, uids)
          const objects = await chosenObjects(s)
          const kept = new Set(keepRoots)
          await note(s, objects.filter(({ inPlace, root }) => !kept.has(root) && (sources || !inPlace)))
          await remove(s)
          return objects
        }),
      open: Effect.map(
        client.query<{ uid: string; payload: string }>(`SELECT uid, payload FROM reg.journal WHERE operation = $1 ORDER BY created_at, uid`, [OPERATION]),
        (rows) => rows.map(({ payload, uid }): OpenRemoval => ({ uid, ...(JSON.parse(payload) as Omit<OpenRemoval, "uid">) }))
      ),
      close: (uids) =>
        uids.length === 0 ? Effect.void : client.write((s) => s.run(`DELETE FROM reg.journal WHERE uid IN (SELECT uid FROM ${uidTable})`, [uidParam(uids)])),
      referenced: (root, objectKeys) =>
        objectKeys.length === 0
          ? Effect.succeed(new Set<string>())
          : client.read(async (s) => {
            const known = await s.rows<{ key: string }>(`SELECT DISTINCT l.object_key AS key FROM reg.location l SEMI JOIN ${recordsTable({ key: "VARCHAR" })} k ON k.key = l.object_key
              ANTI JOIN (${FOLDERS}) f ON f.uid = l.artifact WHERE l.root = $2 AND l.state <> 'replaced'`, [recordsParam(objectKeys.map((key) => ({ key }))), root])
            return new Set([...known.map(({ key }) => key), ...await heldByFolders(s, root, objectKeys, { standing: true })])
          })
    }))
)

/** Makes the temporary table `purge_plan` with a row an artifact; refuses what cannot go. */
const choose = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<void> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE purge_plan AS SELECT a.uid, a.stem, a.key, a.visibility, a.size, a.hash, a.hash_type FROM reg.artifact a
    SEMI JOIN ${uidTable} c ON c.uid = a.uid`, [uidParam(uids)])
  const unknown = await firstUnknown(s, "purge_plan", uids)
  if (unknown !== null) throw new NotFound({ what: "artifact", reference: unknown, near: [] })
  const [member] = await s.rows<{ uid: string; name: string; collection: string }>(`SELECT p.uid, c.name, c.uid AS collection FROM purge_plan p
    JOIN reg.collection_member m ON m.artifact = p.uid JOIN reg.collection c ON c.uid = m.collection WHERE c.visibility = 1 ORDER BY c.is_latest DESC, c.name, c.uid, p.uid LIMIT 1`)
  if (member !== undefined) throw new InUse({ uid: member.uid, holder: `collection ${member.name}`, holderUid: member.collection })
}

const chosenArtifacts = async (s: DuckDbSession): Promise<ReadonlyArray<DoomedArtifact>> => {
  const rows = await s.rows<Omit<DoomedArtifact, "keys"> & { readonly keys: ReadonlyArray<string> | null }>(`
    WITH k AS (SELECT artifact, list(key ORDER BY is_primary DESC, since, key) AS keys FROM (
        SELECT k.artifact, k.key, coalesce(k.key = p.key, false) AS is_primary, k.since FROM reg.key k JOIN purge_plan p ON p.uid = k.artifact
        UNION ALL SELECT t.artifact, t.key, t.is_primary, t.since FROM reg.trashed_key t SEMI JOIN purge_plan p ON p.uid = t.artifact) GROUP BY artifact)
    SELECT p.uid, p.key, k.keys, p.size, p.visibility <> 1 AS "inTrash" FROM purge_plan p LEFT JOIN k ON k.artifact = p.uid ORDER BY p.key IS NULL, p.key, p.uid`)
  return rows.map((row) => ({ ...row, keys: row.keys ?? [] }))
}

/** Files, those of folders too. A place recorded as replaced is no reference, unless the very bytes stand there again. */
const chosenObjects = (s: DuckDbSession): Promise<ReadonlyArray<DoomedObject>> =>
  s.rows<DoomedObject>(`
    WITH l AS (SELECT l.artifact, l.root, l.object_key, l.in_place, l.state, NULL AS path, NULL AS size, NULL AS hash, NULL AS hash_type FROM reg.location l
        ANTI JOIN (${FOLDERS}) f ON f.uid = l.artifact
      UNION ALL SELECT l.artifact, l.root, l.object_key || '/' || m.path, l.in_place, l.state, m.path, m.size, m.hash, m.hash_type
        FROM reg.location l JOIN reg.member m ON m.artifact = l.artifact),
      mine AS (SELECT l.root, l.object_key, bool_or(l.in_place) AS in_place, any_value(coalesce(l.size, p.size)) AS size, any_value(coalesce(l.hash, p.hash)) AS hash,
          any_value(coalesce(l.hash_type, p.hash_type)) AS hash_type
        FROM l JOIN purge_plan p ON p.uid = l.artifact WHERE l.state <> 'replaced' GROUP BY l.root, l.object_key),
      others AS (SELECT l.root, l.object_key FROM l ANTI JOIN purge_plan p ON p.uid = l.artifact WHERE l.state <> 'replaced'),
      back AS (SELECT l.root, l.object_key, coalesce(l.size, a.size) AS size, coalesce(l.hash, a.hash) AS hash, coalesce(l.hash_type, a.hash_type) AS hash_type
        FROM (SELECT * FROM l WHERE state = 'replaced') l JOIN reg.artifact a ON a.uid = l.artifact ANTI JOIN purge_plan p ON p.uid = l.artifact)
    SELECT m.root, m.object_key AS "objectKey", m.in_place AS "inPlace", m.size, m.hash, m.hash_type AS "hashType"
    FROM mine m ANTI JOIN others o ON o.root = m.root AND o.object_key = m.object_key
      ANTI JOIN back b ON b.root = m.root AND b.object_key = m.object_key AND b.size = m.size AND b.hash = m.hash AND b.hash_type = m.hash_type
    ORDER BY m.root, m.object_key`)

/** Names the objects in the journal. */
const note = async (s: DuckDbSession, objects: ReadonlyArray<DoomedObject>): Promise<void> => {
  if (objects.length === 0) return
  const now = await nextTime(s, 1)
  for (const [root, all] of Map.groupBy(objects, (object) => object.root)) {
    for (let from = 0; from < all.length; from += OBJECTS_A_ROW) {
      const payload: Omit<OpenRemoval, "uid"> = { root, objects: all.slice(from, from + OBJECTS_A_ROW).map(({ root: _, ...object }) => object) }
      await s.insert("reg.journal", { uid: randomBase62(16), operation: OPERATION, payload: JSON.stringify(payload), created_at: now })
    }
  }
}

/** Tables with rows of artifacts, by the column that names the artifact. */
const OWNED = ["location", "trashed", "trashed_key", "member", "artifact_label", "run_input", "run_reproduced"]

/** Deletes the rows of the planned artifacts. What their keys pointed at stays in the history of the keys. */
const remove = async (s: DuckDbSession): Promise<void> => {
  const now = `make_timestamp(${await nextTime(s, 1)})`
  const planned = `(SELECT uid FROM purge_plan)`
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, since, event, run FROM reg.key SEMI JOIN purge_plan p ON p.uid = artifact`)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, ${now}, 'released', NULL FROM reg.key SEMI JOIN purge_plan p ON p.uid = artifact`)
  await s.run(`DELETE FROM reg.key WHERE artifact IN ${planned}`)
  for (const table of OWNED) await s.run(`DELETE FROM reg.${table} WHERE artifact IN ${planned}`)
  await retiring(s, "purge_plan", () => s.run(`DELETE FROM reg.artifact WHERE uid IN ${planned}`))
  await renewLatest(s, `(SELECT stem FROM purge_plan)`, now)
}
