/**
 * The records of a registry in plain memory, which all its ports share.
 *
 * Work is one synchronous step, so that nothing overlaps. Publishing alone waits for something in between, so whatever writes takes its turn.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import type { Collection } from "../domain/Collection.ts"
import type { Label } from "../domain/Label.ts"
import { type ArtifactRecord, byAge, type KeyRecord, type LocationRecord, RegistryState } from "../domain/RegistryState.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomBase62 } from "../domain/Uid.ts"
import type { OpenRemoval } from "../ports/Purge.ts"

/** An artifact in the trash. Its record keeps the primary key that it had. */
export interface TrashRecord {
  readonly artifact: ArtifactRecord
  /** As they were live. */
  readonly keys: ReadonlyArray<KeyRecord>
  readonly at: number
  /** Uid of the account. */
  readonly account: string | null
}

/** A label as it is kept: the account by uid, no name of the parent. */
export interface LabelRecord extends Pick<Label, "uid" | "name" | "type" | "parentUid" | "description"> {
  readonly account: string | null
  readonly createdAt: number
}

/** A version of a collection as it is kept. */
export interface CollectionRecord extends Omit<Collection, "members" | "createdBy" | "createdAt"> {
  /** In order. */
  readonly members: ReadonlyArray<string>
  readonly account: string | null
  readonly createdAt: number
}

export interface TransformRecord {
  readonly uid: string
  readonly seq: number
  readonly isLatest: boolean
  readonly key: string
  readonly kind: string
  readonly sourceHash: string | null
  readonly createdAt: number
}

export interface RunRecord {
  readonly uid: string
  /** Uid. */
  readonly transform: string
  readonly status: "running" | "finished" | "failed"
  /** JSON, as are `params` and `environment`. */
  readonly command: string | null
  readonly params: string
  readonly environment: string
  readonly gitCommit: string | null
  readonly exitCode: number | null
  readonly account: string | null
  readonly startedAt: number
  readonly finishedAt: number | null
}

/** Everything that a registry knows; times are microseconds since 1970. */
export interface MemoryRecords {
  /** Of this store and no other. */
  readonly id: string
  /** Live artifacts, their keys, the history of all keys; the copies and members of all artifacts, also of those in the trash. */
  state: RegistryState
  /** Oldest first. */
  roots: ReadonlyArray<StorageRoot>
  /** The newest version number of families whose newest version was deleted: it is not given out again. */
  readonly retired: Map<string, number>
  /** Uids by handle. */
  readonly accounts: Map<string, string>
  readonly trash: Map<string, TrashRecord>
  readonly labels: Map<string, LabelRecord>
  /** Uids of artifacts by uid of a label. */
  readonly carriers: Map<string, Set<string>>
  /** Oldest first. */
  collections: ReadonlyArray<CollectionRecord>
  readonly transforms: Map<string, TransformRecord>
  readonly runs: Map<string, RunRecord>
  /** Uids of artifacts by uid of the run that read them. */
  readonly inputs: Map<string, Set<string>>
  /** Uids of artifacts by uid of a run that made them again. */
  readonly reproduced: Map<string, Set<string>>
  /** Oldest first. */
  removals: ReadonlyArray<OpenRemoval>
  /** The newest time given out. */
  newest: number
  /** How often something was written. */
  changes: number
  readonly turn: Semaphore.Semaphore
}

/** Records of a registry that knows some storage roots and nothing else. */
export const emptyRecords = (roots: ReadonlyArray<StorageRoot> = []): MemoryRecords => ({
  id: randomBase62(12), state: new RegistryState(), roots, retired: new Map(), accounts: new Map(), trash: new Map(), labels: new Map(), carriers: new Map(), collections: [], transforms: new Map(),
  runs: new Map(), inputs: new Map(), reproduced: new Map(), removals: [], newest: 0, changes: 0, turn: Semaphore.makeUnsafe(1)
})

/** What the ports of a registry in memory stand on. */
export class MemoryStore extends Context.Service<MemoryStore, MemoryRecords>()("@sheaf/core/testing/MemoryStore") {}

/** Empty each time that it is built. */
export const layer: Layer.Layer<MemoryStore> = Layer.sync(MemoryStore, () => emptyRecords())

/** Work that changes nothing. Tagged errors that it throws are its refusals. */
export const read = <A, E = never>(records: MemoryRecords, use: (records: MemoryRecords) => A): Effect.Effect<A, E> =>
  Effect.suspend((): Effect.Effect<A, E> => {
    try {
      return Effect.succeed(use(records))
    } catch (error) {
      if (error instanceof Error && "_tag" in error) return Effect.fail(error as E)
      throw error
    }
  })

/** Work that writes, when its turn comes. It throws before it changes anything. */
export const write = <A, E = never>(records: MemoryRecords, use: (records: MemoryRecords) => A): Effect.Effect<A, E> =>
  records.turn.withPermit(read<A, E>(records, () => {
    const value = use(records)
    records.changes += 1
    return value
  }))

/** The first of `count` times that are one microsecond apart: now, but later than any given out before. */
export const nextTime = (records: MemoryRecords, count: number): number => {
  const first = Math.max(Date.now() * 1000, records.newest + 1)
  records.newest = first + count - 1
  return first
}

/** The record of an artifact, live or in the trash. */
export const recordOf = ({ state, trash }: MemoryRecords, uid: string): ArtifactRecord | undefined => state.artifacts.get(uid) ?? trash.get(uid)?.artifact

/** Handle of an account, or its uid when there is none. */
export const handleOf = ({ accounts }: MemoryRecords, account: string | null): string | null =>
  account === null ? null : [...accounts].find(([, uid]) => uid === account)?.[0] ?? account

/** Exchanges what is live, after artifacts have come or gone; history and members stay. */
export const replaceLive = (
  records: MemoryRecords,
  artifacts: Iterable<ArtifactRecord>,
  keys: Iterable<KeyRecord>,
  locations: Iterable<LocationRecord> = records.state.locations()
): void => {
  const next = new RegistryState()
  for (const artifact of artifacts) next.addArtifact(artifact)
  // A number is given once, also while its artifact is in the trash, and when it is gone.
  for (const [stem, seq] of records.retired) next.noteNewestSeq(stem, seq)
  for (const { artifact } of records.trash.values()) next.noteNewestSeq(artifact.stem, artifact.seq)
  for (const key of [...keys].sort(byAge)) next.addKey(key)
  for (const location of locations) next.addLocation(location)
  for (const row of records.state.changes.history) next.changes.history.push(row)
  for (const [uid, members] of records.state.changes.members) next.changes.members.set(uid, members)
  records.state = next
}

/** Of these live artifacts, makes the newest version of families the latest one, and no other. */
export const renewLatest = (artifacts: ReadonlyArray<ArtifactRecord>, stems: ReadonlySet<string>, now: number): void => {
  const family = artifacts.filter(({ stem }) => stems.has(stem))
  const newest = new Map<string, number>()
  for (const { seq, stem } of family) newest.set(stem, Math.max(seq, newest.get(stem) ?? seq))
  for (const artifact of family) {
    if (artifact.isLatest === (artifact.seq === newest.get(artifact.stem))) continue
    artifact.isLatest = !artifact.isLatest
    artifact.updatedAt = now
  }
}

/** Records that a run made artifacts again that were there, unless it made them in the first place. */
export const noteReproduced = (records: MemoryRecords, run: string | null, uids: Iterable<string>): void => {
  if (run === null) return
  for (const uid of uids) {
    if (recordOf(records, uid)?.run === run) continue
    records.reproduced.set(run, (records.reproduced.get(run) ?? new Set()).add(uid))
  }
}
