/**
 * Lists of copies from the DuckDB registry, which writes and reads such files by itself: many times as fast as a record at a time through the binding.
 */
import { Effect, Layer } from "effect"
import { CopyLedger, type CopyPosition, type ListedFinding, type ListedPart } from "../ports/CopyLedger.ts"
import type { CopyFilter } from "../ports/Registry.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { sqlText } from "./DuckDbMigrations.ts"
import { recordsParam, recordsTable } from "./DuckDbRows.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<CopyLedger, never, DuckDbClient> = Layer.effect(
  CopyLedger,
  Effect.map(DuckDbClient, (client) =>
    CopyLedger.of({
      count: (root, filter) => client.read((s) => count(s, root, filter)),
      list: (root, filter, part) => client.read((s) => list(s, root, filter, part)),
      record: ({ file, root }, { findings, from, to }) => (from === to ? Effect.void : client.write((s) => record(s, root, file, from, to, findings)))
    }))
)

type Filter = Omit<CopyFilter, "root">

/** Of the locations alone: the artifacts are looked up for those of a part. */
const locationsOf = (root: string, filter: Filter): string => {
  const conditions = [`l.root = ${sqlText(root)}`]
  if (filter.uids !== undefined) conditions.push(`l.artifact IN (SELECT unnest([${filter.uids.map(sqlText).join(", ")}]::VARCHAR[]))`)
  if (filter.keyPrefix !== undefined && filter.keyPrefix !== "") {
    conditions.push(`l.artifact IN (SELECT artifact FROM reg.key WHERE key = ${sqlText(filter.keyPrefix)} OR starts_with(key, ${sqlText(filter.keyPrefix + "/")}))`)
  }
  if (filter.sample !== undefined) {
    const { seed, share } = filter.sample
    conditions.push(`('0x' || substr(md5(l.artifact || ${sqlText(seed)}), 1, 8))::BIGINT < ${Math.round(share * 2 ** 32)}`)
  }
  return `reg.location l WHERE ${conditions.join(" AND ")}`
}

/** Whether there are folders, whose files are copies each. */
const hasFolders = async (s: DuckDbSession): Promise<boolean> => (await s.rows(`SELECT 1 AS one FROM reg.member LIMIT 1`)).length > 0

/** Files at the locations `l`: the location itself, or each member of a folder. A folder's `n_files` is null for files. */
const FILES = `(SELECT l.object_key, l.artifact, a.size, a.hash_type, a.hash FROM l JOIN reg.artifact a ON a.uid = l.artifact WHERE a.visibility = 1 AND a.n_files IS NULL
  UNION ALL SELECT l.object_key || '/' || m.path, l.artifact, m.size, m.hash_type, m.hash FROM l JOIN reg.member m ON m.artifact = l.artifact
    SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = l.artifact)`

const count = async (s: DuckDbSession, root: string, filter: Filter): Promise<{ readonly copies: number; readonly replaced: number }> => {
  const [counted] = await s.rows<{ copies: number; replaced: number }>(`SELECT count(*) FILTER (state <> 'replaced') AS copies, count(*) FILTER (state = 'replaced') AS replaced
    FROM (SELECT l.artifact, l.state FROM ${locationsOf(root, filter)}) c SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = c.artifact`)
  if (!await hasFolders(s)) return counted!
  const [files] = await s.rows<{ copies: number }>(`WITH l AS (SELECT l.artifact, l.object_key FROM ${locationsOf(root, filter)} AND l.state <> 'replaced')
    SELECT count(*) AS copies FROM ${FILES} f`)
  return { copies: files!.copies, replaced: counted!.replaced }
}

const list = async (
  s: DuckDbSession,
  root: string,
  filter: Filter,
  { after, file, limit }: { readonly after: CopyPosition | null; readonly limit: number; readonly file: string }
): Promise<ListedPart> => {
  const [place, uid] = after === null ? [] : [sqlText(after.objectKey), sqlText(after.uid)]
  const rest = after === null ? "" : `AND l.object_key >= ${place} AND (l.object_key > ${place} OR l.artifact > ${uid})`
  if (await hasFolders(s)) return listFiles(s, root, filter, { after, file, limit })
  try {
    await s.run(`CREATE OR REPLACE TEMP TABLE copy_part AS SELECT l.object_key, l.artifact FROM ${locationsOf(root, filter)} AND l.state <> 'replaced' ${rest}
      ORDER BY l.object_key, l.artifact LIMIT ${limit}`)
    const [written] = await s.rows<{ Count: number }>(`COPY (SELECT p.object_key, a.size, a.hash_type, a.hash, a.uid FROM copy_part p JOIN reg.artifact a ON a.uid = p.artifact
      WHERE a.visibility = 1 ORDER BY p.object_key, a.uid) TO ${sqlText(file)} (FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER false)`)
    const [last] = await s.rows<CopyPosition & { readonly n: number }>(`SELECT object_key AS "objectKey", artifact AS uid, (SELECT count(*) FROM copy_part) AS n FROM copy_part
      ORDER BY object_key DESC, artifact DESC LIMIT 1`)
    return { copies: written!.Count, end: last === undefined || last.n < limit ? null : { objectKey: last.objectKey, uid: last.uid } }
  } finally {
    await s.run(`DROP TABLE IF EXISTS copy_part`).catch(() => undefined)
  }
}

