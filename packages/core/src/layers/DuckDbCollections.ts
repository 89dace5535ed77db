/**
 * Collections in the DuckDB registry, set-based: any number of members in a few statements and one transaction.
 */
import { createHash } from "node:crypto"
import { Effect, Layer } from "effect"
import type { Collection, CollectionDifference } from "../domain/Collection.ts"
import { NotFound } from "../domain/SheafError.ts"
import { stemOf, versionPart } from "../domain/Uid.ts"
import { CollectionStore, type MemberChange, type PutCollection } from "../ports/CollectionStore.ts"
import { withArtifacts } from "./DuckDbArtifactList.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { isoTime, nextTime, wellFormed } from "./DuckDbRows.ts"
import { dropTables, makeTable } from "./DuckDbSpill.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<CollectionStore, never, DuckDbClient> = Layer.effect(
  CollectionStore,
  Effect.map(DuckDbClient, (client) =>
    CollectionStore.of({
      put: (change) => client.write<PutCollection, NotFound>((s) => withArtifacts(s, change.members, (listed) => put(s, change, listed))),
      remove: (name) =>
        client.write(async (s) => {
          const versions = await s.rows(`SELECT uid FROM reg.collection WHERE name = $1 AND visibility = 1`, [name])
          const chosen = `(SELECT uid FROM reg.collection WHERE name = $1 AND visibility = 1)`
          await s.run(`DELETE FROM reg.collection_member WHERE collection IN ${chosen}`, [name])
          await s.run(`DELETE FROM reg.collection WHERE name = $1 AND visibility = 1`, [name])
          return versions.length
        }),
      versions: (name) => client.read((s) => select(s, `c.name = $1 AND c.visibility = 1`, `c.created_at, c.seq`, [name])),
      // Uids are letters and digits, which all come before a brace.
      byUid: (prefix, limit) =>
        client.read((s) => select(s, `c.uid >= $1 AND c.uid < $2 AND c.visibility = 1`, `c.uid LIMIT ${Math.trunc(limit)}`, [prefix, `${prefix}{`])),
      latest: client.read((s) => select(s, `c.is_latest AND c.visibility = 1`, `c.name`, [])),
      members: (uid) =>
        Effect.map(client.query<{ artifact: string }>(`SELECT artifact FROM reg.collection_member WHERE collection = $1 ORDER BY position`, [uid]),
          (rows) => rows.map(({ artifact }) => artifact)),
      difference: (from, to) => client.read((s) => difference(s, from, to))
    }))
)

const select = async (s: DuckDbSession, condition: string, order: string, params: ReadonlyArray<string>): Promise<ReadonlyArray<Collection>> => {
  const rows = await s.rows<Omit<Collection, "createdAt"> & { readonly createdAt: number }>(`WITH chosen AS (SELECT c.* FROM reg.collection c WHERE ${condition}),
      counted AS (SELECT m.collection, count(*) AS n FROM reg.collection_member m SEMI JOIN chosen ON chosen.uid = m.collection GROUP BY m.collection)
    SELECT c.uid, c.name, c.hash, c.seq + 1 AS version, c.is_latest AS "isLatest", c.description, coalesce(n.n, 0) AS members, c.run,
      coalesce(a.handle, c.account) AS "createdBy", c.created_at AS "createdAt"
    FROM chosen c LEFT JOIN counted n ON n.collection = c.uid LEFT JOIN reg.account a ON a.uid = c.account ORDER BY ${order}`, params)
  return rows.map((row) => ({ ...row, createdAt: isoTime(row.createdAt) }))
}

const put = async (s: DuckDbSession, change: MemberChange, listed: string): Promise<PutCollection> => {
  const [latest] = await s.rows<{ uid: string; seq: number }>(`SELECT uid, seq FROM reg.collection WHERE name = $1 AND is_latest AND visibility = 1`, [change.name])
  if (latest === undefined && change.mode === "append") throw new NotFound({ what: "collection", reference: change.name, near: [] })
  if (latest !== undefined) {
    if (change.mode === "append") await putBefore(s, latest.uid, listed)
    const same = await compare(s, latest.uid, listed)
    if (same.set) return { collection: await byUid(s, latest.uid), outcome: "existing", otherOrder: !same.order }
  }
  const now = await nextTime(s, 1)
  const seq = latest === undefined ? 0 : await nextVersion(s, stemOf(latest.uid))
  const stem = stemOf(latest?.uid ?? change.candidateUid)
  const uid = stem + versionPart(seq)
  if (latest !== undefined) await s.run(`UPDATE reg.collection SET is_latest = false, updated_at = make_timestamp(${now}) WHERE uid = $1`, [latest.uid])
  await s.insert("reg.collection", {
    uid, stem, seq, is_latest: true, name: change.name, hash: await hashOf(s, listed), description: wellFormed(change.description), run: change.run, account: change.account,
    visibility: 1, created_at: now, updated_at: now
  })
  await s.run(`INSERT INTO reg.collection_member (collection, position, artifact)
    SELECT $1, row_number() OVER (ORDER BY position) - 1, artifact FROM ${listed} ORDER BY position`, [uid])
  return { collection: await byUid(s, uid), outcome: latest === undefined ? "created" : "newVersion", otherOrder: false }
}

