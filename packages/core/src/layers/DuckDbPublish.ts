/**
 * Publishing a staged batch: the decision table of `domain/SaveDecision`, set-based, in one short transaction.
 *
 * The rows of a batch are saves one after the other, and must come out as if they were. Two facts make that possible without going row by row:
 * keys are distinct within a batch, so each row alone decides what its key points at; and the only thing rows can change for one another is an
 * artifact losing or gaining keys. When it happens is known beforehand: a row whose key leaves an artifact leaves it at the row's number, whatever else
 * the row does. So "was it the primary key at that moment" is a running maximum over the artifact's keys, and "had the artifact a key at that moment" a
 * comparison with the last of them to leave.
 */
import { Effect } from "effect"
import { unlinkSync, writeFileSync } from "node:fs"
import { BASE62, randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import { OUTCOMES, type Outcome } from "../domain/SaveDecision.ts"
import type { PublishedBatch, PublishedItem, Relocation, StagedBatch } from "../domain/StagedBatch.ts"
import type { RegistryError } from "../ports/Registry.ts"
import type { BatchTables } from "./DuckDbBatchTables.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { sqlText } from "./DuckDbMigrations.ts"
import { applyBatch, type OutcomeCount } from "./DuckDbPublishApply.ts"
import { RETIRED_VERSIONS } from "./DuckDbRetired.ts"

const COLUMNS = `{'status': 'VARCHAR', 'rel': 'VARCHAR', 'hash': 'VARCHAR', 'hash_type': 'VARCHAR', 'size': 'BIGINT', 'suffix': 'VARCHAR', 'uid': 'VARCHAR',
  'object_key': 'VARCHAR', 'code': 'VARCHAR', 'message': 'VARCHAR'}`

/** Version part (4 base62 characters) of a sequence number, as SQL over the column `seq`. */
export const versionPartSql = (seq: string): string =>
  [238328, 3844, 62, 1].map((unit) => `substr('${BASE62}', ((${seq}) // ${unit}) % 62 + 1, 1)`).join(" || ")

const loadStage = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const place = batch.inPlacePrefix === null ? "object_key" : `${sqlText(batch.inPlacePrefix)} || rel`
  const key = batch.keyPrefix.endsWith("/") || batch.keyPrefix === ""
    ? `${sqlText(batch.keyPrefix)} || rel`
    : `CASE WHEN rel = '' THEN ${sqlText(batch.keyPrefix)} ELSE ${sqlText(batch.keyPrefix + "/")} || rel END`
  await s.run(`CREATE OR REPLACE TABLE ${t.stage} AS
    SELECT row_number() OVER () AS ord, status, rel, hash, hash_type, size, suffix, uid, ${place} AS object_key, ${key} AS key, code, message
    FROM read_csv(${sqlText(batch.file)}, delim = '\t', quote = '', escape = '', comment = '', header = false, auto_detect = false,
      nullstr = '\\N', new_line = '\\n', max_line_size = 65536, buffer_size = 2097152, columns = ${COLUMNS})`)
}

/**
 * What the registry knows about the keys and contents of the rows: p, what the key points at; m, the oldest live artifact with the content, for rows
 * whose key does not point at it already. Empty content matches only p. Returns whether rows were set aside because their content has to be copied.
 */
