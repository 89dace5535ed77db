/**
 * Saving a few requests: what they touch is read once, decided in memory one after the other, and written in one transaction.
 *
 * The number of statements does not grow with the number of requests; a single new artifact takes three to read and three to write.
 */
import { Effect, Result } from "effect"
import { applySave, type ApplyResult } from "../domain/ApplySave.ts"
import { type ArtifactRecord, byAge, type KeyRecord, type LocationRecord, RegistryState } from "../domain/RegistryState.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { stemOf } from "../domain/Uid.ts"
import type { RegistryError, SaveContext } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { KEY_COLUMNS, LOCATION_COLUMNS, nextTime, oneOf, wellFormed } from "./DuckDbRows.ts"
import { writeChanges } from "./DuckDbChanges.ts"
import { recordReproduced } from "./DuckDbReproduced.ts"
import { retiredVersions } from "./DuckDbRetired.ts"
import { literal } from "./DuckDbSession.ts"

/** Requests that are decided and written in one piece; more are taken piece by piece within the same transaction. */
const PIECE = 20_000

/** See `ports/Registry`. */
export const save = (client: DuckDbClient["Service"]) =>
(requests: ReadonlyArray<SaveRequest>, context: SaveContext): Effect.Effect<ReadonlyArray<ApplyResult>, RegistryError> =>
  requests.length === 0 ? Effect.succeed([]) : client.write(async (s) => {
    const results: Array<ApplyResult> = []
    const base = await nextTime(s, requests.length)
    for (let from = 0; from < requests.length; from += PIECE) {
      const piece = requests.slice(from, from + PIECE).map(storable)
      const state = await loadTouched(s, piece)
      const existed = new Set(state.keys.keys())
      piece.forEach((request, i) => results.push(applySave(state, request, { ...context, now: base + from + i })))
      await writeChanges(s, state, existed)
    }
    if (requests.some(({ run }) => run !== null)) await recordAgain(s, requests, results, base)
    return results
  })

/** Records for each run what its saves found existing. */
const recordAgain = async (s: DuckDbSession, requests: ReadonlyArray<SaveRequest>, results: ReadonlyArray<ApplyResult>, at: number): Promise<void> => {
  const byRun = new Map<string, Set<string>>()
  results.forEach((result, i) => {
    const { run } = requests[i]!
    if (run === null || Result.isFailure(result) || result.success.outcome === "created" || result.success.outcome === "newVersion") return
    byRun.set(run, (byRun.get(run) ?? new Set()).add(result.success.uid))
  })
  for (const [run, uids] of byRun) await recordReproduced(s, `SELECT unnest(${literal([...uids])}) AS uid`, literal(run), at)
}

const storable = (request: SaveRequest): SaveRequest =>
  request.description === null && request.kind === null
    ? request
    : { ...request, description: wellFormed(request.description), kind: wellFormed(request.kind) }

/** What deciding needs to know of an artifact; a wide row costs more to plan than to find. */
const KNOWN_COLUMNS = `uid, seq, is_latest AS "isLatest", key, former_key AS "formerKey", version, size, hash, hash_type AS "hashType", manifest_hash AS "manifestHash", created_at AS "createdAt"`

type KnownRow = Pick<ArtifactRecord, "uid" | "seq" | "isLatest" | "key" | "formerKey" | "version" | "size" | "hash" | "hashType" | "manifestHash" | "createdAt">

const known = (row: KnownRow): ArtifactRecord => ({
  ...row, stem: stemOf(row.uid), suffix: "", kind: null, description: null, nFiles: null, nObservations: null, run: null, account: null,
  updatedAt: row.createdAt
})

