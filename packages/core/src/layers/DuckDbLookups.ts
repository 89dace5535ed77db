/**
 * Finding artifacts: by uid, key, hash and place. Tables are scanned; a scan of a million rows takes milliseconds.
 */
import { Effect, Stream } from "effect"
import type { KeyEvent, LocationState } from "../domain/Artifact.ts"
import { fileNameOf, portableFold } from "../domain/ArtifactKey.ts"
import { nearKeys } from "../domain/NearKeys.ts"
import type { KeyRecord } from "../domain/RegistryState.ts"
import type { KeyListing, Registry, RegistryError } from "../ports/Registry.ts"
import { selectArtifacts } from "./DuckDbArtifacts.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { inPages, keyRanges, keysBelow, type PageSelect, type Range } from "./DuckDbListing.ts"
import { isoTime, KEY_COLUMNS } from "./DuckDbRows.ts"

type Lookups = Pick<
  Registry["Service"],
  "artifacts" | "uidsByPrefix" | "uidByKey" | "keysEqualInNfc" | "keysNear" | "keysFoldingLike" | "uidsByHash" | "uidByObject" | "keyLog" | "list"
>

/** The looking part of the registry; see `ports/Registry`. */
export const lookups = (client: DuckDbClient["Service"]): Lookups => ({
  artifacts: (uids) => (uids.length === 0 ? Effect.succeed([]) : client.read((s) => selectArtifacts(s, uids))),
  uidsByPrefix: (prefix, limit) =>
    // Uids are letters and digits, which all come before a brace.
    uids(client, `SELECT uid FROM reg.artifact WHERE uid >= $1 AND uid < $2 AND visibility = 1 ORDER BY uid LIMIT ${Math.trunc(limit)}`, [prefix, `${prefix}{`]),
  uidByKey: (key) => Effect.map(uids(client, `SELECT artifact AS uid FROM reg.key WHERE key = $1`, [key]), ([uid]) => uid ?? null),
  keysEqualInNfc: (key) => {
    const wanted = key.normalize("NFC")
    const found = client.query<{ key: string }>(`SELECT key FROM reg.key WHERE nfc_normalize(key) = $1 OR key = $2 ORDER BY key`, [wanted, key])
    return Effect.map(found, (rows) => rows.map((row) => row.key).filter((other) => other.normalize("NFC") === wanted))
  },
  keysNear: (key, limit) => client.read(async (s) => nearKeys(key, await keysToCompare(s, key)).slice(0, limit)),
  keysFoldingLike: (key) => keysFoldingLike(client, key),
  uidsByHash: (hash) => uids(client, `SELECT uid FROM reg.artifact WHERE hash = $1 AND visibility = 1 ORDER BY created_at, uid`, [hash]),
  uidByObject: (root, objectKey) => client.read((s) => uidByObject(s, root, objectKey)),
  keyLog: (key) => client.read((s) => keyLog(s, key)),
  list: (prefix) => list(client, prefix)
})