const gatherFacts = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<boolean> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.facts}_key AS
    WITH k AS (SELECT st.ord, st.key, st.hash, st.hash_type, st.size, k.artifact FROM reg.key k JOIN ${t.stage} st ON st.key = k.key WHERE st.status = 'o')
    SELECT k.ord, a.uid AS p, a.stem AS p_stem, coalesce(a.key = k.key, false) AS p_primary, a.hash = k.hash AND a.hash_type = k.hash_type AND a.size = k.size AS p_same
    FROM reg.artifact a JOIN k ON k.artifact = a.uid`)
  const others = `(SELECT st.* FROM ${t.stage} st LEFT JOIN ${t.facts}_key k ON k.ord = st.ord WHERE st.status = 'o' AND st.size > 0 AND NOT coalesce(k.p_same, false))`
  const [staged] = await s.rows<{ n: number; bare: number; same: number }>(`SELECT count(*) AS n, count(*) FILTER (object_key IS NULL) AS bare,
      (SELECT count(*) FROM ${t.facts}_key WHERE p_same) AS same FROM ${t.stage} WHERE status = 'o'`)
  const { bare, n, same } = staged!
  if (n > same) {
    await s.run(`CREATE OR REPLACE TEMP TABLE ${t.facts}_content AS
      WITH x AS (SELECT ord, hash, hash_type, size FROM ${others}),
        a AS (SELECT a.uid, a.hash, a.hash_type, a.size, a.created_at FROM reg.artifact a SEMI JOIN x ON x.hash = a.hash WHERE a.visibility = 1),
        m AS (SELECT hash, hash_type, size, arg_min(uid, (created_at, uid)) AS uid FROM a GROUP BY ALL)
      SELECT x.ord, m.uid AS m FROM x JOIN m ON m.hash = x.hash AND m.hash_type = x.hash_type AND m.size = x.size`)
  }
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.facts} AS
    SELECT st.ord, k.p, k.p_stem, coalesce(k.p_primary, false) AS p_primary, coalesce(k.p_same, false) AS p_same, ${n > same ? "c.m" : "NULL::VARCHAR AS m"}
    FROM ${t.stage} st LEFT JOIN ${t.facts}_key k ON k.ord = st.ord ${n > same ? `LEFT JOIN ${t.facts}_content c ON c.ord = st.ord` : ""}
    WHERE st.status = 'o'`)
  if (bare === 0 || !copiesObjects(batch)) return false
  await setAsideWithoutObject(s, batch, t)
  return true
}

/** Rows stand for objects that were copied, or can be; a dry run copies nothing and decides as if it had. */
const copiesObjects = (batch: StagedBatch): boolean => batch.inPlacePrefix === null && !batch.dryRun

