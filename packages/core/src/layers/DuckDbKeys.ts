/**
 * Renaming, aliasing and releasing keys, set-based: any number of keys in a few statements and one transaction.
 */
import { KeyConflict, NotFound } from "../domain/SheafError.ts"
import type { KeyMove, Registry } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { nextTime } from "./DuckDbRows.ts"

type KeyChanges = Pick<Registry["Service"], "rename" | "alias" | "unalias">
type Rename = Parameters<KeyChanges["rename"]>[0]

/** The key-changing part of the registry; see `ports/Registry`. */
export const keyChanges = (client: DuckDbClient["Service"]): KeyChanges => ({
  rename: (change) => {
    const work = async (s: DuckDbSession) => {
      const moves = await plan(s, change)
      if (!change.dryRun && change.from !== change.to) await applyPlan(s, moves.length, change.run ?? null)
      await s.run(`DROP TABLE temp.rename_plan`)
      return moves
    }
    type Errors = NotFound | KeyConflict
    return change.dryRun ? client.read<ReadonlyArray<KeyMove>, Errors>(work) : client.write<ReadonlyArray<KeyMove>, Errors>(work)
  },
  alias: (uid, key, run = null) => client.write<void, NotFound | KeyConflict>((s) => alias(s, uid, key, run)),
  unalias: (key, run = null) => client.write<void, NotFound>((s) => unalias(s, key, run))
})

const folder = (prefix: string): string => (prefix === "" ? "" : `${prefix}/`)

/** Makes the temporary table `rename_plan` with a row a key, by age; refuses when a new name is taken. */
const plan = async (s: DuckDbSession, { byPrefix, from, to }: Rename): Promise<ReadonlyArray<KeyMove>> => {
  const selection = byPrefix
    ? `SELECT key, $2 || substr(key, length($1) + 1) AS renamed, artifact, since FROM reg.key WHERE starts_with(key, $1)`
    : `SELECT key, $2 AS renamed, artifact, since FROM reg.key WHERE key = $1`
  await s.run(`CREATE OR REPLACE TEMP TABLE rename_plan AS
    WITH chosen AS (${selection}),
      taken AS (SELECT k.key, k.artifact FROM reg.key k SEMI JOIN chosen ON chosen.renamed = k.key ANTI JOIN chosen moving ON moving.key = k.key)
    SELECT chosen.key, chosen.renamed, chosen.artifact, taken.artifact AS holder, row_number() OVER (ORDER BY chosen.since, chosen.key) AS n
    FROM chosen LEFT JOIN taken ON taken.key = chosen.renamed`, byPrefix ? [folder(from), folder(to)] : [from, to])
  const [conflict] = await s.rows<{ key: string; uid: string; holder: string }>(
    `SELECT renamed AS key, artifact AS uid, holder FROM rename_plan WHERE holder <> artifact ORDER BY renamed LIMIT 1`)
  if (conflict !== undefined) throw new KeyConflict(conflict)
  const moves = await s.rows<KeyMove>(`SELECT key AS "from", renamed AS "to", artifact AS uid, holder IS NOT NULL AS merges FROM rename_plan ORDER BY key`)
  if (moves.length === 0) throw new NotFound({ what: byPrefix ? "key below" : "key", reference: from, near: [] })
  return moves
}

/** Old names are released, new names begin one microsecond apart in the order of the old ones' age; primary keys stay primary under their new name. */
const applyPlan = async (s: DuckDbSession, count: number, run: string | null): Promise<void> => {
  const now = await nextTime(s, count + 1)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, since, event, run FROM reg.key SEMI JOIN rename_plan p USING (key)`)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, make_timestamp(${now}), 'released', $1 FROM rename_plan ORDER BY n`, [run])
  await s.run(`DELETE FROM reg.key WHERE key IN (SELECT key FROM rename_plan)`)
  await s.run(`INSERT INTO reg.key SELECT renamed, artifact, make_timestamp(${now} + n), 'renamed', $1 FROM rename_plan WHERE holder IS NULL ORDER BY n`, [run])
  await s.run(`UPDATE reg.artifact SET key = p.renamed, updated_at = make_timestamp(${now}) FROM rename_plan p
    WHERE uid = p.artifact AND reg.artifact.key = p.key AND p.holder IS NULL`)
  const [merged] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM rename_plan WHERE holder IS NOT NULL`)
  if (merged!.n === 0) return
  await s.run(`UPDATE reg.artifact SET key = x.oldest, updated_at = make_timestamp(${now}) FROM (
      SELECT k.artifact, arg_min(k.key, (k.since, k.key)) AS oldest FROM reg.key k
      WHERE k.artifact IN (SELECT artifact FROM rename_plan WHERE holder IS NOT NULL) GROUP BY k.artifact) x
    WHERE uid = x.artifact AND reg.artifact.key IN (SELECT key FROM rename_plan WHERE holder IS NOT NULL)`)
}

const alias = async (s: DuckDbSession, uid: string, key: string, run: string | null): Promise<void> => {
  const [artifact] = await s.rows<{ key: string | null }>(`SELECT key FROM reg.artifact WHERE uid = $1 AND visibility = 1`, [uid])
  if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
  const [holder] = await s.rows<{ uid: string }>(`SELECT artifact AS uid FROM reg.key WHERE key = $1`, [key])
  if (holder?.uid === uid) return
  if (holder !== undefined) throw new KeyConflict({ key, uid, holder: holder.uid })
  const now = await nextTime(s, 1)
  const event = artifact.key === null ? "keyed" : "aliased"
  await s.insert("reg.key", { key, artifact: uid, since: now, event, run })
  if (artifact.key === null) {
    await s.run(`UPDATE reg.artifact SET key = $1, former_key = NULL, updated_at = make_timestamp(${now}) WHERE uid = $2`, [key, uid])
  }
}

const unalias = async (s: DuckDbSession, key: string, run: string | null): Promise<void> => {
  const [row] = await s.rows<{ artifact: string }>(`SELECT artifact FROM reg.key WHERE key = $1`, [key])
  if (row === undefined) throw new NotFound({ what: "key", reference: key, near: [] })
  const now = await nextTime(s, 1)
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, since, event, run FROM reg.key WHERE key = $1`, [key])
  await s.insert("reg.key_history", { key, artifact: row.artifact, since: now, event: "released", run })
  await s.run(`DELETE FROM reg.key WHERE key = $1`, [key])
  const [next] = await s.rows<{ key: string }>(`SELECT key FROM reg.key WHERE artifact = $1 ORDER BY since, key LIMIT 1`, [row.artifact])
  await s.run(`UPDATE reg.artifact SET key = $1, former_key = $2, updated_at = make_timestamp(${now}) WHERE uid = $3 AND reg.artifact.key = $4`,
    [next?.key ?? null, next === undefined ? key : null, row.artifact, key])
}
