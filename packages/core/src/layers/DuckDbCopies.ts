/**
 * Copies of artifacts: listing them for verification, recording what was found, adding and moving them.
 */
import { Effect, type Stream } from "effect"
import { NotFound } from "../domain/SheafError.ts"
import type { CopyFilter, MovedLocation, ObjectFilter, Registry, RegistryError, StoredCopy } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { inPages, inRange, type PageSelect, pageRanges, type Range } from "./DuckDbListing.ts"
import { nextTime, recordsParam, recordsTable } from "./DuckDbRows.ts"

type Copies = Pick<Registry["Service"], "copies" | "objects" | "recordStates" | "moveLocations" | "putLocation" | "knownObjects">
type Put = Parameters<Copies["putLocation"]>[0]

/** The part of the registry that knows where bytes are; see `ports/Registry`. */
export const copies = (client: DuckDbClient["Service"]): Copies => ({
  copies: (filter) => pages(client, filter),
  recordStates: (states) => (states.length === 0 ? Effect.void : client.write((s) => recordStates(s, states))),
  objects: (filter) => client.read((s) => objects(s, filter)),
  moveLocations: (root, moves) => (moves.length === 0 ? Effect.void : client.write((s) => moveLocations(s, root, moves))),
  putLocation: (location) => client.write<void, NotFound>((s) => putLocation(s, location)),
  knownObjects: (root, objectKeys) =>
    objectKeys.length === 0
      ? Effect.succeed(new Set<string>())
      : client.read((s) => knownObjects(s, root, objectKeys))
})

/** A select of the folders that are one artifact, by `uid`: what their locations name is no object. */
export const FOLDERS = `SELECT uid FROM reg.artifact WHERE n_files IS NOT NULL`

/** Objects that a location names; and those of folders, whose location names the folder. */
const knownObjects = async (s: DuckDbSession, root: string, objectKeys: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
  const among = `root = $1 AND object_key IN (SELECT unnest($2::VARCHAR[]))`
  const named = await s.rows<{ key: string }>(`SELECT DISTINCT l.object_key AS key FROM (SELECT artifact, object_key FROM reg.location WHERE ${among}) l
    ANTI JOIN (${FOLDERS}) f ON f.uid = l.artifact`, [root, objectKeys])
  const known = new Set(named.map(({ key }) => key))
  for (const key of await heldByFolders(s, root, objectKeys.filter((key) => !known.has(key)))) known.add(key)
  return known
}

/** Objects that are files of a folder which is one artifact; with `standing` those of folders that are recorded to stand there now. */
export const heldByFolders = async (
  s: DuckDbSession, root: string, objectKeys: ReadonlyArray<string>, { standing = false }: { readonly standing?: boolean } = {}
): Promise<ReadonlyArray<string>> => {
  const folders = new Set(objectKeys.flatMap(foldersAbove))
  if (folders.size === 0) return []
  const held = await s.rows<{ key: string }>(`SELECT DISTINCT l.object_key || '/' || m.path AS key FROM (SELECT artifact, object_key FROM reg.location
      WHERE root = $1 AND object_key IN (SELECT unnest($2::VARCHAR[])) ${standing ? "AND state <> 'replaced'" : ""}) l
    JOIN reg.member m ON m.artifact = l.artifact`, [root, [...folders]])
  const holding = new Set(held.map(({ key }) => key))
  return objectKeys.filter((key) => holding.has(key))
}

/** `a/b/c` lies in `a` and `a/b`. */
const foldersAbove = (objectKey: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let at = objectKey.indexOf("/"); at >= 0; at = objectKey.indexOf("/", at + 1)) found.push(objectKey.slice(0, at))
  return found
}

/** A part of the copies in one root. */
interface CopyPage extends Range {
  readonly root: string
}

const pages = (client: DuckDbClient["Service"], filter: CopyFilter): Stream.Stream<StoredCopy, RegistryError> =>
  inPages(client, async (s) => {
    const roots = await s.rows<{ root: string }>(`SELECT DISTINCT root FROM reg.location ORDER BY root`)
    const all: Array<CopyPage> = []
    for (const { root } of roots) {
      if (filter.root !== undefined && filter.root !== root) continue
      const ranges = await pageRanges(s, { column: "object_key", from: `FROM reg.location WHERE root = $1`, params: [root], after: null })
      for (const range of ranges) all.push({ ...range, root })
    }
    return all
  }, (part) => page(filter, part), ({ position: _, ...copy }: StoredCopy & { readonly position: number }) => copy)

/** Columns of a location `l` and its artifact `a`. */
const STORED_COPY = `l.artifact AS uid, a.key, l.root, l.object_key AS "objectKey", l.is_virtual AS "isVirtual", l.in_place AS "inPlace",
  a.suffix, a.size, a.hash, a.hash_type AS "hashType", l.state`

