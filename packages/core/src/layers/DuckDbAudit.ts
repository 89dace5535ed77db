/**
 * Looks for rows that contradict one another. The tables have no keys and constraints (see `DuckDbSchema`), so the statements that write them are all
 * that keeps them consistent, and this is what checks those.
 */
import { Effect, Layer } from "effect"
import { type AuditFinding, RegistryAudit } from "../ports/RegistryAudit.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"

/** Each statement gives the offending rows by a name, `example`. */
const CHECKS: ReadonlyArray<readonly [problem: string, sql: string]> = [
  ["uids that several artifacts have", `SELECT uid AS example FROM reg.artifact GROUP BY uid HAVING count(*) > 1`],
  ["keys that are live more than once", `SELECT key AS example FROM reg.key GROUP BY key HAVING count(*) > 1`],
  ["keys that point at no live artifact", `SELECT k.key AS example FROM reg.key k
    LEFT JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = k.artifact WHERE a.uid IS NULL`],
  ["primary keys that are not live keys of their artifact", `SELECT a.key AS example FROM reg.artifact a
    LEFT JOIN reg.key k ON k.key = a.key AND k.artifact = a.uid WHERE a.key IS NOT NULL AND a.visibility = 1 AND k.key IS NULL`],
  ["artifacts with keys of which none is primary", `SELECT DISTINCT a.uid AS example FROM reg.artifact a JOIN reg.key k ON k.artifact = a.uid
    WHERE a.key IS NULL AND a.visibility = 1`],
  ["families with more than one latest version", `SELECT stem AS example FROM reg.artifact WHERE is_latest AND visibility = 1 GROUP BY stem HAVING count(*) > 1`],
  ["families without a latest version", `SELECT stem AS example FROM reg.artifact WHERE visibility = 1 GROUP BY stem HAVING NOT bool_or(is_latest)`],
  ["version tags that a family has twice", `SELECT stem AS example FROM reg.artifact WHERE visibility = 1 AND version IS NOT NULL GROUP BY stem, version HAVING count(*) > 1`],
  // Placed by their hash, artifacts of one content share an object.
  ["places that hold several contents at once", `SELECT l.object_key AS example FROM reg.location l JOIN reg.artifact a ON a.uid = l.artifact
    WHERE l.state = 'ok' GROUP BY l.root, l.object_key HAVING count(DISTINCT (a.hash, a.hash_type, a.size)) > 1`],
  ["locations listed twice", `SELECT object_key AS example FROM reg.location GROUP BY artifact, root, object_key HAVING count(*) > 1`],
  ["locations in a storage root that is not registered", `SELECT l.object_key AS example FROM reg.location l ANTI JOIN reg.storage_root r ON r.uid = l.root`],
  ["locations of an artifact that does not exist", `SELECT l.object_key AS example FROM reg.location l ANTI JOIN reg.artifact a ON a.uid = l.artifact`],
  ["live artifacts without any location", `SELECT a.uid AS example FROM reg.artifact a ANTI JOIN reg.location l ON l.artifact = a.uid WHERE a.visibility = 1`],
  ["uids that several runs have", `SELECT uid AS example FROM reg.run GROUP BY uid HAVING count(*) > 1`],
  ["uids that several transforms have", `SELECT uid AS example FROM reg.transform GROUP BY uid HAVING count(*) > 1`],
  ["transforms without exactly one latest version", `SELECT key AS example FROM reg.transform GROUP BY key HAVING count(*) FILTER (WHERE is_latest) <> 1`],
  ["runs of a transform that does not exist", `SELECT r.uid AS example FROM reg.run r ANTI JOIN reg.transform t ON t.uid = r.transform`],
  ["records of runs that do not exist", `SELECT x.run AS example FROM (SELECT DISTINCT run FROM reg.run_input UNION SELECT DISTINCT run FROM reg.run_reproduced) x
    ANTI JOIN reg.run r ON r.uid = x.run`],
  ["storage roots with one URL", `SELECT url AS example FROM reg.storage_root GROUP BY url HAVING count(*) > 1`],
  ["default storage roots", `SELECT url AS example FROM reg.storage_root WHERE is_default AND (SELECT count(*) FROM reg.storage_root WHERE is_default) > 1`],
  ["labels with one name and type", `SELECT name AS example FROM reg.label GROUP BY name, type HAVING count(*) > 1`],
  ["labels an artifact carries twice", `SELECT artifact AS example FROM reg.artifact_label GROUP BY artifact, label HAVING count(*) > 1`],
  ["labels that are carried and do not exist", `SELECT l.artifact AS example FROM reg.artifact_label l ANTI JOIN reg.label x ON x.uid = l.label`],
  ["collections of one name with more than one latest version", `SELECT name AS example FROM reg.collection WHERE is_latest AND visibility = 1 GROUP BY name HAVING count(*) > 1`],
  ["collections without a latest version", `SELECT name AS example FROM reg.collection WHERE visibility = 1 GROUP BY name HAVING NOT bool_or(is_latest)`],
  ["members a collection has twice", `SELECT artifact AS example FROM reg.collection_member GROUP BY collection, artifact HAVING count(*) > 1`],
  ["members of collections that do not exist", `SELECT m.artifact AS example FROM reg.collection_member m
    LEFT JOIN reg.collection c ON c.uid = m.collection LEFT JOIN reg.artifact a ON a.uid = m.artifact WHERE c.uid IS NULL OR a.uid IS NULL`]
]

const findings = async (s: DuckDbSession): Promise<ReadonlyArray<AuditFinding>> => {
  const found: Array<AuditFinding> = []
  for (const [problem, sql] of CHECKS) {
    const [row] = await s.rows<{ count: number; examples: ReadonlyArray<string> | null }>(
      `SELECT count(*) AS count, list(example ORDER BY example)[1:3] AS examples FROM (${sql})`)
    if (row!.count > 0) found.push({ problem, count: row!.count, examples: row!.examples ?? [] })
  }
  return found
}

/** The audit of a DuckDB registry. */
export const layer: Layer.Layer<RegistryAudit, never, DuckDbClient> = Layer.effect(
  RegistryAudit,
  Effect.map(DuckDbClient, (client) =>
    RegistryAudit.of({
      findings: client.read(findings),
      portabilityClashes: (limit) =>
        client.read(async (s) => {
          const rows = await s.rows<{ keys: ReadonlyArray<string> }>(
            `SELECT list(key ORDER BY key) AS keys FROM reg.key GROUP BY lower(nfc_normalize(key)) HAVING count(*) > 1 ORDER BY keys LIMIT ${Math.trunc(limit)}`)
          return rows.map(({ keys }) => keys)
        })
    }))
)
