/**
 * Version numbers that are not given out again. A family whose newest version was deleted for good counts on behind it, because a uid means one content for
 * ever; the number stands in `meta`, since the row that had it is gone.
 */
import type { DuckDbSession } from "./DuckDbClient.ts"
import { oneOf } from "./DuckDbRows.ts"

const NAME = "newest version of "

/** A select of `stem` and `seq`: the newest number of families whose newest version was deleted. */
export const RETIRED_VERSIONS = `SELECT substr(name, ${NAME.length + 1}) AS stem, try_cast(value AS INTEGER) AS seq FROM reg.meta WHERE starts_with(name, '${NAME}')`

/** The same for some families. */
export const retiredVersions = (s: DuckDbSession, stems: ReadonlyArray<string>): Promise<ReadonlyArray<{ readonly stem: string; readonly seq: number }>> => {
  const [condition, param] = oneOf("stem", stems)
  return s.rows(`SELECT stem, seq FROM (${RETIRED_VERSIONS}) WHERE ${condition}`, [param])
}

/** Deletes artifacts by means of `remove`, and remembers the numbers of their families. `planned` is a table of artifacts with a `stem`. */
export const retiring = async (s: DuckDbSession, planned: string, remove: () => Promise<void>): Promise<void> => {
  await s.run(`CREATE OR REPLACE TEMP TABLE retired_versions AS SELECT f.stem, max(f.seq) AS seq
    FROM (SELECT stem, seq FROM reg.artifact UNION ALL ${RETIRED_VERSIONS}) f SEMI JOIN ${planned} p ON p.stem = f.stem GROUP BY f.stem`)
  await remove()
  await s.run(`DELETE FROM reg.meta WHERE name IN (SELECT '${NAME}' || stem FROM retired_versions)`)
  // Of a family that is gone altogether no version can come any more.
  await s.run(`INSERT INTO reg.meta SELECT '${NAME}' || r.stem, r.seq::VARCHAR FROM retired_versions r
    JOIN (SELECT stem, max(seq) AS seq FROM reg.artifact GROUP BY stem) a ON a.stem = r.stem WHERE a.seq < r.seq`)
  await s.run(`DROP TABLE temp.retired_versions`)
}
