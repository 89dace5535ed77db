/**
 * Storage roots and accounts.
 */
import { Effect } from "effect"
import { EXIT, NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomUid } from "../domain/Uid.ts"
import type { Registry, RootUsage } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { selectRoots } from "./DuckDbRows.ts"

type Roots = Pick<Registry["Service"], "account" | "roots" | "rootUsage" | "addRoot" | "setDefaultRoot" | "removeRoot">

/** The part of the registry that knows roots and accounts; see `ports/Registry`. */
export const roots = (client: DuckDbClient["Service"]): Roots => ({
  // Nearly always known: then nobody has to wait for a turn at writing.
  account: (handle) =>
    Effect.flatMap(client.read((s) => findAccount(s, handle)), (known) => known === null ? client.write((s) => account(s, handle)) : Effect.succeed(known)),
  roots: client.read(selectRoots),
  rootUsage: client.read(rootUsage),
  addRoot: (root) => client.write<void, StorageRootProblem>((s) => addRoot(s, root)),
  setDefaultRoot: (uid) =>
    client.write<void, NotFound>(async (s) => {
      await rootByUid(s, uid)
      await s.run(`UPDATE reg.storage_root SET is_default = (uid = $1)`, [uid])
    }),
  removeRoot: (uid) => client.write<void, NotFound | StorageRootProblem>((s) => removeRoot(s, uid))
})

const findAccount = async (s: DuckDbSession, handle: string): Promise<string | null> => {
  const [known] = await s.rows<{ uid: string }>(`SELECT uid FROM reg.account WHERE handle = $1`, [handle])
  return known?.uid ?? null
}

const account = async (s: DuckDbSession, handle: string): Promise<string> => {
  const known = await findAccount(s, handle)
  if (known !== null) return known
  const uid = randomUid("account")
  await s.insert("reg.account", { uid, handle, created_at: Date.now() * 1000 })
  return uid
}

const rootByUid = async (s: DuckDbSession, uid: string): Promise<StorageRoot> => {
  const all = await selectRoots(s)
  const root = all.find((one) => one.uid === uid)
  if (root === undefined) throw new NotFound({ what: "storage root", reference: uid, near: all.map((one) => one.uid) })
  return root
}

/** Refuses a root with the URL of another one. Shared with the model in memory. */
export const sameUrl = (root: StorageRoot): StorageRootProblem =>
  new StorageRootProblem({ url: root.url, reason: "is registered already", advice: "Nothing was changed. sheaf storage list shows all roots.", exit: EXIT.conflict })

/** Refuses to remove the default root. */
export const isDefaultRoot = (root: StorageRoot): StorageRootProblem =>
  new StorageRootProblem({ url: root.url, reason: "is the default", advice: "Make another root the default first: sheaf storage default ROOT.", exit: EXIT.conflict })

/** Refuses to remove a root without which `count` artifacts would have no copy. */
export const holdsOnlyCopies = (root: StorageRoot, count: number): StorageRootProblem =>
  new StorageRootProblem({
    url: root.url,
    reason: `holds the only copy of ${count} artifact${count === 1 ? "" : "s"}`,
    advice: "Nothing was changed. Make copies elsewhere first: sheaf copy REF --to ROOT.",
    exit: EXIT.conflict
  })

const addRoot = async (s: DuckDbSession, root: StorageRoot): Promise<void> => {
  const all = await selectRoots(s)
  if (all.some((one) => one.url === root.url)) throw sameUrl(root)
  const isDefault = root.isDefault || all.length === 0
  if (isDefault) await s.run(`UPDATE reg.storage_root SET is_default = false`)
  await s.insert("reg.storage_root", {
    uid: root.uid, url: root.url, scheme: root.scheme, name: root.name, is_default: isDefault, read_only: root.readOnly, created_at: Date.parse(root.createdAt) * 1000
  })
}

interface Usage {
  readonly root: string
  readonly artifacts: number
  readonly bytes: number
  /** Artifacts that have a good copy in another root too. */
  readonly shared: number
}

const rootUsage = async (s: DuckDbSession): Promise<ReadonlyArray<RootUsage>> => {
  const rows = await s.rows<Usage>(`WITH good AS (SELECT artifact, root FROM reg.location WHERE state = 'ok' GROUP BY artifact, root),
      several AS (SELECT artifact FROM reg.location WHERE state = 'ok' GROUP BY artifact HAVING min(root) <> max(root))
    SELECT good.root, count(*) AS artifacts, sum(a.size) AS bytes, count(several.artifact) AS shared
    FROM good JOIN reg.artifact a ON a.uid = good.artifact LEFT JOIN several ON several.artifact = good.artifact WHERE a.visibility = 1 GROUP BY good.root`)
  const usage = new Map(rows.map((row) => [row.root, row]))
  return (await selectRoots(s)).map((root) => {
    const { artifacts, bytes, shared } = usage.get(root.uid) ?? { artifacts: 0, bytes: 0, shared: 0 }
    return { root, artifacts, bytes, soleCopies: artifacts - shared }
  })
}

const removeRoot = async (s: DuckDbSession, uid: string): Promise<void> => {
  const root = await rootByUid(s, uid)
  const [sole] = await s.rows<{ n: number }>(`SELECT count(DISTINCT l.artifact) AS n FROM reg.location l
    SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = l.artifact
    ANTI JOIN (SELECT artifact FROM reg.location WHERE root <> $1 AND state = 'ok') elsewhere ON elsewhere.artifact = l.artifact
    WHERE l.root = $1 AND l.state = 'ok'`, [uid])
  if (sole!.n > 0) throw holdsOnlyCopies(root, sole!.n)
  if (root.isDefault) throw isDefaultRoot(root)
  await s.run(`DELETE FROM reg.location WHERE root = $1`, [uid])
  await s.run(`DELETE FROM reg.storage_root WHERE uid = $1`, [uid])
}
