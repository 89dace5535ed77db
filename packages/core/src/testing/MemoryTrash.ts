/**
 * The trash of a registry in memory.
 */
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import { type ArtifactRecord, byAge, type KeyRecord } from "../domain/RegistryState.ts"
import { type InvalidInput, KeyConflict, NoGoodLocation, NotFound } from "../domain/SheafError.ts"
import { isUid } from "../domain/Uid.ts"
import { isoTime } from "../layers/DuckDbRows.ts"
import { tagTaken } from "../layers/DuckDbTrash.ts"
import { type LeavingArtifact, Trash, type TrashedArtifact, type TrashSelection } from "../ports/Trash.ts"
import { handleOf, type MemoryRecords, MemoryStore, nextTime, read, recordOf, renewLatest, replaceLive, type TrashRecord, write } from "./MemoryStore.ts"

/** The trash over the records of a store. */
export const layer: Layer.Layer<Trash, never, MemoryStore> = Layer.effect(Trash, Effect.map(MemoryStore, (records) =>
  Trash.of({
    move: (selection, { account, dryRun }) => {
      const work = () => {
        const leaving = planMove(records, selection)
        if (!dryRun && leaving.length > 0) applyMove(records, new Set(leaving.map(({ uid }) => uid)), account)
        return leaving
      }
      return dryRun ? read<ReadonlyArray<LeavingArtifact>, NotFound>(records, work) : write<ReadonlyArray<LeavingArtifact>, NotFound>(records, work)
    },
    restore: (uids, { dryRun }) => {
      const work = () => {
        const returning = planRestore(records, new Set(uids))
        const shown = returning.map((record) => trashed(records, record))
        if (!dryRun && returning.length > 0) applyRestore(records, returning)
        return shown
      }
      type Errors = NotFound | KeyConflict | InvalidInput | NoGoodLocation
      return dryRun ? read<ReadonlyArray<TrashedArtifact>, Errors>(records, work) : write<ReadonlyArray<TrashedArtifact>, Errors>(records, work)
    },
    list: read(records, () => inOrder(records.trash.values()).map((record) => trashed(records, record))),
    find: (reference) => read(records, () => find(records, reference))
  })
))

/** By key, what has none last, then by uid. */
export const byPrimaryKey = (a: { readonly key: string | null; readonly uid: string }, b: { readonly key: string | null; readonly uid: string }): number =>
  Number(a.key === null) - Number(b.key === null) || compareBytes(a.key ?? "", b.key ?? "") || compareBytes(a.uid, b.uid)

/** The primary key first, the others by age. */
export const primaryFirst = (primary: string | null, keys: ReadonlyArray<KeyRecord>): ReadonlyArray<string> =>
  [...keys].sort((a, b) => Number(b.key === primary) - Number(a.key === primary) || byAge(a, b)).map(({ key }) => key)

const least = (uids: Iterable<string>): string | undefined => [...uids].sort(compareBytes)[0]

const planMove = ({ state }: MemoryRecords, { prefixes, uids }: TrashSelection): ReadonlyArray<LeavingArtifact> => {
  const unknown = least(uids.filter((uid) => !state.artifacts.has(uid)))
  if (unknown !== undefined) throw new NotFound({ what: "artifact", reference: unknown, near: [] })
  const chosen = new Set(uids)
  for (const prefix of prefixes) {
    const below = [...state.keys.values()].filter(({ key }) => key.startsWith(prefix))
    if (below.length === 0) throw new NotFound({ what: "key below", reference: prefix, near: [] })
    for (const { artifact } of below) chosen.add(artifact)
  }
  const keys = Map.groupBy([...state.keys.values()].filter(({ artifact }) => chosen.has(artifact)), ({ artifact }) => artifact)
  const staying = Map.groupBy([...state.artifacts.values()].filter(({ uid }) => !chosen.has(uid)), ({ stem }) => stem)
  return [...chosen].map((uid): LeavingArtifact => {
    const { isLatest, key, size, stem, suffix } = state.artifacts.get(uid)!
    const next = [...(isLatest ? staying.get(stem) ?? [] : [])].sort((a, b) => b.seq - a.seq)[0]
    return { uid, key, keys: primaryFirst(key, keys.get(uid) ?? []), suffix, size, isLatest, nextLatest: next?.uid ?? null }
  }).sort(byPrimaryKey)
}

/** All at one time: what has to come later in a log is later than it. */
const applyMove = (records: MemoryRecords, chosen: ReadonlySet<string>, account: string | null): void => {
  const { state, trash } = records
  const now = nextTime(records, 1)
  const released = [...state.keys.values()].filter(({ artifact }) => chosen.has(artifact))
  const keys = Map.groupBy(released, ({ artifact }) => artifact)
  const stems = new Set<string>()
  for (const uid of chosen) {
    const artifact = state.artifacts.get(uid)!
    if (artifact.isLatest) stems.add(artifact.stem)
    artifact.isLatest = false
    artifact.updatedAt = now
    trash.set(uid, { artifact, keys: keys.get(uid) ?? [], at: now, account })
  }
  releaseAll(records, released, now)
  const left = [...state.artifacts.values()].filter(({ uid }) => !chosen.has(uid))
  renewLatest(left, stems, now)
  replaceLive(records, left, [...state.keys.values()].filter(({ artifact }) => !chosen.has(artifact)))
}