const byUid = async (s: DuckDbSession, uid: string): Promise<Collection> => (await select(s, `c.uid = $1`, `c.uid`, [uid]))[0]!

/** The members of a version come before those listed, which count on behind them. */
const putBefore = async (s: DuckDbSession, uid: string, listed: string): Promise<void> => {
  await s.run(`DELETE FROM ${listed} WHERE artifact IN (SELECT artifact FROM reg.collection_member WHERE collection = $1)`, [uid])
  await s.run(`INSERT INTO ${listed} (artifact, position)
    SELECT artifact, position - (SELECT count(*) FROM reg.collection_member WHERE collection = $1) - 1 FROM reg.collection_member WHERE collection = $1`, [uid])
}

/** Whether a version has exactly the members listed, and whether in this order. */
const compare = async (s: DuckDbSession, uid: string, listed: string): Promise<{ readonly set: boolean; readonly order: boolean }> => {
  const [found] = await s.rows<{ wanted: number; had: number; common: number; inOrder: number }>(`WITH had AS (SELECT artifact, position FROM reg.collection_member WHERE collection = $1),
      wanted AS (SELECT artifact, row_number() OVER (ORDER BY position) - 1 AS position FROM ${listed}),
      common AS (SELECT h.position = w.position AS same FROM had h JOIN wanted w ON w.artifact = h.artifact)
    SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM had) AS had, count(*) AS common, count(*) FILTER (same) AS "inOrder" FROM common`, [uid])
  const { common, had, inOrder, wanted } = found!
  return { set: wanted === common && had === common, order: inOrder === common }
}

/** Counts on from every version there has been, also from one that was deleted. */
const nextVersion = async (s: DuckDbSession, stem: string): Promise<number> => {
  const [newest] = await s.rows<{ seq: number }>(`SELECT max(seq) AS seq FROM reg.collection WHERE stem = $1`, [stem])
  return newest!.seq + 1
}

/** Hashes that leave the engine at once. */
const HASHES = 50_000

/** As `collectionHash` of the domain, with memory for a part of the hashes only. */
const hashOf = async (s: DuckDbSession, listed: string): Promise<string> => {
  const table = `${listed}_hashes`
  try {
    const count = await makeTable(s, table, `SELECT row_number() OVER (ORDER BY hash) - 1 AS position, hash
      FROM (SELECT DISTINCT a.hash FROM reg.artifact a JOIN ${listed} t ON t.artifact = a.uid)`)
    const digest = createHash("md5")
    for (let from = 0; from < count; from += HASHES) {
      const [part] = await s.rows<{ text: string }>(`SELECT string_agg(hash, ':' ORDER BY position) AS text FROM ${table} WHERE position >= ${from} AND position < ${from + HASHES}`)
      digest.update(`${from === 0 ? "" : ":"}${part!.text}`)
    }
    return digest.digest("base64url").slice(0, 22)
  } finally {
    await dropTables(s, table, [""]).catch(() => undefined)
  }
}

const difference = async (s: DuckDbSession, from: string, to: string): Promise<CollectionDifference> => {
  const rows = await s.rows<{ before: string | null; after: string | null; stem: string; key: string | null }>(`WITH
      b AS (SELECT artifact FROM reg.collection_member WHERE collection = $1),
      a AS (SELECT artifact FROM reg.collection_member WHERE collection = $2),
      single AS (SELECT b.artifact AS before, NULL AS after FROM b ANTI JOIN a ON a.artifact = b.artifact
        UNION ALL SELECT NULL, a.artifact FROM a ANTI JOIN b ON b.artifact = a.artifact),
      named AS (SELECT before, after, coalesce(before, after) AS uid FROM single)
    SELECT n.before, n.after, x.stem, coalesce(x.key, x.former_key) AS key FROM named n JOIN reg.artifact x ON x.uid = n.uid ORDER BY key, n.uid`, [from, to])
  const [both] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM (SELECT artifact FROM reg.collection_member WHERE collection = $1) b
    SEMI JOIN (SELECT artifact FROM reg.collection_member WHERE collection = $2) a ON a.artifact = b.artifact`, [from, to])
  return differenceOf(rows, both!.n)
}

/** Pairs what left with what came, by family. Shared with the model in memory. */
export const differenceOf = (
  rows: ReadonlyArray<{ readonly before: string | null; readonly after: string | null; readonly stem: string; readonly key: string | null }>,
  unchanged: number
): CollectionDifference => {
  const left = new Map<string, Array<{ readonly uid: string; readonly key: string | null }>>()
  for (const { before, key, stem } of rows) {
    if (before !== null) left.set(stem, [...(left.get(stem) ?? []), { uid: before, key }])
  }
  const added: Array<CollectionDifference["added"][number]> = []
  const changed: Array<CollectionDifference["changed"][number]> = []
  for (const { after, key, stem } of rows) {
    if (after === null) continue
    const old = left.get(stem)?.shift()
    if (old === undefined) added.push({ uid: after, key })
    else changed.push({ from: old.uid, to: after, key })
  }
  const gone = new Set([...left.values()].flat().map(({ uid }) => uid))
  return { added, removed: rows.flatMap(({ before, key }) => (before !== null && gone.has(before) ? [{ uid: before, key }] : [])), changed, unchanged }
}
