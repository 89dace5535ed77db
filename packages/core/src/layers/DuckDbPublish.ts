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
import { BASE62, randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import { OUTCOMES, type Outcome } from "../domain/SaveDecision.ts"
import type { PublishedBatch, PublishedItem, Relocation, StagedBatch } from "../domain/StagedBatch.ts"
import type { RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { applyBatch } from "./DuckDbPublishApply.ts"

/** SQL text literal. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Names of the working tables of one batch, in the in-memory database. */
export interface BatchTables {
  /** Rows as staged, with `ord`, `key` and `object_key`. */
  readonly stage: string
  /** Content rows with what the registry knows about key and content. */
  readonly facts: string
  /** Decided rows: `ord, outcome, target, key, p, object_key, uses_object …`. */
  readonly decided: string
}

const COLUMNS = `{'status': 'VARCHAR', 'rel': 'VARCHAR', 'hash': 'VARCHAR', 'hash_type': 'VARCHAR', 'size': 'BIGINT', 'suffix': 'VARCHAR', 'uid': 'VARCHAR',
  'object_key': 'VARCHAR', 'code': 'VARCHAR', 'message': 'VARCHAR'}`

/** Version part (4 base62 characters) of a sequence number, as SQL over the column `seq`. */
export const versionPartSql = (seq: string): string =>
  [238328, 3844, 62, 1].map((unit) => `substr('${BASE62}', ((${seq}) // ${unit}) % 62 + 1, 1)`).join(" || ")

const loadStage = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const place = batch.inPlacePrefix === null ? "object_key" : `${quote(batch.inPlacePrefix)} || rel`
  const key = batch.keyPrefix.endsWith("/") || batch.keyPrefix === ""
    ? `${quote(batch.keyPrefix)} || rel`
    : `CASE WHEN rel = '' THEN ${quote(batch.keyPrefix)} ELSE ${quote(batch.keyPrefix + "/")} || rel END`
  await s.run(`CREATE OR REPLACE TABLE ${t.stage} AS
    SELECT row_number() OVER () AS ord, status, rel, hash, hash_type, size, suffix, uid, ${place} AS object_key, ${key} AS key, code, message
    FROM read_csv(${quote(batch.file)}, delim = '\t', quote = '', escape = '', comment = '', header = false, auto_detect = false,
      nullstr = '\\N', new_line = '\\n', max_line_size = 1048576, columns = ${COLUMNS})`)
}

/**
 * What the registry knows, for every content row: p, what its key points at; m, the live artifact with its content, when that is not p.
 * Empty content matches only p.
 */
const gatherFacts = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  await s.run(`CREATE OR REPLACE TABLE ${t.facts} AS
    WITH k AS (SELECT k.key, k.artifact FROM reg.key k SEMI JOIN ${t.stage} st ON st.key = k.key),
      a AS (SELECT a.uid, a.hash, a.hash_type, a.size, a.key, a.stem FROM reg.artifact a SEMI JOIN k ON k.artifact = a.uid),
      m AS (SELECT a.hash, a.hash_type, a.size, arg_min(a.uid, (a.created_at, a.uid)) AS uid FROM reg.artifact a
        SEMI JOIN (SELECT hash FROM ${t.stage} WHERE status = 'o' AND size > 0) st ON st.hash = a.hash
        WHERE a.visibility = 1 AND a.size > 0 GROUP BY ALL)
    SELECT st.ord, st.rel, st.key, st.hash, st.hash_type, st.size, st.suffix, st.uid AS candidate, st.object_key,
      a.uid AS p, coalesce(a.hash = st.hash AND a.hash_type = st.hash_type AND a.size = st.size, false) AS p_same,
      coalesce(a.key = st.key, false) AS p_primary, a.stem AS p_stem, m.uid AS m
    FROM ${t.stage} st
    LEFT JOIN k ON k.key = st.key
    LEFT JOIN a ON a.uid = k.artifact
    LEFT JOIN m ON m.hash = st.hash AND m.hash_type = st.hash_type AND m.size = st.size
    WHERE st.status = 'o'`)
  if (batch.inPlacePrefix === null) await setAsideWithoutObject(s, batch, t)
}