/** Notes in their logs that keys are released. */
export const releaseAll = ({ state }: MemoryRecords, keys: ReadonlyArray<KeyRecord>, now: number): void => {
  for (const row of keys) state.changes.history.push(row, { key: row.key, artifact: row.artifact, since: now, event: "released", run: null })
}

/** Newest first. */
const inOrder = (all: Iterable<TrashRecord>): ReadonlyArray<TrashRecord> =>
  [...all].sort((a, b) => b.at - a.at || byPrimaryKey(a.artifact, b.artifact))

const trashed = (records: MemoryRecords, { account, artifact, at, keys }: TrashRecord): TrashedArtifact => {
  const { createdAt, description, hash, hashType, key, size, suffix, uid } = artifact
  return {
    uid, key, keys: primaryFirst(key, keys), suffix, description, size, hash, hashType, createdAt: isoTime(createdAt), trashedAt: isoTime(at), trashedBy: handleOf(records, account)
  }
}

const planRestore = ({ state, trash }: MemoryRecords, uids: ReadonlySet<string>): ReadonlyArray<TrashRecord> => {
  const unknown = least([...uids].filter((uid) => !trash.has(uid)))
  if (unknown !== undefined) throw new NotFound({ what: "artifact in the trash", reference: unknown, near: [] })
  const returning = [...uids].map((uid) => trash.get(uid)!)
  const wanted = Map.groupBy(returning.flatMap(({ keys }) => keys), ({ key }) => key)
  for (const key of [...wanted.keys()].sort(compareBytes)) {
    const had = wanted.get(key)!.map(({ artifact }) => artifact).sort(compareBytes)
    const holder = state.keys.get(key)?.artifact
    if (holder !== undefined) throw new KeyConflict({ key, uid: had[0]!, holder })
    if (had.length > 1) throw new KeyConflict({ key, uid: had.at(-1)!, holder: had[0]! })
  }
  const tagOf = ({ stem, version }: ArtifactRecord): string => `${stem} ${version}`
  const holders = new Map([...state.artifacts.values()].flatMap((artifact) => (artifact.version === null ? [] : [[tagOf(artifact), artifact.uid] as const])))
  for (const { artifact } of returning.toSorted((a, b) => compareBytes(a.artifact.uid, b.artifact.uid))) {
    if (artifact.version === null) continue
    const holder = holders.get(tagOf(artifact))
    if (holder !== undefined) throw tagTaken({ uid: artifact.uid, version: artifact.version, holder })
    holders.set(tagOf(artifact), artifact.uid)
  }
  // Its storage root may have been removed meanwhile.
  const placed = new Set([...state.locations()].map(({ artifact }) => artifact))
  const bare = least([...uids].filter((uid) => !placed.has(uid)))
  if (bare !== undefined) throw new NoGoodLocation({ uid: bare, tried: [] })
  return inOrder(returning)
}

/** Keys keep the order of their age. */
const applyRestore = (records: MemoryRecords, returning: ReadonlyArray<TrashRecord>): void => {
  const { state, trash } = records
  const now = nextTime(records, returning.reduce((most, record) => Math.max(most, record.keys.length), 0) + 1)
  const keys = returning.flatMap((record) =>
    [...record.keys].sort(byAge).map(({ artifact, key }, i): KeyRecord => ({ key, artifact, since: now + 1 + i, event: "restored", run: null })))
  for (const { artifact } of returning) {
    artifact.updatedAt = now
    trash.delete(artifact.uid)
  }
  const live = [...state.artifacts.values(), ...returning.map(({ artifact }) => artifact)]
  renewLatest(live, new Set(returning.map(({ artifact }) => artifact.stem)), now)
  replaceLive(records, live, [...state.keys.values(), ...keys])
  recoverCopies(records, new Set(returning.map(({ artifact }) => artifact.uid)))
}

/** A file in place that was registered again meanwhile, with the same content, is a copy of both. */
const recoverCopies = (records: MemoryRecords, uids: ReadonlySet<string>): void => {
  const { state } = records
  for (const location of state.locations()) {
    if (!uids.has(location.artifact) || location.state !== "replaced") continue
    const own = state.artifacts.get(location.artifact)!
    const isShared = state.locationsAt(location.root, location.objectKey).some((other) => {
      const there = other.state === "ok" ? recordOf(records, other.artifact) : undefined
      return there !== undefined && there.hash === own.hash && there.hashType === own.hashType && there.size === own.size &&
        (there.manifestHash ?? null) === (own.manifestHash ?? null)
    })
    if (isShared) state.judge(location, "ok")
  }
}

/** The shortest beginning of a uid that is taken for one. */
const MIN_PREFIX = 4

const find = ({ trash }: MemoryRecords, reference: string): ReadonlyArray<string> => {
  const having = (fits: (key: string) => boolean): ReadonlyArray<string> =>
    [...trash.values()].filter(({ keys }) => keys.some(({ key }) => fits(key))).map(({ artifact }) => artifact.uid).sort(compareBytes)
  if (reference.endsWith("/")) return having((key) => key.startsWith(reference))
  const byKey = having((key) => key === reference)
  if (byKey.length > 0) return byKey
  return reference.length >= MIN_PREFIX && isUid(reference, "artifact", { prefix: true })
    ? [...trash.keys()].filter((uid) => uid.startsWith(reference)).sort(compareBytes)
    : []
}
