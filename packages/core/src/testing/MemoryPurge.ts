/**
 * Deleting for good in a registry in memory.
 */
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { ArtifactRecord, LocationRecord } from "../domain/RegistryState.ts"
import { InUse, NotFound } from "../domain/SheafError.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { type DoomedArtifact, type DoomedObject, type OpenRemoval, Purge, type PurgePlan } from "../ports/Purge.ts"
import { heldByFolders, objectsAt } from "./MemoryCopies.ts"
import { type MemoryRecords, MemoryStore, nextTime, read, recordOf, renewLatest, replaceLive, write } from "./MemoryStore.ts"
import { byPrimaryKey, primaryFirst, releaseAll } from "./MemoryTrash.ts"

/** Objects that one note names. */
const OBJECTS_A_NOTE = 1000

/** Deleting from the records of a store. */
export const layer: Layer.Layer<Purge, never, MemoryStore> = Layer.effect(Purge, Effect.map(MemoryStore, (records) =>
  Purge.of({
    plan: (uids) =>
      read<PurgePlan, NotFound | InUse>(records, () => {
        const chosen = choose(records, uids)
        return { artifacts: doomed(records, chosen), objects: objectsOf(records, chosen) }
      }),
    apply: (uids, { keepRoots, sources }) =>
      write<ReadonlyArray<DoomedObject>, NotFound | InUse>(records, () => {
        const chosen = choose(records, uids)
        const objects = objectsOf(records, chosen)
        records.removals = [...records.removals, ...notesOf(objects.filter(({ inPlace, root }) => !keepRoots.includes(root) && (sources || !inPlace)))]
        remove(records, chosen)
        return objects
      }),
    open: read(records, ({ removals }) => removals),
    close: (uids) =>
      uids.length === 0 ? Effect.void : write(records, () => {
        records.removals = records.removals.filter(({ uid }) => !uids.includes(uid))
      }),
    referenced: (root, objectKeys) =>
      read(records, () =>
        new Set([...objectKeys.filter((key) => objectsAt(records, root, key).some(({ state }) => state !== "replaced")), ...heldByFolders(records, root, objectKeys, { standing: true })]))
  })
))

/** The records, each once; refuses what cannot go. */
const choose = (records: MemoryRecords, uids: ReadonlyArray<string>): ReadonlyArray<ArtifactRecord> => {
  const wanted = [...new Set(uids)].sort(compareBytes)
  const unknown = wanted.find((uid) => recordOf(records, uid) === undefined)
  if (unknown !== undefined) throw new NotFound({ what: "artifact", reference: unknown, near: [] })
  const holders = [...records.collections].sort((a, b) => Number(b.isLatest) - Number(a.isLatest) || compareBytes(a.name, b.name) || compareBytes(a.uid, b.uid))
  for (const { members, name, uid: holderUid } of holders) {
    const held = new Set(members)
    const uid = wanted.find((one) => held.has(one))
    if (uid !== undefined) throw new InUse({ uid, holder: `collection ${name}`, holderUid })
  }
  return wanted.map((uid) => recordOf(records, uid)!)
}

const doomed = ({ state, trash }: MemoryRecords, chosen: ReadonlyArray<ArtifactRecord>): ReadonlyArray<DoomedArtifact> => {
  const live = Map.groupBy(state.keys.values(), ({ artifact }) => artifact)
  return chosen.map(({ key, size, uid }) => {
    const gone = trash.get(uid)
    return { uid, key, keys: primaryFirst(key, gone?.keys ?? live.get(uid) ?? []), size, inTrash: gone !== undefined }
  }).sort(byPrimaryKey)
}

/** What stands at a location: the object itself, or each file of a folder. */
const standingAt = (records: MemoryRecords, { artifact, inPlace, objectKey, root }: LocationRecord): ReadonlyArray<DoomedObject> => {
  const { hash, hashType, size } = recordOf(records, artifact)!
  const members = records.state.changes.members.get(artifact)
  if (members !== undefined && members.length > 0) {
    return members.map((member) => ({ root, objectKey: `${objectKey}/${member.path}`, inPlace, size: member.size, hash: member.hash, hashType: member.hashType }))
  }
  return hashType === "md5-d" ? [] : [{ root, objectKey, inPlace, size, hash, hashType }]
}

/** Objects of these artifacts that no other one has. A place recorded as replaced is no reference, unless the very bytes stand there again. */
const objectsOf = (records: MemoryRecords, chosen: ReadonlyArray<ArtifactRecord>): ReadonlyArray<DoomedObject> => {
  const uids = new Set(chosen.map(({ uid }) => uid))
  const idOf = ({ objectKey, root }: DoomedObject): string => `${root} ${objectKey}`
  const bytesOf = (object: DoomedObject): string => `${idOf(object)} ${object.size} ${object.hash} ${object.hashType}`
  const mine = new Map<string, DoomedObject>()
  const others = new Set<string>()
  const back = new Set<string>()
  for (const location of records.state.locations()) {
    for (const object of standingAt(records, location)) {
      const id = idOf(object)
      if (location.state === "replaced") {
        if (!uids.has(location.artifact)) back.add(bytesOf(object))
      } else if (!uids.has(location.artifact)) others.add(id)
      else mine.set(id, { ...object, inPlace: object.inPlace || mine.get(id)?.inPlace === true })
    }
  }
  return [...mine].filter(([id, object]) => !others.has(id) && !back.has(bytesOf(object))).map(([, object]) => object)
    .sort((a, b) => compareBytes(a.root, b.root) || compareBytes(a.objectKey, b.objectKey))
}

const notesOf = (objects: ReadonlyArray<DoomedObject>): ReadonlyArray<OpenRemoval> =>
  [...Map.groupBy(objects, ({ root }) => root)].flatMap(([root, all]) =>
    Array.from({ length: Math.ceil(all.length / OBJECTS_A_NOTE) }, (_, i) => ({
      uid: randomBase62(16), root, objects: all.slice(i * OBJECTS_A_NOTE, (i + 1) * OBJECTS_A_NOTE).map(({ root: _root, ...object }) => object)
    })))

/** What their keys pointed at stays in the history of the keys. */
const remove = (records: MemoryRecords, chosen: ReadonlyArray<ArtifactRecord>): void => {
  const { state, trash } = records
  const now = nextTime(records, 1)
  const uids = new Set(chosen.map(({ uid }) => uid))
  releaseAll(records, [...state.keys.values()].filter(({ artifact }) => uids.has(artifact)), now)
  for (const uid of uids) {
    trash.delete(uid)
    state.changes.members.delete(uid)
    for (const carriers of [records.carriers, records.inputs, records.reproduced]) for (const artifacts of carriers.values()) artifacts.delete(uid)
  }
  for (const { seq, stem } of chosen) records.retired.set(stem, Math.max(seq, records.retired.get(stem) ?? 0))
  const left = [...state.artifacts.values()].filter(({ uid }) => !uids.has(uid))
  renewLatest(left, new Set(chosen.map(({ stem }) => stem)), now)
  replaceLive(records, left, [...state.keys.values()].filter(({ artifact }) => !uids.has(artifact)), [...state.locations()].filter(({ artifact }) => !uids.has(artifact)))
}
