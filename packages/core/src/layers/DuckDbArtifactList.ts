/**
 * Lists of artifacts as tables of DuckDB.
 */
import type { ArtifactList } from "../domain/ArtifactList.ts"
import { NotFound } from "../domain/SheafError.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { sqlText } from "./DuckDbMigrations.ts"

const TABLE = "temp.listed_artifacts"

/**
 * Runs with a temporary table of a list: `artifact` and `position`, which counts on from one artifact to the next but not by ones. Each artifact is there
 * once. One that is not live is `NotFound`.
 */
export const withArtifacts = async <A>(s: DuckDbSession, list: ArtifactList, use: (table: string) => Promise<A>): Promise<A> => {
  try {
    await s.run(`CREATE OR REPLACE TEMP TABLE listed_artifacts AS SELECT artifact, min(position) AS position FROM (${rowsOf(list)}) GROUP BY artifact`,
      "uids" in list ? [list.uids] : [])
    const [unknown] = await s.rows<{ uid: string }>(`SELECT artifact AS uid FROM ${TABLE} t ANTI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = t.artifact
      ORDER BY position LIMIT 1`)
    if (unknown !== undefined) throw new NotFound({ what: "artifact", reference: unknown.uid, near: [] })
    return await use(TABLE)
  } finally {
    await s.run(`DROP TABLE IF EXISTS ${TABLE}`).catch(() => undefined)
  }
}

const rowsOf = (list: ArtifactList): string =>
  "uids" in list
    ? `SELECT unnest(uids) AS artifact, unnest(range(len(uids))) AS position FROM (SELECT $1::VARCHAR[] AS uids)`
    : `SELECT uid AS artifact, row_number() OVER (ORDER BY number, path) AS position
        FROM read_csv(${sqlText(list.file)}, delim = '\t', quote = '', escape = '', comment = '', header = false, auto_detect = false, new_line = '\\n',
          max_line_size = 65536, buffer_size = 2097152, columns = {'number': 'INTEGER', 'path': 'VARCHAR', 'uid': 'VARCHAR'})`
