/**
 * The registry in a DuckDB file.
 */
import { createHash } from "node:crypto"
import { closeSync, existsSync, openSync, readSync } from "node:fs"
import { Effect, Layer } from "effect"
import { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { Registry, type RegistryInfo } from "../ports/Registry.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { copies } from "./DuckDbCopies.ts"
import { keyChanges } from "./DuckDbKeys.ts"
import { lookups } from "./DuckDbLookups.ts"
import { publish } from "./DuckDbPublish.ts"
import { roots } from "./DuckDbRoots.ts"
import { nextTime, wellFormed } from "./DuckDbRows.ts"
import { save } from "./DuckDbSaves.ts"
import { SCHEMA_VERSION } from "./DuckDbSchema.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<Registry, never, DuckDbClient> = Layer.effect(
  Registry,
  Effect.map(DuckDbClient, (client) =>
    Registry.of({
      ...roots(client),
      ...lookups(client),
      ...keyChanges(client),
      ...copies(client),
      info: client.read((s) => info(s, client.path)),
      stamp: client.released(() => stampOf(client.path)),
      save: save(client),
      publish: publish(client),
      setDescription: (uid, description) => client.write<void, NotFound | InvalidInput>((s) => setDescription(s, uid, description))
    }))
)

const info = async (s: DuckDbSession, path: string): Promise<RegistryInfo> => {
  const [counts] = await s.rows<Omit<RegistryInfo, "path" | "schema">>(`SELECT
      (SELECT count(*) FROM reg.artifact WHERE visibility = 1) AS artifacts, (SELECT count(*) FROM reg.key) AS keys,
      (SELECT count(*) FROM reg.location SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = artifact) AS locations, (SELECT coalesce(sum(size), 0) FROM reg.artifact WHERE visibility = 1) AS bytes,
      (SELECT count(*) FROM reg.storage_root) AS roots`)
  return { path, schema: SCHEMA_VERSION, ...counts! }
}

/** DuckDB's two header blocks, which every checkpoint rewrites, and the one before them. */
const HEADERS = 3 * 4096

const stampOf = (path: string): string | null => {
  if (!existsSync(path)) return null
  const bytes = Buffer.alloc(HEADERS)
  const file = openSync(path, "r")
  try {
    if (readSync(file, bytes, 0, HEADERS, 0) < HEADERS) return null
  } finally {
    closeSync(file)
  }
  // What stands in a log is not in the headers.
  return existsSync(`${path}.wal`) ? null : createHash("sha256").update(bytes).digest("base64url")
}

/** Refuses to take the last name of an artifact away. Shared with the model in memory. */
export const wouldBeUnnamed = (uid: string): InvalidInput =>
  new InvalidInput({ what: `description of ${uid}`, reason: "the artifact has no key and no run, and nobody could find it again", advice: "Give it a key first: sheaf alias UID KEY." })

const setDescription = async (s: DuckDbSession, uid: string, description: string | null): Promise<void> => {
  const [artifact] = await s.rows<{ key: string | null; formerKey: string | null; run: string | null }>(
    `SELECT key, former_key AS "formerKey", run FROM reg.artifact WHERE uid = $1 AND visibility = 1`, [uid])
  if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
  if (description === null && artifact.key === null && artifact.formerKey === null && artifact.run === null) throw wouldBeUnnamed(uid)
  await s.run(`UPDATE reg.artifact SET description = $1, updated_at = make_timestamp(${await nextTime(s, 1)}) WHERE uid = $2`, [wellFormed(description), uid])
}