/** Managed rows recognised as unchanged carry no object. Where the registry needs one after all, they leave the batch and are returned for copying. */
const setAsideWithoutObject = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const known = batch.onDuplicate === "new" ? "p_same" : "(p_same OR m IS NOT NULL)"
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.facts}_aside AS
    WITH bare AS (SELECT f.ord, ${known} AS known, CASE WHEN p_same THEN p ELSE m END AS match FROM ${t.facts} f JOIN ${t.stage} st ON st.ord = f.ord WHERE st.object_key IS NULL),
      good AS (SELECT DISTINCT l.artifact FROM reg.location l SEMI JOIN bare b ON b.match = l.artifact WHERE l.state = 'ok')
    SELECT bare.ord FROM bare LEFT JOIN good ON good.artifact = bare.match WHERE NOT bare.known OR good.artifact IS NULL`)
  await s.run(`DELETE FROM ${t.facts} WHERE ord IN (SELECT ord FROM ${t.facts}_aside)`)
}

/** How many rows of a batch are of each kind; steps that no row needs are left out, so that a batch of one kind costs little. */
interface Kinds {
  /** Rows whose key leaves the artifact it points at. */
  readonly leaving: number
  /** Of those, how many leave an artifact that another row leaves too. */
  readonly together: number
  /** Rows whose content is known, and of those the ones that meet a row of this batch. */
  readonly known: number
  readonly met: number
}

/**
 * Decides every row. In the result `target` is the uid the content is known as from now on.
 *
 * Content is `same` when the key points at it already, `unknown` when an artifact has to be made (of several rows with one new content the first makes
 * it), and `known` otherwise.
 */
const decide = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const policy = batch.onDuplicate
  const alone = policy === "new" ? "true" : "st.size = 0"
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_1 AS
    WITH x AS (SELECT f.*, st.hash, st.hash_type, st.size, ${alone} AS alone FROM ${t.facts} f JOIN ${t.stage} st ON st.ord = f.ord),
      first AS (SELECT hash, hash_type, size, min(ord) AS ord FROM x WHERE NOT p_same AND m IS NULL AND NOT alone GROUP BY ALL HAVING count(*) > 1)
    SELECT x.ord, x.p, x.p_primary, x.p_stem, x.m,
      CASE WHEN x.p_same THEN 'same' WHEN x.alone OR (x.m IS NULL AND coalesce(x.ord = first.ord, true)) THEN 'unknown' ELSE 'known' END AS content,
      CASE WHEN x.m IS NULL AND NOT x.p_same AND NOT x.alone AND x.ord <> first.ord THEN first.ord END AS met
    FROM x LEFT JOIN first ON first.hash = x.hash AND first.hash_type = x.hash_type AND first.size = x.size`)
  const leaves = `p IS NOT NULL AND ${policy === "alias" ? "content <> 'same'" : "content = 'unknown'"}`
  const [kinds] = await s.rows<Kinds>(`SELECT count(*) FILTER (WHERE ${leaves}) AS leaving,
      count(*) FILTER (WHERE ${leaves}) - count(DISTINCT p) FILTER (WHERE ${leaves}) AS together,
      count(*) FILTER (WHERE content = 'known') AS known, count(met) AS met
    FROM ${t.decided}_1`)
  const { known, leaving, met, together } = kinds!
  if (leaving > 0) {
    await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_leaving AS
      SELECT x.ord, st.key, x.p FROM ${t.decided}_1 x JOIN ${t.stage} st ON st.ord = x.ord WHERE ${leaves}`)
    await numberVersions(s, t, together > 0)
  }
  const version = leaving > 0 ? `LEFT JOIN ${t.decided}_versions v ON v.ord = x.ord` : ""
  const made = leaving > 0 ? "coalesce(v.uid, st.uid)" : "st.uid"
  const keyless = known > 0 && (policy === "alias" || policy === "reuse") && await giveKeys(s, t, policy, leaving > 0)
  const keyed = keyless ? "k.ord IS NOT NULL" : "false"
  const outcome = {
    alias: `CASE WHEN x.p IS NOT NULL THEN 'moved' WHEN ${keyed} THEN 'keyed' ELSE 'aliased' END`,
    reuse: `CASE WHEN ${keyed} THEN 'keyed' ELSE 'existing' END`,
    new: "'existing'",
    error: "'duplicate'"
  }[policy]
  const metMade = met > 0
    ? `LEFT JOIN (SELECT x.ord, ${made} AS uid FROM ${t.decided}_1 x JOIN ${t.stage} st ON st.ord = x.ord ${version} WHERE x.ord IN (SELECT met FROM ${t.decided}_1)) first ON first.ord = x.met`
    : ""
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided} AS
    SELECT x.ord, st.key, st.object_key, st.hash, st.hash_type, st.size, st.suffix, x.p, x.p_stem,
      ${leaving > 0 ? "v.seq" : "NULL::BIGINT"} AS version_seq, NULL::VARCHAR AS place,
      CASE x.content WHEN 'same' THEN x.p WHEN 'unknown' THEN ${made} ELSE ${met > 0 ? "coalesce(x.m, first.uid)" : "x.m"} END AS target,
      CASE x.content WHEN 'same' THEN 'existing' WHEN 'unknown' THEN ${leaving > 0 ? "CASE WHEN v.ord IS NOT NULL THEN 'newVersion' ELSE 'created' END" : "'created'"}
        ELSE ${outcome} END AS outcome
    FROM ${t.decided}_1 x JOIN ${t.stage} st ON st.ord = x.ord ${version} ${metMade} ${keyless ? `LEFT JOIN ${t.decided}_keyed k ON k.ord = x.ord` : ""}
    ORDER BY x.ord`)
}

/**
 * Rows that make a new version: unknown content under a key that is primary when its row comes. That it is when every key before it in the artifact's
 * order (primary first, then by age) has left by then. Versions count on from the newest of their family, in row order.
 */
