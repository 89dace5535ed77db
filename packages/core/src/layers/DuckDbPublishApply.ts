/**
 * The writing half of publishing: turns decided rows into records. Each step is one statement and is left out when no row needs it.
 */
import type { Outcome } from "../domain/SaveDecision.ts"
import type { StagedBatch } from "../domain/StagedBatch.ts"
import type { BatchTables } from "./DuckDbBatchTables.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { sqlText } from "./DuckDbMigrations.ts"
import { recordReproduced } from "./DuckDbReproduced.ts"

const text = (value: string | null): string => (value === null ? "NULL" : sqlText(value))

/**
 * Microseconds since 1970 that row 0 of the batch gets: later rows follow at one microsecond each, and nothing recorded is later, so that order by creation
 * is save order.
 */
const baseTime = async (s: DuckDbSession): Promise<number> => {
  const [row] = await s.rows<{ newest: number | null }>(
    `SELECT epoch_us(greatest((SELECT max(created_at) FROM reg.artifact), (SELECT max(since) FROM reg.key))) AS newest`)
  return Math.max(Date.now() * 1000, (row?.newest ?? 0) + 1)
}

interface Needs {
  readonly made: number
  readonly versions: number
  readonly left: number
  readonly arrived: number
  readonly knownObjects: number
}

/** Rows of a decided batch with one outcome: all, those whose key pointed at something before, those with an object. */
export interface OutcomeCount {
  readonly outcome: Outcome | "duplicate"
  readonly n: number
  readonly pointed: number
  readonly objects: number
}

const needsOf = (counts: ReadonlyArray<OutcomeCount>): Needs => {
  const sum = (outcomes: ReadonlyArray<Outcome>, what: "n" | "pointed" | "objects") =>
    counts.reduce((total, count) => (outcomes.some((o) => o === count.outcome) ? total + count[what] : total), 0)
  return {
    made: sum(["created", "newVersion"], "n"),
    versions: sum(["newVersion"], "n"),
    left: sum(["created", "newVersion", "moved"], "pointed"),
    arrived: sum(["keyed", "aliased", "moved"], "n"),
    knownObjects: counts.reduce((total, { objects }) => total + objects, 0) - sum(["created", "newVersion"], "objects")
  }
}

/** Applies a decided batch inside the open transaction. Returns the keys of managed objects that are not needed. */
export const applyBatch = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables, counts: ReadonlyArray<OutcomeCount>): Promise<ReadonlyArray<string>> => {
  const needs = needsOf(counts)
  const base = await baseTime(s)
  const at = `make_timestamp(${base} + d.ord)`
  const run = text(batch.run)
  if (needs.left > 0) await releaseKeys(s, t)
  if (needs.made > 0 || needs.arrived > 0) {
    await s.run(`INSERT INTO reg.key SELECT d.key, d.target, ${at}, d.outcome, ${run} FROM ${t.decided} d
      WHERE d.outcome IN ('created', 'newVersion', 'keyed', 'aliased', 'moved')`)
  }
  if (needs.versions > 0) {
    await s.run(`UPDATE reg.artifact SET is_latest = false, updated_at = make_timestamp(${base})
      WHERE is_latest AND stem IN (SELECT p_stem FROM ${t.decided} WHERE outcome = 'newVersion')`)
  }
  if (needs.made > 0) {
    await s.run(`INSERT INTO reg.artifact
      SELECT d.target, left(d.target, 16), ${needs.versions > 0 ? "CASE WHEN d.outcome = 'newVersion' THEN d.version_seq ELSE 0 END" : "0"},
        ${needs.versions > 0 ? `d.outcome = 'created' OR d.version_seq = newest.seq` : "true"},
        d.key, NULL, d.suffix, NULL, NULL, NULL, d.size, d.hash, d.hash_type, NULL, NULL, NULL, ${run}, ${text(batch.account)}, 1, ${at}, ${at}
      FROM ${t.decided} d ${needs.versions > 0
      ? `LEFT JOIN (SELECT p_stem, max(version_seq) AS seq FROM ${t.decided} WHERE outcome = 'newVersion' GROUP BY p_stem) newest ON newest.p_stem = d.p_stem`
      : ""}
      WHERE d.outcome IN ('created', 'newVersion')${needs.versions > 0 ? " ORDER BY d.ord" : ""}`)
  }
  if (needs.left > 0 || needs.arrived > 0) await updatePrimaryKeys(s, t, base)
  if (batch.run !== null) await recordReproduced(s, `SELECT target AS uid FROM ${t.decided} WHERE outcome IN ('existing', 'keyed', 'aliased', 'moved')`, run, base)
  if (batch.inPlacePrefix !== null) {
    await recordPlaces(s, batch, t, at)
    return []
  }
  return recordObjects(s, batch, t, at, needs)
}

const LEFT = `p IS NOT NULL AND outcome IN ('created', 'newVersion', 'moved')`

const releaseKeys = async (s: DuckDbSession, t: BatchTables): Promise<void> => {
  const left = `(SELECT key FROM ${t.decided} WHERE ${LEFT})`
  await s.run(`INSERT INTO reg.key_history SELECT key, artifact, since, event, run FROM reg.key WHERE key IN ${left}`)
  await s.run(`DELETE FROM reg.key WHERE key IN ${left}`)
}

