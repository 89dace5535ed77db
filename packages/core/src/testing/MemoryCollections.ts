/**
 * Collections of a registry in memory: the reference that others are compared with.
 */
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { Collection, CollectionDifference } from "../domain/Collection.ts"
import { collectionHash } from "../domain/ContentHash.ts"
import { NotFound } from "../domain/SheafError.ts"
import { stemOf, versionPart } from "../domain/Uid.ts"
import { differenceOf } from "../layers/DuckDbCollections.ts"
import { isoTime, wellFormed } from "../layers/DuckDbRows.ts"
import { CollectionStore, type MemberChange, type PutCollection } from "../ports/CollectionStore.ts"
import { listedArtifacts } from "./MemoryArtifacts.ts"
import { type CollectionRecord, handleOf, type MemoryRecords, MemoryStore, nextTime, read, recordOf, write } from "./MemoryStore.ts"
import { byPrimaryKey } from "./MemoryTrash.ts"

/** Collections in the records of a store. */
export const layer: Layer.Layer<CollectionStore, never, MemoryStore> = Layer.effect(CollectionStore, Effect.map(MemoryStore, (records) => {
  const found = (condition: (collection: CollectionRecord) => boolean): ReadonlyArray<Collection> => records.collections.filter(condition).map((one) => shown(records, one))
  return CollectionStore.of({
    put: (change) => write<PutCollection, NotFound>(records, () => put(records, change)),
    remove: (name) =>
      write(records, () => {
        const kept = records.collections.filter((collection) => collection.name !== name)
        const removed = records.collections.length - kept.length
        records.collections = kept
        return removed
      }),
    versions: (name) => read(records, () => found((collection) => collection.name === name)),
    byUid: (prefix, limit) => read(records, () => [...found(({ uid }) => uid.startsWith(prefix))].sort((a, b) => compareBytes(a.uid, b.uid)).slice(0, limit)),
    latest: read(records, () => [...found(({ isLatest }) => isLatest)].sort((a, b) => compareBytes(a.name, b.name))),
    members: (uid) => read(records, () => membersOf(records, uid)),
    difference: (from, to) => read(records, () => difference(records, membersOf(records, from), membersOf(records, to)))
  })
}))

const membersOf = ({ collections }: MemoryRecords, uid: string): ReadonlyArray<string> => collections.find((collection) => collection.uid === uid)?.members ?? []

const shown = (records: MemoryRecords, { account, createdAt, description, hash, isLatest, members, name, run, uid, version }: CollectionRecord): Collection => ({
  uid, name, hash, version, isLatest, description, members: members.length, run, createdBy: handleOf(records, account), createdAt: isoTime(createdAt)
})

const put = (records: MemoryRecords, { account, candidateUid, description, members, mode, name, run }: MemberChange): PutCollection => {
  const listed = listedArtifacts(records, members)
  const latest = records.collections.find((collection) => collection.name === name && collection.isLatest)
  if (latest === undefined && mode === "append") throw new NotFound({ what: "collection", reference: name, near: [] })
  const uids = mode === "append" ? [...new Set([...latest!.members, ...listed])] : listed
  if (latest !== undefined) {
    const had = new Set(latest.members)
    if (uids.length === had.size && uids.every((uid) => had.has(uid))) {
      return { collection: shown(records, latest), outcome: "existing", otherOrder: uids.some((uid, i) => latest.members[i] !== uid) }
    }
  }
  const version = (latest?.version ?? 0) + 1
  const made: CollectionRecord = {
    uid: stemOf(latest?.uid ?? candidateUid) + versionPart(version - 1), name, version, isLatest: true, description: wellFormed(description), run, members: uids, account,
    createdAt: nextTime(records, 1), hash: collectionHash(uids.map((uid) => recordOf(records, uid)!.hash))
  }
  records.collections = [...records.collections.map((other) => (other === latest ? { ...other, isLatest: false } : other)), made]
  return { collection: shown(records, made), outcome: latest === undefined ? "created" : "newVersion", otherOrder: false }
}

const difference = (records: MemoryRecords, before: ReadonlyArray<string>, after: ReadonlyArray<string>): CollectionDifference => {
  const [had, has] = [new Set(before), new Set(after)]
  const rows = [...new Set([...before, ...after])].filter((uid) => had.has(uid) !== has.has(uid)).map((uid) => {
    const { formerKey, key, stem } = recordOf(records, uid)!
    return { uid, before: had.has(uid) ? uid : null, after: has.has(uid) ? uid : null, stem, key: key ?? formerKey }
  })
  return differenceOf(rows.sort(byPrimaryKey), before.filter((uid) => has.has(uid)).length)
}