const numberVersions = async (s: DuckDbSession, t: BatchTables, together: boolean): Promise<void> => {
  if (together) {
    await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_primary AS
      WITH several AS (SELECT p FROM ${t.decided}_leaving GROUP BY p HAVING count(*) > 1),
        ordered AS (
          SELECT l.ord, max(coalesce(l.ord, 9223372036854775807)) OVER (
            PARTITION BY k.artifact ORDER BY coalesce(a.key = k.key, false) DESC, k.since, k.key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM reg.key k SEMI JOIN several ON several.p = k.artifact
          JOIN (SELECT uid, key FROM reg.artifact SEMI JOIN several ON several.p = uid) a ON a.uid = k.artifact
          LEFT JOIN ${t.decided}_leaving l ON l.key = k.key)
      SELECT ord, ord > coalesce(before, -1) AS was_primary FROM ordered WHERE ord IS NOT NULL`)
  }
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_versions AS
    WITH x AS (SELECT d.ord, d.p_stem FROM ${t.decided}_1 d ${together ? `LEFT JOIN ${t.decided}_primary pr ON pr.ord = d.ord` : ""}
        WHERE d.content = 'unknown' AND d.p IS NOT NULL AND ${together ? "coalesce(pr.was_primary, d.p_primary)" : "d.p_primary"}),
      families AS (SELECT a.stem, max(a.seq) AS seq FROM (SELECT stem, seq FROM reg.artifact UNION ALL ${RETIRED_VERSIONS}) a SEMI JOIN x ON x.p_stem = a.stem GROUP BY a.stem),
      numbered AS (SELECT x.ord, x.p_stem, f.seq + row_number() OVER (PARTITION BY x.p_stem ORDER BY x.ord) AS seq FROM x JOIN families f ON f.stem = x.p_stem)
    SELECT ord, seq, p_stem || ${versionPartSql("seq")} AS uid FROM numbered`)
}

/**
 * Rows that give a known artifact without a key its first one: the first to arrive after its last key has left, or at all when it had none. Under
 * `alias` every row of its content arrives, under `reuse` only one with a free key. Returns whether there can be any.
 */
const giveKeys = async (s: DuckDbSession, t: BatchTables, policy: "alias" | "reuse", someLeave: boolean): Promise<boolean> => {
  const allLeave = someLeave
    ? `UNION ALL SELECT l.p AS uid, max(l.ord) AS since_ord FROM ${t.decided}_leaving l SEMI JOIN matched ON matched.uid = l.p
        JOIN (SELECT k.artifact, count(*) AS n FROM reg.key k SEMI JOIN matched ON matched.uid = k.artifact GROUP BY k.artifact) c ON c.artifact = l.p
        GROUP BY l.p, c.n HAVING count(*) = c.n`
    : ""
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_keyless AS
    WITH matched AS (SELECT DISTINCT m AS uid FROM ${t.decided}_1 WHERE content = 'known' AND m IS NOT NULL)
    SELECT a.uid, 0 AS since_ord FROM reg.artifact a SEMI JOIN matched ON matched.uid = a.uid WHERE a.key IS NULL ${allLeave}`)
  const [some] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM ${t.decided}_keyless`)
  if (some!.n === 0) return false
  const arrives = policy === "alias" ? "true" : "d.p IS NULL AND d.ord > k.since_ord"
  await s.run(`CREATE OR REPLACE TEMP TABLE ${t.decided}_keyed AS
    SELECT ord FROM (SELECT d.ord, k.since_ord, min(d.ord) OVER (PARTITION BY d.m) AS first_ord
      FROM ${t.decided}_1 d JOIN ${t.decided}_keyless k ON k.uid = d.m WHERE d.content = 'known' AND ${arrives})
    WHERE ord = first_ord AND ord > since_ord`)
  return true
}

const countOutcomes = (s: DuckDbSession, t: BatchTables): Promise<ReadonlyArray<OutcomeCount>> =>
  s.rows(`SELECT outcome, count(*) AS n, count(p) AS pointed, count(object_key) AS objects FROM ${t.decided} GROUP BY outcome`)

