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

const count = async (s: DuckDbSession, root: string, filter: Filter): Promise<{ readonly copies: number; readonly replaced: number }> => {
  const [counted] = await s.rows<{ copies: number; replaced: number }>(`SELECT count(*) FILTER (state <> 'replaced') AS copies, count(*) FILTER (state = 'replaced') AS replaced
    FROM (SELECT l.artifact, l.state FROM ${locationsOf(root, filter)}) c SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = c.artifact`)
  return counted!
}

const list = async (
  s: DuckDbSession,
  root: string,
  filter: Filter,
  { after, file, limit }: { readonly after: CopyPosition | null; readonly limit: number; readonly file: string }
): Promise<ListedPart> => {
  const [place, uid] = after === null ? [] : [sqlText(after.objectKey), sqlText(after.uid)]
  const rest = after === null ? "" : `AND l.object_key >= ${place} AND (l.object_key > ${place} OR l.artifact > ${uid})`
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

const record = (s: DuckDbSession, root: string, file: string, from: number, to: number, findings: ReadonlyArray<ListedFinding>): Promise<void> =>
  s.run(`UPDATE reg.location SET state = x.found, verified_at = make_timestamp(${Date.now() * 1000})
    FROM (SELECT c.object_key AS place, c.uid, coalesce(f.state, 'ok') AS found
      FROM (SELECT object_key, uid, row_number() OVER () - 1 AS line FROM read_csv(${sqlText(file)}, delim = '\t', quote = '', escape = '', comment = '', header = false,
        auto_detect = false, new_line = '\\n', max_line_size = 65536, buffer_size = 2097152,
        columns = {'object_key': 'VARCHAR', 'size': 'BIGINT', 'hash_type': 'VARCHAR', 'hash': 'VARCHAR', 'uid': 'VARCHAR'})) c
      LEFT JOIN ${recordsTable({ line: "BIGINT", state: "VARCHAR" })} f ON f.line = c.line
      WHERE c.line >= ${from} AND c.line < ${to} AND (f.line IS NULL OR f.state IS NOT NULL)) x
    WHERE artifact = x.uid AND root = ${sqlText(root)} AND object_key = x.place AND location.state <> 'replaced'`, [recordsParam(findings)])