/** Managed rows recognised as unchanged carry no object. Where the registry needs one after all, they leave the batch and are returned for copying. */
const setAsideWithoutObject = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const known = batch.onDuplicate === "new" ? "p_same" : "(p_same OR m IS NOT NULL)"
  await s.run(`CREATE OR REPLACE TABLE ${t.facts}_aside AS
    WITH bare AS (SELECT ord, rel, ${known} AS known, CASE WHEN p_same THEN p ELSE m END AS match FROM ${t.facts} WHERE object_key IS NULL),
      good AS (SELECT DISTINCT l.artifact FROM reg.location l SEMI JOIN bare b ON b.match = l.artifact WHERE l.state = 'ok')
    SELECT bare.ord, bare.rel FROM bare LEFT JOIN good ON good.artifact = bare.match WHERE NOT bare.known OR good.artifact IS NULL`)
  await s.run(`DELETE FROM ${t.facts} WHERE ord IN (SELECT ord FROM ${t.facts}_aside)`)
}

/** Decides every row. Adds target (the uid the content is known as from now on), and the event of the key where it changes hands. */
const decide = async (s: DuckDbSession, batch: StagedBatch, t: BatchTables): Promise<void> => {
  const policy = batch.onDuplicate
  // Rows of one new content: the first creates, the others meet it. Under policy `new` and for empty content each stands alone.
  const alone = policy === "new" ? "true" : "size = 0"
  await s.run(`CREATE OR REPLACE TABLE ${t.decided}_1 AS
    SELECT *, CASE WHEN p_same THEN 'same' WHEN ${alone} OR (m IS NULL AND ord = first_ord) THEN 'unknown' ELSE 'known' END AS content,
      CASE WHEN m IS NULL AND NOT p_same AND NOT (${alone}) THEN first_ord END AS met_ord
    FROM (SELECT *, min(ord) FILTER (WHERE NOT p_same) OVER (PARTITION BY hash, hash_type, size) AS first_ord FROM ${t.facts})`)
  const leaves = policy === "alias" ? "content <> 'same'" : "content = 'unknown'"
  // The moment a key leaves the artifact it points at is the number of its row.
  const busy = await s.rows<{ n: number; shared: number; news: number; known: number }>(`SELECT
      count(*) FILTER (WHERE p IS NOT NULL AND ${leaves}) AS n,
      count(*) FILTER (WHERE p IS NOT NULL AND ${leaves}) - count(DISTINCT p) FILTER (WHERE p IS NOT NULL AND ${leaves}) AS shared,
      count(*) FILTER (WHERE content = 'unknown') AS news, count(*) FILTER (WHERE content = 'known') AS known
    FROM ${t.decided}_1`)
  const { known, n, shared } = busy[0]!
  await s.run(`CREATE OR REPLACE TABLE ${t.decided}_leaving AS
    SELECT ord, key, p FROM ${t.decided}_1 WHERE p IS NOT NULL AND ${leaves}`)
  // Primary when it leaves: every key that comes before it in the artifact's order (primary first, then by age) has left earlier.
  if (shared > 0) {
    await s.run(`CREATE OR REPLACE TABLE ${t.decided}_primary AS
      WITH several AS (SELECT p FROM ${t.decided}_leaving GROUP BY p HAVING count(*) > 1),
        ordered AS (
          SELECT k.artifact AS p, k.key, l.ord, max(coalesce(l.ord, 9223372036854775807)) OVER (
            PARTITION BY k.artifact ORDER BY (a.key = k.key) DESC NULLS LAST, k.since, k.key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM reg.key k SEMI JOIN several ON several.p = k.artifact
          JOIN (SELECT uid, key FROM reg.artifact SEMI JOIN several ON several.p = uid) a ON a.uid = k.artifact
          LEFT JOIN ${t.decided}_leaving l ON l.key = k.key)
      SELECT ord, ord > coalesce(before, -1) AS was_primary FROM ordered WHERE ord IS NOT NULL`)
  }
  const wasPrimary = shared > 0 ? "coalesce(pr.was_primary, d.p_primary)" : "d.p_primary"
  const joinPrimary = shared > 0 ? `LEFT JOIN ${t.decided}_primary pr ON pr.ord = d.ord` : ""
  // New versions count on from the newest of their family, in row order.
  await s.run(`CREATE OR REPLACE TABLE ${t.decided}_2 AS
    WITH d AS (SELECT d.*, d.content = 'unknown' AND d.p IS NOT NULL AND ${wasPrimary} AS is_version FROM ${t.decided}_1 d ${joinPrimary}),
      families AS (SELECT a.stem, max(a.seq) AS seq FROM reg.artifact a SEMI JOIN (SELECT p_stem FROM d WHERE is_version) v ON v.p_stem = a.stem GROUP BY a.stem)
    SELECT d.* EXCLUDE (first_ord), f.seq + row_number() OVER (PARTITION BY d.is_version, d.p_stem ORDER BY d.ord) AS version_seq
    FROM d LEFT JOIN families f ON d.is_version AND f.stem = d.p_stem`)
  await s.run(`CREATE OR REPLACE TABLE ${t.decided}_3 AS
    SELECT *, CASE WHEN content <> 'unknown' THEN NULL WHEN is_version THEN p_stem || ${versionPartSql("version_seq")} ELSE candidate END AS made
    FROM ${t.decided}_2`)
  // Which artifact a known content is, and whether that artifact has a key at that moment.
  const keyless = known > 0 ? await gatherKeyless(s, t, n > 0) : false
  const keylessAt = keyless ? `CASE WHEN x.m IS NOT NULL AND x.ord > kl.since_ord THEN true ELSE false END` : "false"
  const joinKeyless = keyless ? `LEFT JOIN ${t.decided}_keyless kl ON kl.uid = x.m` : ""
  // The first to arrive at a keyless artifact gives it its key: of all arrivals under `alias`, of those with a free key under `reuse`.
  const eligible = policy === "reuse" ? "was_keyless AND p IS NULL" : "true"
  const outcome = {
    alias: `CASE WHEN p IS NOT NULL THEN 'moved' WHEN was_keyless AND arrival = 1 THEN 'keyed' ELSE 'aliased' END`,
    reuse: `CASE WHEN was_keyless AND p IS NULL AND arrival = 1 THEN 'keyed' ELSE 'existing' END`,
    new: "'existing'",
    error: "'duplicate'"
  }[policy]
  await s.run(`CREATE OR REPLACE TABLE ${t.decided} AS
    WITH x AS (SELECT d.*, CASE d.content WHEN 'same' THEN d.p WHEN 'unknown' THEN d.made ELSE coalesce(d.m, first.made) END AS target
        FROM ${t.decided}_3 d LEFT JOIN (SELECT ord, made FROM ${t.decided}_3 WHERE made IS NOT NULL) first ON first.ord = d.met_ord AND d.content = 'known'),
      y AS (SELECT x.*, ${keylessAt} AS was_keyless FROM x ${joinKeyless}),
      z AS (SELECT y.*, sum(CASE WHEN content = 'known' AND (${eligible}) THEN 1 ELSE 0 END) OVER (
          PARTITION BY target ORDER BY ord ROWS UNBOUNDED PRECEDING) AS arrival FROM y)
    SELECT ord, rel, key, hash, hash_type, size, suffix, object_key, p, p_stem, target, version_seq,
      CASE content WHEN 'same' THEN 'existing' WHEN 'unknown' THEN CASE WHEN is_version THEN 'newVersion' ELSE 'created' END ELSE ${outcome} END AS outcome
    FROM z`)
}