const listItems = (s: DuckDbSession, t: BatchTables, aside: boolean): Promise<ReadonlyArray<PublishedItem>> =>
  s.rows<PublishedItem>(`SELECT st.rel, CASE st.status WHEN 'f' THEN 'failed' WHEN 's' THEN 'skipped' ELSE replace(d.outcome, 'duplicate', 'failed') END AS outcome,
      CASE WHEN st.status = 'o' THEN st.key END AS key, d.target AS uid, st.hash, st.size,
      CASE WHEN d.outcome = 'duplicate' THEN 'DuplicateContent' ELSE st.code END AS code,
      CASE WHEN d.outcome = 'duplicate' THEN 'the content is already registered as artifact ' || d.target ELSE st.message END AS message
    FROM ${t.stage} st LEFT JOIN ${t.decided} d ON d.ord = st.ord
    ${aside ? `WHERE st.ord NOT IN (SELECT ord FROM ${t.facts}_aside)` : ""} ORDER BY st.ord`)

/** New versions of managed objects, which belong where their final uid says. */
const relocations = (s: DuckDbSession, t: BatchTables): Promise<ReadonlyArray<Relocation & { readonly ord: number }>> =>
  s.rows(`SELECT ord, object_key AS "from", target AS uid, suffix, hash, key FROM ${t.decided} WHERE outcome = 'newVersion' ORDER BY ord`)

/** Gives new versions of managed objects the places that the caller moves them to. The pairs travel as a file, as the rows did. */
const relocate = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  if (batch.relocate === null) return
  const moves = await relocations(s, t)
  if (moves.length === 0) return
  const places = await batch.relocate(moves)
  const file = `${batch.file}.places`
  writeFileSync(file, moves.map((move, i) => `${move.ord}\t${places[i]!}\n`).join(""))
  try {
    await s.run(`UPDATE ${t.decided} d SET place = r.place FROM read_csv(${sqlText(file)}, delim = '\t', quote = '', escape = '', comment = '', header = false,
      auto_detect = false, new_line = '\\n', columns = {'ord': 'BIGINT', 'place': 'VARCHAR'}) r WHERE r.ord = d.ord`)
  } finally {
    unlinkSync(file)
  }
}

/** Temporary tables belong to their connection, so their names need not differ between batches. */
const TEMPORARY = ["batch_facts", "batch_facts_key", "batch_facts_content", "batch_facts_aside", ...["", "_1", "_leaving", "_primary", "_versions", "_keyless", "_keyed", "_touched", "_held", "_new"].map((part) => `batch_decided${part}`)]

/** Publishes a batch; see `ports/Registry`. */
export const publish = (client: DuckDbClient["Service"]) => (batch: StagedBatch): Effect.Effect<PublishedBatch, RegistryError> =>
  Effect.gen(function*() {
    const t: BatchTables = { stage: `stage_${randomBase62(UID_LENGTH.run)}`, facts: "batch_facts", decided: "batch_decided" }
    yield* client.staging((s) => loadStage(s, batch, t))
    const resolve = async (s: DuckDbSession): Promise<PublishedBatch> => {
      const setAside = await gatherFacts(s, batch, t)
      await decide(s, batch, t)
      if (!batch.dryRun) await relocate(s, batch, t)
      const counts = await countOutcomes(s, t)
      const superfluous = batch.dryRun ? [] : await applyBatch(s, batch, t, counts)
      const countOf = (outcome: Outcome): number => counts.find((count) => count.outcome === outcome)?.n ?? 0
      const published: PublishedBatch = {
        counts: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, countOf(outcome)])) as Record<Outcome, number>,
        duplicates: batch.onDuplicate === "error"
          ? await s.rows(`SELECT st.rel, d.target AS uid FROM ${t.decided} d JOIN ${t.stage} st ON st.ord = d.ord WHERE d.outcome = 'duplicate' ORDER BY d.ord`)
          : [],
        superfluous,
        needContent: setAside ? (await s.rows<{ rel: string }>(`SELECT st.rel FROM ${t.facts}_aside a JOIN ${t.stage} st ON st.ord = a.ord ORDER BY a.ord`)).map((r) => r.rel) : [],
        items: batch.wantItems ? await listItems(s, t, setAside) : []
      }
      for (const table of TEMPORARY) await s.run(`DROP TABLE IF EXISTS temp.${table}`)
      return published
    }
    return yield* Effect.ensuring(
      batch.dryRun ? client.read(resolve) : client.write(resolve),
      Effect.ignore(client.staging((s) => s.run(`DROP TABLE IF EXISTS ${t.stage}`)))
    )
  })