const uids = (client: DuckDbClient["Service"], sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<string>, RegistryError> =>
  Effect.map(client.query<{ uid: string }>(sql, params), (rows) => rows.map(({ uid }) => uid))

const uidByObject = async (s: DuckDbSession, root: string, objectKey: string): Promise<string | null> => {
  const standing = await s.rows<{ uid: string; state: LocationState; createdAt: number }>(`SELECT artifact AS uid, state, created_at AS "createdAt" FROM reg.location
    WHERE object_key = $1 AND root = $2 AND state <> 'replaced'`, [objectKey, root])
  const best = [...standing].sort((a, b) => Number(a.state !== "ok") - Number(b.state !== "ok") || b.createdAt - a.createdAt)
  for (const { uid } of best) {
    if ((await s.rows(`SELECT uid FROM reg.artifact WHERE uid = $1 AND visibility = 1`, [uid])).length > 0) return uid
  }
  return null
}

/** How many keys are compared with a text letter by letter, which takes microseconds each. */
const COMPARED = 2000

/** Keys with the same file name, and keys of about the same length in the same folder. */
const keysToCompare = async (s: DuckDbSession, key: string): Promise<ReadonlyArray<string>> => {
  const name = fileNameOf(key)
  const folder = key.slice(0, key.length - name.length)
  const named = await s.rows<{ key: string }>(`SELECT key FROM reg.key WHERE ends_with(lower(key), lower($1)) AND (strlen(key) = strlen($1) OR ends_with(lower(key), lower('/' || $1)))
    ORDER BY abs(strlen(key) - strlen($2)), key LIMIT ${COMPARED}`, [name, key])
  const beside = await s.rows<{ key: string }>(`SELECT key FROM reg.key WHERE starts_with(lower(key), lower($1)) AND abs(length(key) - length($2)) <= 2
      AND NOT contains(substr(key, length($1) + 1), '/') ORDER BY abs(length(key) - length($2)), key LIMIT ${COMPARED}`, [folder, key])
  return [...named, ...beside].map((row) => row.key)
}

/** The one sign outside ASCII that an ASCII letter is the small form of. */
const KELVIN = "\u212a"

const keysFoldingLike = (client: DuckDbClient["Service"], key: string): Effect.Effect<ReadonlyArray<string>, RegistryError> => {
  const fold = portableFold(key)
  // Case does not change the length of ASCII texts, and lengths are compared six times faster.
  const isAscii = Buffer.byteLength(fold) === fold.length
  const couldFold = isAscii ? `(strlen(key) = ${fold.length} ${fold.includes("k") ? `OR contains(key, '${KELVIN}')` : ""}) AND` : ""
  const found = client.query<{ key: string }>(`SELECT key FROM reg.key WHERE ${couldFold} lower(nfc_normalize(key)) = $1 AND key <> $2 ORDER BY key`, [fold, key])
  return Effect.map(found, (rows) => rows.map((row) => row.key).filter((other) => portableFold(other) === fold))
}

const keyLog = async (s: DuckDbSession, key: string): Promise<ReadonlyArray<KeyEvent>> => {
  const past = await s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key_history WHERE key = $1`, [key])
  const live = await s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key WHERE key = $1`, [key])
  return [...past, ...live].sort((a, b) => a.since - b.since)
    .map((row) => ({ at: isoTime(row.since), event: row.event, key: row.key, uid: row.artifact, run: row.run }))
}

interface ListedRow extends Omit<KeyListing, "createdAt"> {
  readonly createdAt: number
}

/** Rows of the first page; it is small, because a look at the first few keys should cost no more. */
const FIRST = 2000

const list = (client: DuckDbClient["Service"], prefix: string): Stream.Stream<KeyListing, RegistryError> =>
  Stream.unwrap(Effect.map(client.read((s) => listFirst(s, prefix)), (first) => {
    if (first.length < FIRST) return Stream.fromIterable(first)
    const after = first[first.length - 1]!.key
    return Stream.concat(Stream.fromIterable(first), inPages(client, (s) => keyRanges(s, prefix, after), (range) => listPage(prefix, range), (row: ListedRow & { readonly position: number }) => listing(row)))
  }))

const listFirst = async (s: DuckDbSession, prefix: string): Promise<ReadonlyArray<KeyListing>> => {
  const { params, where } = keysBelow(prefix)
  const keys = `SELECT key, artifact FROM reg.key ${where} ORDER BY key LIMIT ${FIRST}`
  return (await s.rows<ListedRow>(`SELECT ${LISTED} FROM (${keys}) k JOIN reg.artifact a ON a.uid = k.artifact ORDER BY k.key`, params)).map(listing)
}

const listPage = (prefix: string, range: Range): PageSelect => {
  const { params, where } = keysBelow(prefix, range)
  const keys = `SELECT key, artifact FROM reg.key ${where}`
  return { sql: `SELECT row_number() OVER (ORDER BY k.key) - 1 AS position, ${LISTED} FROM (${keys}) k JOIN reg.artifact a ON a.uid = k.artifact`, params }
}

const LISTED = `k.key, a.uid, coalesce(k.key = a.key, false) AS "isPrimary", a.suffix, a.size, a.hash, a.hash_type AS "hashType", epoch_us(a.created_at) AS "createdAt"`

const listing = ({ createdAt, hash, hashType, isPrimary, key, size, suffix, uid }: ListedRow): KeyListing =>
  ({ key, uid, isPrimary, suffix, size, hash, hashType, createdAt: isoTime(createdAt) })
