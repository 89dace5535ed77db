/**
 * Finding artifacts: by uid, key, hash and place. Tables are scanned; a scan of a million rows takes milliseconds.
 */
import { Effect, Option, Stream } from "effect"
import type { KeyEvent } from "../domain/Artifact.ts"
import { fileNameOf, portableFold } from "../domain/ArtifactKey.ts"
import type { KeyRecord } from "../domain/RegistryState.ts"
import type { KeyListing, Registry, RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { isoTime, KEY_COLUMNS, selectArtifacts } from "./DuckDbRows.ts"

type Lookups = Pick<
  Registry["Service"],
  "artifacts" | "uidsByPrefix" | "uidByKey" | "keysEqualInNfc" | "keysNear" | "keysFoldingLike" | "uidsByHash" | "uidByObject" | "keyLog" | "list"
>

/** The looking part of the registry; see `ports/Registry`. */
export const lookups = (client: DuckDbClient["Service"]): Lookups => ({
  artifacts: (uids) => (uids.length === 0 ? Effect.succeed([]) : client.read((s) => selectArtifacts(s, uids))),
  uidsByPrefix: (prefix, limit) =>
    client.read((s) => uids(s, `SELECT uid FROM reg.artifact WHERE starts_with(uid, $1) AND visibility = 1 ORDER BY uid LIMIT ${Math.trunc(limit)}`, [prefix])),
  uidByKey: (key) =>
    client.read(async (s) => (await s.rows<{ uid: string }>(`SELECT artifact AS uid FROM reg.key WHERE key = $1`, [key]))[0]?.uid ?? null),
  keysEqualInNfc: (key) =>
    client.read(async (s) => {
      const wanted = key.normalize("NFC")
      const found = await s.rows<{ key: string }>(`SELECT key FROM reg.key WHERE nfc_normalize(key) = $1 OR key = $2 ORDER BY key`, [wanted, key])
      return found.map((row) => row.key).filter((found) => found.normalize("NFC") === wanted)
    }),
  keysNear: (key, limit) => client.read((s) => keysNear(s, key, limit)),
  keysFoldingLike: (key) => client.read((s) => keysFoldingLike(s, key)),
  uidsByHash: (hash) => client.read((s) => uids(s, `SELECT uid FROM reg.artifact WHERE hash = $1 AND visibility = 1 ORDER BY created_at, uid`, [hash])),
  uidByObject: (root, objectKey) =>
    client.read(async (s) =>
      (await uids(s, `SELECT l.artifact AS uid FROM reg.location l SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = l.artifact
        WHERE l.root = $1 AND l.object_key = $2 AND l.state <> 'replaced' ORDER BY l.state <> 'ok', l.created_at DESC LIMIT 1`, [root, objectKey]))[0] ?? null),
  keyLog: (key) => client.read((s) => keyLog(s, key)),
  list: (prefix) => list(client, prefix)
})

const uids = async (s: DuckDbSession, sql: string, params: ReadonlyArray<unknown>): Promise<ReadonlyArray<string>> =>
  (await s.rows<{ uid: string }>(sql, params)).map(({ uid }) => uid)

/** Keys with the same file name in another folder come first, then those that take the fewest changes. */
const keysNear = async (s: DuckDbSession, key: string, limit: number): Promise<ReadonlyArray<string>> => {
  const name = fileNameOf(key)
  const rows = await s.rows<{ key: string }>(`WITH named AS (SELECT key, parse_filename(key, false, 'forward_slash') AS name FROM reg.key),
      near AS (SELECT key, CASE WHEN lower(name) = lower($2) THEN 0 ELSE damerau_levenshtein(lower(name), lower($2)) END AS by_name,
          damerau_levenshtein(lower(key), lower($1)) AS by_key
        FROM named WHERE lower(name) = lower($2) OR abs(length(name) - length($2)) <= 2 OR abs(length(key) - length($1)) <= 2)
    SELECT key FROM near WHERE by_name = 0 OR by_key <= $3 OR by_name <= $4 ORDER BY least(by_key, by_name + 1), by_key, key LIMIT ${Math.trunc(limit)}`,
  [key, name, Math.min(4, Math.ceil(key.length / 5)), Math.min(2, Math.ceil(name.length / 6))])
  return rows.map((row) => row.key)
}

const keysFoldingLike = async (s: DuckDbSession, key: string): Promise<ReadonlyArray<string>> => {
  const fold = portableFold(key)
  const rows = await s.rows<{ key: string }>(`SELECT key FROM reg.key WHERE lower(nfc_normalize(key)) = $1 AND key <> $2 ORDER BY key`, [fold, key])
  return rows.map((row) => row.key).filter((other) => portableFold(other) === fold)
}

const keyLog = async (s: DuckDbSession, key: string): Promise<ReadonlyArray<KeyEvent>> => {
  const rows = await s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key_history WHERE key = $1 UNION ALL SELECT ${KEY_COLUMNS} FROM reg.key WHERE key = $2
    ORDER BY since`, [key, key])
  return rows.map((row) => ({ at: isoTime(row.since), event: row.event, key: row.key, uid: row.artifact, run: row.run }))
}

interface ListedRow extends Omit<KeyListing, "createdAt"> {
  readonly createdAt: number
}

/** Rows of a page; the first is small, because a look at the first few keys should cost no more. */
const PAGE = { first: 1000, next: 20_000 }

const list = (client: DuckDbClient["Service"], prefix: string): Stream.Stream<KeyListing, RegistryError> =>
  Stream.paginate<string | null, KeyListing, RegistryError>(null, (after) =>
    Effect.map(client.read((s) => listPage(s, prefix, after)), (page) => {
      const size = after === null ? PAGE.first : PAGE.next
      return [page, page.length < size ? Option.none() : Option.some(page[page.length - 1]!.key)] as const
    }))

const listPage = async (s: DuckDbSession, prefix: string, after: string | null): Promise<ReadonlyArray<KeyListing>> => {
  // Keys at or below the prefix are the prefix itself, and what lies between "prefix/" and "prefix0", the next text after all of those.
  const below = prefix === "" ? [] : [prefix, `${prefix}/`, `${prefix}0`]
  const conditions = [
    ...(prefix === "" ? [] : [`(key = $1 OR (key >= $2 AND key < $3))`]),
    ...(after === null ? [] : [`key > $${below.length + 1}`])
  ]
  const rows = await s.rows<ListedRow>(`SELECT k.key, a.uid, k.key = a.key AS "isPrimary", a.suffix, a.size, a.hash, a.hash_type AS "hashType", a.created_at AS "createdAt"
    FROM (SELECT key, artifact FROM reg.key ${conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`} ORDER BY key LIMIT ${after === null ? PAGE.first : PAGE.next}) k
    JOIN reg.artifact a ON a.uid = k.artifact ORDER BY k.key`, [...below, ...(after === null ? [] : [after])])
  return rows.map((row) => ({ ...row, isPrimary: row.isPrimary ?? false, createdAt: isoTime(row.createdAt) }))
}
