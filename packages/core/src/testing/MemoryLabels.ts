/**
 * Labels of a registry in memory: the reference that others are compared with.
 */
import { Effect, Layer } from "effect"
import type { Label } from "../domain/Label.ts"
import type { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { byTypeAndName, checkParent, unknownLabel } from "../layers/DuckDbLabels.ts"
import { isoTime, wellFormed } from "../layers/DuckDbRows.ts"
import { type CreatedLabel, LabelStore, type NewLabel } from "../ports/LabelStore.ts"
import { listedArtifacts } from "./MemoryArtifacts.ts"
import { handleOf, type MemoryRecords, MemoryStore, nextTime, read, write } from "./MemoryStore.ts"

/** Labels in the records of a store. */
export const layer: Layer.Layer<LabelStore, never, MemoryStore> = Layer.effect(LabelStore, Effect.map(MemoryStore, (records) =>
  LabelStore.of({
    create: (label) => write<CreatedLabel, NotFound | InvalidInput>(records, () => create(records, label)),
    setParent: (uid, parent) =>
      write<Label, NotFound | InvalidInput>(records, ({ labels }) => {
        const label = labels.get(uid)
        if (label === undefined) throw unknownLabel(uid)
        checkParent(all(records), uid, parent)
        labels.set(uid, { ...label, parentUid: parent })
        return byUid(records, uid)
      }),
    all: read(records, () => all(records)),
    counts: read(records, ({ carriers, state }) =>
      new Map([...carriers].map(([label, uids]) => [label, [...uids].filter((uid) => state.artifacts.has(uid)).length] as const).filter(([, count]) => count > 0))),
    attach: (label, artifacts) =>
      write<number, NotFound>(records, ({ carriers, labels }) => {
        if (!labels.has(label)) throw unknownLabel(label)
        const listed = listedArtifacts(records, artifacts)
        const had = carriers.get(label) ?? new Set()
        carriers.set(label, new Set([...had, ...listed]))
        return listed.filter((uid) => !had.has(uid)).length
      }),
    detach: (label, uids) =>
      uids.length === 0 ? Effect.succeed(0) : write(records, ({ carriers }) => [...new Set(uids)].filter((uid) => carriers.get(label)?.delete(uid)).length)
  })
))

const all = (records: MemoryRecords): ReadonlyArray<Label> =>
  [...records.labels.values()].map(({ account, createdAt, description, name, parentUid, type, uid }) => ({
    uid, name, type, parent: parentUid === null ? null : records.labels.get(parentUid)?.name ?? null, parentUid, description, createdBy: handleOf(records, account), createdAt: isoTime(createdAt)
  })).sort(byTypeAndName)

const byUid = (records: MemoryRecords, uid: string): Label => all(records).find((label) => label.uid === uid)!

const create = (records: MemoryRecords, { account, candidateUid, description, name, parent, type }: NewLabel): CreatedLabel => {
  const existing = [...records.labels.values()].find((label) => label.name === name && label.type === type)
  if (existing === undefined || existing.parentUid === null) checkParent(all(records), existing?.uid ?? candidateUid, parent)
  const label = existing ?? { uid: candidateUid, name, type, parentUid: null, description: null, account, createdAt: nextTime(records, 1) }
  records.labels.set(label.uid, { ...label, parentUid: label.parentUid ?? parent, description: label.description ?? wellFormed(description) })
  return { label: byUid(records, label.uid), created: existing === undefined }
}