const objects = (s: DuckDbSession, { isVirtual, keyPrefix, objectKeys, root, since, uids, withInPlace = false, withTrash = false }: ObjectFilter): Promise<ReadonlyArray<StoredCopy>> => {
  const params: Array<unknown> = []
  const given = (value: unknown): string => `$${params.push(value)}`
  const conditions = [withInPlace ? "true" : "NOT l.in_place", "a.n_files IS NULL", withTrash ? "a.visibility IN (1, -1)" : "a.visibility = 1"]
  if (root !== undefined) conditions.push(`l.root = ${given(root)}`)
  if (isVirtual !== undefined) conditions.push(`l.is_virtual = ${given(isVirtual)}`)
  if (since !== undefined) conditions.push(`a.created_at >= make_timestamp(${given(since * 1000)}::BIGINT)`)
  if (objectKeys !== undefined) conditions.push(`l.object_key IN (SELECT unnest(${given(objectKeys)}::VARCHAR[]))`)
  if (uids !== undefined) conditions.push(`l.artifact IN (SELECT unnest(${given(uids)}::VARCHAR[]))`)
  if (keyPrefix !== undefined) conditions.push("a.key IS NOT NULL")
  if (keyPrefix !== undefined && keyPrefix !== "") {
    const at = given(keyPrefix)
    conditions.push(`(a.key = ${at} OR starts_with(a.key, ${at} || '/'))`)
  }
  return s.rows<StoredCopy & Record<string, unknown>>(`SELECT ${STORED_COPY} FROM reg.location l JOIN reg.artifact a ON a.uid = l.artifact WHERE ${conditions.join(" AND ")}
    ORDER BY l.root, l.object_key, l.artifact`, params)
}

const moveLocations = (s: DuckDbSession, root: string, moves: ReadonlyArray<MovedLocation>): Promise<void> =>
  s.run(`UPDATE reg.location SET object_key = x.t, is_virtual = x.v
    FROM ${recordsTable({ a: "VARCHAR", f: "VARCHAR", t: "VARCHAR", v: "BOOLEAN" })} x WHERE artifact = x.a AND root = $2 AND object_key = x.f`, [
    recordsParam(moves.map(({ from, isVirtual, to, uid }) => ({ a: uid, f: from, t: to, v: isVirtual }))), root
  ])

const page = (filter: CopyFilter, part: CopyPage): PageSelect => {
  const range = inRange("l.object_key", part, 2)
  const params: Array<unknown> = [part.root, ...range.params]
  const given = (value: unknown): string => `$${params.push(value)}`
  const conditions = ["a.visibility = 1", "l.root = $1", ...range.conditions]
  if (filter.uids !== undefined) conditions.push(`l.artifact IN (SELECT unnest(${given(filter.uids)}::VARCHAR[]))`)
  if (filter.keyPrefix !== undefined && filter.keyPrefix !== "") {
    const at = given(filter.keyPrefix)
    conditions.push(`l.artifact IN (SELECT artifact FROM reg.key WHERE key = ${at} OR starts_with(key, ${at} || '/'))`)
  }
  if (filter.sample !== undefined) {
    conditions.push(`('0x' || substr(md5(l.artifact || ${given(filter.sample.seed)}), 1, 8))::BIGINT < ${given(Math.round(filter.sample.share * 2 ** 32))}`)
  }
  return {
    sql: `SELECT row_number() OVER (ORDER BY l.object_key, l.artifact) - 1 AS position, ${STORED_COPY} FROM reg.location l JOIN reg.artifact a ON a.uid = l.artifact WHERE ${conditions.join(" AND ")}`,
    params
  }
}

type States = Parameters<Copies["recordStates"]>[0]

const recordStates = (s: DuckDbSession, states: States): Promise<void> =>
  s.run(`UPDATE reg.location SET state = x.s, verified_at = make_timestamp(${Date.now() * 1000})
    FROM ${recordsTable({ a: "VARCHAR", r: "VARCHAR", o: "VARCHAR", s: "VARCHAR" })} x WHERE artifact = x.a AND root = x.r AND object_key = x.o`, [
    recordsParam(states.map(({ objectKey, root, state, uid }) => ({ a: uid, r: root, o: objectKey, s: state })))
  ])

const putLocation = async (s: DuckDbSession, { from, isVirtual, objectKey, root, uid }: Put): Promise<void> => {
  const [artifact] = await s.rows(`SELECT 1 AS one FROM reg.artifact WHERE uid = $1 AND visibility = 1`, [uid])
  if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
  const at = `artifact = $1 AND root = $2 AND object_key = $3`
  if (from !== undefined) {
    const [old] = await s.rows(`SELECT 1 AS one FROM reg.location WHERE ${at}`, [uid, root, from])
    if (old === undefined) throw new NotFound({ what: "copy", reference: from, near: [] })
    if (from !== objectKey) await s.run(`DELETE FROM reg.location WHERE ${at}`, [uid, root, from])
  }
  const [there] = await s.rows(`SELECT 1 AS one FROM reg.location WHERE ${at}`, [uid, root, objectKey])
  if (there !== undefined) await s.run(`UPDATE reg.location SET state = 'ok', is_virtual = $4 WHERE ${at}`, [uid, root, objectKey, isVirtual])
  else {
    await s.insert("reg.location", {
      artifact: uid, root, object_key: objectKey, is_virtual: isVirtual, in_place: false, state: "ok", created_at: await nextTime(s, 1)
    })
  }
}