/** Artifacts that lost or gained a key: a primary key that is gone is followed by the oldest of the others. */
const updatePrimaryKeys = async (s: DuckDbSession, t: BatchTables, base: number): Promise<void> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_touched AS
    WITH u AS (SELECT p AS uid, arg_max(key, ord) AS last_left FROM ${t.decided} WHERE ${LEFT} GROUP BY p
        UNION ALL SELECT DISTINCT target, NULL FROM ${t.decided} WHERE outcome IN ('keyed', 'moved')),
      w AS (SELECT uid, max(last_left) AS last_left FROM u GROUP BY uid),
      a AS (SELECT a.uid, a.key FROM reg.artifact a SEMI JOIN w ON w.uid = a.uid),
      k AS (SELECT k.artifact, k.key, k.since FROM reg.key k SEMI JOIN w ON w.uid = k.artifact),
      c AS (SELECT a.uid, a.key AS old_key, bool_or(k.key = a.key) AS still, arg_min(k.key, (k.since, k.key)) AS oldest
        FROM a LEFT JOIN k ON k.artifact = a.uid GROUP BY a.uid, a.key)
    SELECT c.uid, CASE WHEN still THEN old_key ELSE oldest END AS new_key, w.last_left
    FROM c JOIN w ON w.uid = c.uid WHERE old_key IS DISTINCT FROM CASE WHEN still THEN old_key ELSE oldest END`)
  await s.run(`UPDATE reg.artifact a SET key = x.new_key, former_key = CASE WHEN x.new_key IS NULL THEN x.last_left END,
      updated_at = make_timestamp(${base}) FROM ${t.decided}_touched x WHERE x.uid = a.uid`)
}

/** In place: whatever became of a file, its own path is a location of the artifact it is known as, and of no other any more. */
const recordPlaces = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables, at: string): Promise<void> => {
  const root = sqlText(batch.root)
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_held AS
    SELECT l.artifact, l.object_key, l.state, l.in_place, d.target FROM reg.location l
    JOIN (SELECT object_key, target FROM ${t.decided} WHERE outcome <> 'duplicate') d ON d.object_key = l.object_key WHERE l.root = ${root}`)
  const [held] = await s.rows<{ same: number; other: number; back: number }>(`SELECT
      count(*) FILTER (WHERE artifact = target) AS same,
      count(*) FILTER (WHERE artifact <> target AND in_place AND state <> 'replaced') AS other,
      count(*) FILTER (WHERE artifact = target AND state IN ('missing', 'replaced')) AS back FROM ${t.decided}_held`)
  if (held!.other > 0) {
    await s.run(`UPDATE reg.location l SET state = 'replaced' FROM ${t.decided}_held h
      WHERE l.root = ${root} AND l.object_key = h.object_key AND l.artifact = h.artifact AND h.artifact <> h.target AND l.in_place AND l.state <> 'replaced'`)
  }
  // A damaged copy stays so until it is read and found good: an unchanged file is not opened here.
  if (held!.back > 0) {
    await s.run(`UPDATE reg.location l SET state = 'ok' FROM ${t.decided}_held h
      WHERE l.root = ${root} AND l.object_key = h.object_key AND l.artifact = h.artifact AND h.artifact = h.target AND l.state IN ('missing', 'replaced')`)
  }
  await s.run(`INSERT INTO reg.location SELECT d.target, ${root}, d.object_key, d.key <> d.object_key, true, 'ok', NULL, ${at}, NULL FROM ${t.decided} d
    ${held!.same > 0 ? `ANTI JOIN (SELECT object_key FROM ${t.decided}_held WHERE artifact = target) h ON h.object_key = d.object_key` : ""}
    WHERE d.outcome <> 'duplicate'${held!.same > 0 ? " ORDER BY d.ord" : ""}`)
}

/** Managed: an object belongs to the artifact it made, or to a known one that has no good copy left. The rest are superfluous. */
const recordObjects = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables, at: string, needs: Needs): Promise<ReadonlyArray<string>> => {
  const root = sqlText(batch.root)
  const insert = (which: string) => s.run(`INSERT INTO reg.location
    SELECT d.target, ${root}, coalesce(d.place, d.object_key), coalesce(d.place, d.object_key) <> d.key, false, 'ok', NULL, ${at}, NULL
    FROM ${t.decided} d ${which}`)
  if (needs.made > 0) await insert("WHERE d.outcome IN ('created', 'newVersion')")
  if (needs.knownObjects === 0) return []
  const unused = `(SELECT ord, target, outcome, object_key FROM ${t.decided} WHERE outcome NOT IN ('created', 'newVersion') AND object_key IS NOT NULL)`
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_new AS
    WITH u AS (SELECT ord, target FROM ${unused} WHERE outcome <> 'duplicate'),
      good AS (SELECT DISTINCT l.artifact FROM reg.location l SEMI JOIN u ON u.target = l.artifact WHERE l.state = 'ok')
    SELECT min(u.ord) AS ord FROM u ANTI JOIN good ON good.artifact = u.target GROUP BY u.target`)
  await insert(`SEMI JOIN ${t.decided}_new n ON n.ord = d.ord`)
  const left = await s.rows<{ object_key: string }>(`SELECT DISTINCT u.object_key FROM ${unused} u
    ANTI JOIN (SELECT object_key FROM reg.location WHERE root = ${root}) l ON l.object_key = u.object_key`)
  return left.map((row) => row.object_key)
}