/**
 * From which row on each matched artifact has no key: from the start when it has none, after the last of its keys has left when all leave.
 * Returns whether there is any.
 */
const gatherKeyless = async (s: DuckDbSession, t: BatchTables, someLeave: boolean): Promise<boolean> => {
  const leaving = someLeave
    ? `UNION ALL SELECT l.p AS uid, max(l.ord) AS since_ord FROM ${t.decided}_leaving l SEMI JOIN matched ON matched.uid = l.p
        GROUP BY l.p HAVING count(*) = (SELECT count(*) FROM reg.key k WHERE k.artifact = l.p)`
    : ""
  await s.run(`CREATE OR REPLACE TABLE ${t.decided}_keyless AS
    WITH matched AS (SELECT DISTINCT m AS uid FROM ${t.decided}_3 WHERE content = 'known' AND m IS NOT NULL)
    SELECT a.uid, 0 AS since_ord FROM reg.artifact a SEMI JOIN matched ON matched.uid = a.uid WHERE a.key IS NULL ${leaving}`)
  return (await s.rows<{ n: number }>(`SELECT count(*) AS n FROM ${t.decided}_keyless`))[0]!.n > 0
}

const countOutcomes = async (s: DuckDbSession, t: BatchTables): Promise<Record<Outcome, number>> => {
  const counts = Object.fromEntries(OUTCOMES.map((o) => [o, 0])) as Record<Outcome, number>
  for (const row of await s.rows<{ outcome: Outcome; n: number }>(`SELECT outcome, count(*) AS n FROM ${t.decided} WHERE outcome <> 'duplicate' GROUP BY outcome`)) {
    counts[row.outcome] = row.n
  }
  return counts
}

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