/** As {@link list}, where some locations are folders of several files. */
const listFiles = async (
  s: DuckDbSession,
  root: string,
  filter: Filter,
  { after, file, limit }: { readonly after: CopyPosition | null; readonly limit: number; readonly file: string }
): Promise<ListedPart> => {
  const [place, uid] = after === null ? [] : [sqlText(after.objectKey), sqlText(after.uid)]
  const rest = after === null ? "" : `WHERE object_key >= ${place} AND (object_key > ${place} OR artifact > ${uid})`
  try {
    await s.run(`CREATE OR REPLACE TEMP TABLE copy_part AS WITH l AS (SELECT l.artifact, l.object_key FROM ${locationsOf(root, filter)} AND l.state <> 'replaced')
      SELECT * FROM ${FILES} f ${rest} ORDER BY object_key, artifact LIMIT ${limit}`)
    const [written] = await s.rows<{ Count: number }>(`COPY (SELECT object_key, size, hash_type, hash, artifact FROM copy_part ORDER BY object_key, artifact)
      TO ${sqlText(file)} (FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER false)`)
    const [last] = await s.rows<CopyPosition>(`SELECT object_key AS "objectKey", artifact AS uid FROM copy_part ORDER BY object_key DESC, artifact DESC LIMIT 1`)
    return { copies: written!.Count, end: last === undefined || written!.Count < limit ? null : last }
  } finally {
    await s.run(`DROP TABLE IF EXISTS copy_part`).catch(() => undefined)
  }
}

/** Lines `from` up to `to` of a list with what was found of them. */
const foundIn = (file: string, from: number, to: number): string => `(SELECT c.object_key AS place, c.uid, coalesce(f.state, 'ok') AS found
      FROM (SELECT object_key, uid, row_number() OVER () - 1 AS line FROM read_csv(${sqlText(file)}, delim = '\t', quote = '', escape = '', comment = '', header = false,
        auto_detect = false, new_line = '\\n', max_line_size = 65536, buffer_size = 2097152,
        columns = {'object_key': 'VARCHAR', 'size': 'BIGINT', 'hash_type': 'VARCHAR', 'hash': 'VARCHAR', 'uid': 'VARCHAR'})) c
      LEFT JOIN ${recordsTable({ line: "BIGINT", state: "VARCHAR" })} f ON f.line = c.line
      WHERE c.line >= ${from} AND c.line < ${to} AND (f.line IS NULL OR f.state IS NOT NULL))`

/** A folder is as good as its worst file; good again only when all of its files were looked at together. */
const recordFolders = (s: DuckDbSession, root: string, file: string, from: number, to: number, findings: ReadonlyArray<ListedFinding>): Promise<void> =>
  s.run(`UPDATE reg.location SET state = y.found, verified_at = make_timestamp(${Date.now() * 1000})
    FROM (SELECT l.artifact, l.object_key, CASE WHEN bool_or(x.found = 'damaged') THEN 'damaged' WHEN bool_or(x.found = 'missing') THEN 'missing'
        WHEN count(*) = any_value(l.n_files) THEN 'ok' END AS found
      FROM ${foundIn(file, from, to)} x
      JOIN (SELECT l.artifact, l.object_key, a.n_files, l.object_key || '/' || m.path AS place FROM reg.location l JOIN reg.artifact a ON a.uid = l.artifact
        JOIN reg.member m ON m.artifact = l.artifact WHERE l.root = ${sqlText(root)}) l ON l.artifact = x.uid AND l.place = x.place
      GROUP BY l.artifact, l.object_key) y
    WHERE location.artifact = y.artifact AND location.root = ${sqlText(root)} AND location.object_key = y.object_key AND y.found IS NOT NULL AND location.state <> 'replaced'`, [recordsParam(findings)])

const recordFiles = (s: DuckDbSession, root: string, file: string, from: number, to: number, findings: ReadonlyArray<ListedFinding>): Promise<void> =>
  s.run(`UPDATE reg.location SET state = x.found, verified_at = make_timestamp(${Date.now() * 1000}) FROM ${foundIn(file, from, to)} x
    WHERE artifact = x.uid AND root = ${sqlText(root)} AND object_key = x.place AND location.state <> 'replaced'`, [recordsParam(findings)])

const record = async (s: DuckDbSession, root: string, file: string, from: number, to: number, findings: ReadonlyArray<ListedFinding>): Promise<void> => {
  await recordFiles(s, root, file, from, to, findings)
  if (await hasFolders(s)) await recordFolders(s, root, file, from, to, findings)
}
