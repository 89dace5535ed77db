/**
 * Labels in the DuckDB registry. There are few of them, so that their hierarchy is looked at as a whole; what carries them is written set-based.
 */
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { Label } from "../domain/Label.ts"
import { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { type CreatedLabel, LabelStore, type NewLabel } from "../ports/LabelStore.ts"
import { withArtifacts } from "./DuckDbArtifactList.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { isoTime, nextTime, oneOf, wellFormed } from "./DuckDbRows.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<LabelStore, never, DuckDbClient> = Layer.effect(
  LabelStore,
  Effect.map(DuckDbClient, (client) =>
    LabelStore.of({
      create: (label) => client.write<CreatedLabel, NotFound | InvalidInput>((s) => create(s, label)),
      setParent: (uid, parent) => client.write<Label, NotFound | InvalidInput>((s) => setParent(s, uid, parent)),
      all: client.read(all),
      counts: client.read(counts),
      attach: (label, artifacts, run) =>
        client.write<number, NotFound>(async (s) => {
          if ((await s.rows(`SELECT uid FROM reg.label WHERE uid = $1`, [label])).length === 0) throw unknownLabel(label)
          return withArtifacts(s, artifacts, (listed) => attach(s, label, listed, run))
        }),
      detach: (label, uids) => (uids.length === 0 ? Effect.succeed(0) : client.write((s) => detach(s, label, uids)))
    }))
)

/** Shared with the model in memory. */
export const unknownLabel = (reference: string): NotFound => new NotFound({ what: "label", reference, near: [] })

/** Type, then name: the order of lists. Shared with the model in memory. */
export const byTypeAndName = (a: Label, b: Label): number =>
  Number(a.type !== null) - Number(b.type !== null) || compareBytes(a.type ?? "", b.type ?? "") || compareBytes(a.name, b.name)

/** Refuses a parent that does not exist, or that is the label itself or below it. Shared with the model in memory. */
export const checkParent = (labels: ReadonlyArray<Label>, uid: string, parent: string | null): void => {
  if (parent === null) return
  const byUid = new Map(labels.map((label) => [label.uid, label]))
  if (!byUid.has(parent)) throw unknownLabel(parent)
  for (let above: string | null | undefined = parent; above !== null && above !== undefined; above = byUid.get(above)?.parentUid) {
    if (above === uid) {
      throw new InvalidInput({
        what: `parent of the label ${byUid.get(uid)?.name ?? uid}`,
        reason: above === parent ? "a label is not its own parent" : `${byUid.get(parent)!.name} is below it already, and labels do not go in circles`,
        advice: "Nothing was changed. Choose a parent that is not below it."
      })
    }
  }
}

const all = async (s: DuckDbSession): Promise<ReadonlyArray<Label>> => {
  const rows = await s.rows<Omit<Label, "parent" | "createdAt"> & { readonly createdAt: number }>(`SELECT l.uid, l.name, l.type, l.parent AS "parentUid", l.description,
      coalesce(a.handle, l.account) AS "createdBy", l.created_at AS "createdAt" FROM reg.label l LEFT JOIN reg.account a ON a.uid = l.account`)
  const names = new Map(rows.map(({ name, uid }) => [uid, name]))
  return rows.map((row) => ({ ...row, parent: row.parentUid === null ? null : names.get(row.parentUid) ?? null, createdAt: isoTime(row.createdAt) })).sort(byTypeAndName)
}

const byUid = async (s: DuckDbSession, uid: string): Promise<Label> => {
  const found = (await all(s)).find((label) => label.uid === uid)
  if (found === undefined) throw unknownLabel(uid)
  return found
}

const create = async (s: DuckDbSession, { account, candidateUid, description, name, parent, type }: NewLabel): Promise<CreatedLabel> => {
  const labels = await all(s)
  const existing = labels.find((label) => label.name === name && label.type === type)
  if (existing === undefined) {
    checkParent(labels, candidateUid, parent)
    await s.insert("reg.label", { uid: candidateUid, name, type, parent, description: wellFormed(description), account, created_at: await nextTime(s, 1) })
    return { label: await byUid(s, candidateUid), created: true }
  }
  if (parent !== null && existing.parentUid === null) {
    checkParent(labels, existing.uid, parent)
    await s.run(`UPDATE reg.label SET parent = $1 WHERE uid = $2`, [parent, existing.uid])
  }
  if (description !== null && existing.description === null) {
    await s.run(`UPDATE reg.label SET description = $1 WHERE uid = $2`, [wellFormed(description), existing.uid])
  }
  return { label: await byUid(s, existing.uid), created: false }
}

const setParent = async (s: DuckDbSession, uid: string, parent: string | null): Promise<Label> => {
  const labels = await all(s)
  if (!labels.some((label) => label.uid === uid)) throw unknownLabel(uid)
  checkParent(labels, uid, parent)
  await s.run(`UPDATE reg.label SET parent = $1 WHERE uid = $2`, [parent, uid])
  return byUid(s, uid)
}

const counts = async (s: DuckDbSession): Promise<ReadonlyMap<string, number>> => {
  const rows = await s.rows<{ label: string; n: number }>(`SELECT l.label, count(*) AS n FROM reg.artifact_label l
    SEMI JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = l.artifact GROUP BY l.label`)
  return new Map(rows.map(({ label, n }) => [label, n]))
}

const attach = async (s: DuckDbSession, label: string, listed: string, run: string | null): Promise<number> => {
  const rest = `FROM ${listed} t ANTI JOIN (SELECT artifact FROM reg.artifact_label WHERE label = $1) had ON had.artifact = t.artifact`
  const [missing] = await s.rows<{ n: number }>(`SELECT count(*) AS n ${rest}`, [label])
  if (missing!.n === 0) return 0
  const now = await nextTime(s, 1)
  await s.run(`INSERT INTO reg.artifact_label (artifact, label, run, created_at) SELECT t.artifact, $1, $2, make_timestamp(${now}) ${rest} ORDER BY position`, [label, run])
  return missing!.n
}

const detach = async (s: DuckDbSession, label: string, uids: ReadonlyArray<string>): Promise<number> => {
  const [isOfThem, param] = oneOf("artifact", uids)
  const [carrying] = await s.rows<{ n: number }>(`SELECT count(*) AS n FROM reg.artifact_label WHERE ${isOfThem} AND label = $2`, [param, label])
  if (carrying!.n > 0) await s.run(`DELETE FROM reg.artifact_label WHERE ${isOfThem} AND label = $2`, [param, label])
  return carrying!.n
}