/** Everything in the registry that these saves can ask for or change. */
const loadTouched = async (s: DuckDbSession, requests: ReadonlyArray<SaveRequest>): Promise<RegistryState> => {
  const state = new RegistryState()
  const [first] = requests
  const revised = [...new Set(requests.flatMap(({ revises }) => revises ?? []))]
  if (requests.length === 1 && revised.length === 0 && await isAllNew(s, first!)) {
    await loadLocations(s, state, requests)
    return state
  }
  const wanted = new Set(requests.flatMap(({ key }) => (key === null ? [] : [key])))
  const keyRows = wanted.size === 0 ? [] : await selectKeys(s, "key", [...wanted])
  const targets = keyRows.length === 0 ? [] : await selectLive(s, keyRows.map((row) => row.artifact))
  for (const record of targets) state.addArtifact(record)
  for (const record of await selectMatches(s, requests)) if (!state.artifacts.has(record.uid)) state.addArtifact(record)
  const bases = revised.length === 0 ? [] : await selectLive(s, revised)
  for (const record of bases) if (!state.artifacts.has(record.uid)) state.addArtifact(record)

  const byPrimary = new Map(targets.flatMap((artifact) => (artifact.key === null ? [] : [[artifact.key, artifact] as const])))
  const losers = [...new Set(requests.flatMap((request) => {
    const artifact = request.key === null ? undefined : byPrimary.get(request.key)
    return artifact === undefined || sameAs(request, artifact) ? [] : [artifact]
  }))]
  for (const row of await withFollowers(s, keyRows, losers, requests.length)) state.addKey(row)
  // A key that comes twice can point at an artifact in between and make a new version of it.
  const named = requests.reduce((n, { key }) => n + Number(key !== null), 0)
  const versioned = named > wanted.size ? [...state.artifacts.values()] : [...losers, ...bases]
  if (versioned.length > 0) await loadFamilies(s, state, versioned)
  await loadTagged(s, state, requests)
  await loadLocations(s, state, requests)
  return state
}

/**
 * Whether neither the key nor the content of a save is known, which most saves of a program are. One narrow statement costs half of what it takes to ask
 * for all that is needed to know of known ones.
 */
const isAllNew = async (s: DuckDbSession, { hash, key, size }: SaveRequest): Promise<boolean> => {
  const byKey = `SELECT artifact AS uid FROM reg.key WHERE key = $1`
  const byHash = (n: number) => `SELECT uid FROM reg.artifact WHERE hash = $${n}`
  if (key === null) return size > 0 && (await s.rows(`${byHash(1)} LIMIT 1`, [hash])).length === 0
  const found = size === 0 ? await s.rows(byKey, [key]) : await s.rows(`${byKey} UNION ALL ${byHash(2)} LIMIT 1`, [key, hash])
  return found.length === 0
}

const sameAs = (request: SaveRequest, artifact: ArtifactRecord): boolean =>
  (request.folder?.manifestHash ?? null) === (artifact.manifestHash ?? null) && request.hash === artifact.hash && request.hashType === artifact.hashType && request.size === artifact.size