/** Publishes a batch; see `ports/Registry`. */
export const publish = (client: DuckDbClient["Service"]) => (batch: StagedBatch): Effect.Effect<PublishedBatch, RegistryError> =>
  Effect.gen(function*() {
    const name = `batch_${randomBase62(UID_LENGTH.run)}`
    const t: BatchTables = { stage: `${name}_stage`, facts: `${name}_facts`, decided: `${name}_decided` }
    yield* client.staging((s) => loadStage(s, batch, t))
    const resolve = async (s: DuckDbSession): Promise<PublishedBatch> => {
      await gatherFacts(s, batch, t)
      await decide(s, batch, t)
      let superfluous: ReadonlyArray<string> = []
      if (!batch.dryRun) {
        if (batch.relocate !== null) {
          const moves = await relocations(s, t)
          if (moves.length > 0) {
            const places = await batch.relocate(moves)
            await s.run(`CREATE OR REPLACE TABLE ${t.decided}_places AS SELECT unnest($1::BIGINT[]) AS ord, unnest($2::VARCHAR[]) AS place`, [
              moves.map((m) => m.ord), places
            ])
            await s.run(`UPDATE ${t.decided} d SET object_key = r.place FROM ${t.decided}_places r WHERE r.ord = d.ord`)
          }
        }
        superfluous = await applyBatch(s, batch, t)
      }
      const managed = batch.inPlacePrefix === null
      return {
        counts: await countOutcomes(s, t),
        duplicates: batch.onDuplicate === "error"
          ? await s.rows(`SELECT rel, target AS uid FROM ${t.decided} WHERE outcome = 'duplicate' ORDER BY ord`)
          : [],
        superfluous,
        needContent: managed ? (await s.rows<{ rel: string }>(`SELECT rel FROM ${t.facts}_aside ORDER BY ord`)).map((r) => r.rel) : [],
        items: batch.wantItems ? await listItems(s, t, managed) : []
      }
    }
    const drop = client.staging(async (s) => {
      for (const table of Object.values(t)) {
        for (const part of ["", "_aside", "_1", "_2", "_3", "_leaving", "_primary", "_keyless", "_places", "_new", "_touched", "_held"]) {
          await s.run(`DROP TABLE IF EXISTS ${table}${part}`)
        }
      }
    })
    return yield* Effect.ensuring(batch.dryRun ? client.read(resolve) : client.write(resolve), Effect.ignore(drop))
  })