const selectKeys = (s: DuckDbSession, column: "key" | "artifact", values: ReadonlyArray<string>): Promise<ReadonlyArray<KeyRecord>> => {
  const [condition, param] = oneOf(column, values)
  return s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key WHERE ${condition}`, [param])
}

const selectLive = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<ArtifactRecord>> => {
  const [condition, param] = oneOf("uid", [...new Set(uids)])
  return (await s.rows<KnownRow>(`SELECT ${KNOWN_COLUMNS} FROM reg.artifact WHERE ${condition} AND visibility = 1`, [param])).map(known)
}

/** For each content the oldest live artifact that has it. */
const selectMatches = async (s: DuckDbSession, requests: ReadonlyArray<SaveRequest>): Promise<ReadonlyArray<ArtifactRecord>> => {
  const contents = requests.filter(({ size }) => size > 0)
  const [first] = contents
  if (first === undefined) return []
  if (contents.length === 1) {
    const same = `FROM reg.artifact WHERE hash = $1 AND hash_type = $2 AND size = $3 AND manifest_hash IS NOT DISTINCT FROM $4 AND visibility = 1`
    const params = [first.hash, first.hashType, first.size, first.folder?.manifestHash ?? null]
    // Sorting costs more than the search, and mostly there is nothing to sort.
    const some = await s.rows<KnownRow>(`SELECT ${KNOWN_COLUMNS} ${same} LIMIT 2`, params)
    return (some.length < 2 ? some : await s.rows<KnownRow>(`SELECT ${KNOWN_COLUMNS} ${same} ORDER BY created_at, uid LIMIT 1`, params)).map(known)
  }
  const oldest = await s.rows<{ uid: string }>(`SELECT arg_min(uid, (created_at, uid)) AS uid FROM reg.artifact
    WHERE hash IN (SELECT unnest($1::VARCHAR[])) AND visibility = 1 AND size > 0 GROUP BY hash, hash_type, size, manifest_hash`, [[...new Set(contents.map(({ hash }) => hash))]])
  return oldest.length === 0 ? [] : selectLive(s, oldest.map(({ uid }) => uid))
}

/**
 * The wanted keys and, for artifacts whose primary key may leave, the keys that may follow it; oldest first. `n` saves take at most `n` keys away, so
 * the oldest `n + 1` are enough.
 */
const withFollowers = async (
  s: DuckDbSession,
  wanted: ReadonlyArray<KeyRecord>,
  losers: ReadonlyArray<ArtifactRecord>,
  n: number
): Promise<ReadonlyArray<KeyRecord>> => {
  if (losers.length === 0) return [...wanted].sort(byAge)
  const [condition, param] = oneOf("artifact", losers.map(({ uid }) => uid))
  const followers = await s.rows<KeyRecord>(`SELECT ${KEY_COLUMNS} FROM reg.key WHERE ${condition}
    QUALIFY row_number() OVER (PARTITION BY artifact ORDER BY since, key) <= $2`, [param, n + 1])
  const known = new Set(wanted.map(({ key }) => key))
  return [...wanted, ...followers.filter(({ key }) => !known.has(key))].sort(byAge)
}

/** The latest version of each family that may get a new one, and its newest number. */
const loadFamilies = async (s: DuckDbSession, state: RegistryState, members: ReadonlyArray<ArtifactRecord>): Promise<void> => {
  const stems = [...new Set(members.map(({ stem }) => stem))]
  const [condition, param] = oneOf("stem", stems)
  const rows = await s.rows<KnownRow & { visibility: number }>(`SELECT ${KNOWN_COLUMNS}, visibility FROM reg.artifact WHERE ${condition}
    QUALIFY (is_latest AND visibility = 1) OR seq = max(seq) OVER (PARTITION BY stem)`, [param])
  for (const { visibility, ...row } of rows) {
    state.noteNewestSeq(stemOf(row.uid), row.seq)
    if (visibility === 1 && !state.artifacts.has(row.uid)) state.addArtifact(known(row))
  }
  for (const { seq, stem } of await retiredVersions(s, stems)) state.noteNewestSeq(stem, seq)
}

/** Versions of the families at hand that have a tag which these saves want to give. */
const loadTagged = async (s: DuckDbSession, state: RegistryState, requests: ReadonlyArray<SaveRequest>): Promise<void> => {
  const tags = [...new Set(requests.flatMap(({ version }) => version ?? []))]
  if (tags.length === 0 || state.artifacts.size === 0) return
  const [condition, param] = oneOf("stem", [...new Set([...state.artifacts.values()].map(({ stem }) => stem))])
  const rows = await s.rows<KnownRow>(`SELECT ${KNOWN_COLUMNS} FROM reg.artifact WHERE ${condition} AND visibility = 1 AND version IS NOT NULL`, [param])
  for (const row of rows) if (tags.includes(row.version!) && !state.artifacts.has(row.uid)) state.addArtifact(known(row))
}

/** Locations at the places of these saves, where they matter; and how many good copies the known artifacts have. */
const loadLocations = async (s: DuckDbSession, state: RegistryState, requests: ReadonlyArray<SaveRequest>): Promise<void> => {
  const managed = requests.filter(({ object }) => !object.inPlace)
  const uids = managed.length === 0 ? [] : [...state.artifacts.keys()]
  const places = requests.filter(({ object }) => object.inPlace || uids.length > 0).map(({ object }) => object)
  if (places.length > 0) {
    const roots = new Set(places.map(({ root }) => root))
    const [condition, param] = oneOf("object_key", [...new Set(places.map(({ objectKey }) => objectKey))])
    const rows = await s.rows<LocationRecord>(`SELECT ${LOCATION_COLUMNS} FROM reg.location WHERE ${condition}`, [param])
    for (const row of rows) if (roots.has(row.root)) state.addLocation(row)
  }
  if (uids.length > 0) {
    const [condition, param] = oneOf("artifact", uids)
    const counts = await s.rows<{ uid: string; n: number }>(
      `SELECT artifact AS uid, count(*) AS n FROM reg.location WHERE ${condition} AND state = 'ok' GROUP BY artifact`, [param])
    for (const { n, uid } of counts) state.countGoodCopies(uid, n - state.goodCopies(uid))
  }
}

