/**
 * A registry, or the part of one that some saves touch, as plain data in memory; and what a save, a rename or a release does to it.
 *
 * Records are mutable and belong to the state. What changes is noted, so that a store can write it down; times are microseconds since 1970.
 */
import { compareBytes } from "./ByteOrder.ts"
import type { HashType } from "./ContentHash.ts"
import type { FolderMember } from "./FolderManifest.ts"
import type { KeyEvent, LocationState } from "./Artifact.ts"
import { stemOf, versionPart } from "./Uid.ts"

export interface ArtifactRecord {
  readonly uid: string
  readonly stem: string
  readonly seq: number
  isLatest: boolean
  key: string | null
  formerKey: string | null
  readonly suffix: string
  readonly kind: string | null
  description: string | null
  version: string | null
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
  /** Of a folder; absent or null for a file. */
  readonly manifestHash?: string | null
  readonly nFiles: number | null
  readonly nObservations: number | null
  readonly run: string | null
  readonly account: string | null
  readonly createdAt: number
  updatedAt: number
}

export interface KeyRecord {
  readonly key: string
  readonly artifact: string
  readonly since: number
  readonly event: KeyEvent["event"]
  readonly run: string | null
}

export interface LocationRecord {
  readonly artifact: string
  readonly root: string
  readonly objectKey: string
  readonly isVirtual: boolean
  readonly inPlace: boolean
  state: LocationState
  readonly createdAt: number
  verifiedAt: number | null
}

/** What a state was asked to remember since it was made. */
export interface RegistryChanges {
  readonly made: Array<ArtifactRecord>
  readonly changed: Set<ArtifactRecord>
  /** Names of keys that point elsewhere than before, or nowhere. */
  readonly keys: Set<string>
  readonly history: Array<KeyRecord>
  readonly placed: Array<LocationRecord>
  readonly judged: Set<LocationRecord>
  /** Members of folders that were made, by uid. */
  readonly members: Map<string, ReadonlyArray<FolderMember>>
}

/** Oldest first. */
export const byAge = (a: KeyRecord, b: KeyRecord): number => a.since - b.since || compareBytes(a.key, b.key)

/** What tells contents apart. */
interface Content {
  readonly hash: string
  readonly hashType: HashType
  readonly size: number
  readonly manifestHash?: string | null
}

const contentId = ({ hash, hashType, manifestHash, size }: Content): string => `${size} ${hashType} ${hash} ${manifestHash ?? ""}`

export class RegistryState {
  readonly artifacts = new Map<string, ArtifactRecord>()
  readonly keys = new Map<string, KeyRecord>()
  readonly changes: RegistryChanges = { made: [], changed: new Set(), keys: new Set(), history: [], placed: [], judged: new Set(), members: new Map() }
  readonly #oldest = new Map<string, ArtifactRecord>()
  readonly #newestSeq = new Map<string, number>()
  readonly #latest = new Map<string, ArtifactRecord>()
  /** Keys of an artifact by age; those that have left are still in it and recognised by not being live any more. */
  readonly #aging = new Map<string, { rows: Array<KeyRecord>; from: number }>()
  readonly #places = new Map<string, Array<LocationRecord>>()
  readonly #goodCopies = new Map<string, number>()

  // Loading. Artifacts come in any order, keys of one artifact oldest first.

  addArtifact(record: ArtifactRecord): void {
    this.artifacts.set(record.uid, record)
    const id = contentId(record)
    const oldest = this.#oldest.get(id)
    if (oldest === undefined || isOlder(record, oldest)) this.#oldest.set(id, record)
    if (record.seq >= (this.#newestSeq.get(record.stem) ?? 0)) this.#newestSeq.set(record.stem, record.seq)
    if (record.isLatest) this.#latest.set(record.stem, record)
  }

  addKey(record: KeyRecord): void {
    this.keys.set(record.key, record)
    const aging = this.#aging.get(record.artifact)
    if (aging === undefined) this.#aging.set(record.artifact, { rows: [record], from: 0 })
    else aging.rows.push(record)
  }

  addLocation(record: LocationRecord): void {
    const place = placeId(record)
    const there = this.#places.get(place)
    if (there === undefined) this.#places.set(place, [record])
    else there.push(record)
    if (record.state === "ok") this.countGoodCopies(record.artifact, 1)
  }

  /** For a state that does not hold every location. */
  countGoodCopies(uid: string, more: number): void {
    this.#goodCopies.set(uid, this.goodCopies(uid) + more)
  }

  /** For a state that does not hold every version. */
  noteNewestSeq(stem: string, seq: number): void {
    this.#newestSeq.set(stem, Math.max(seq, this.#newestSeq.get(stem) ?? 0))
  }

  /** The live version of a family that has this tag. */
  taggedWith(stem: string, version: string): ArtifactRecord | undefined {
    for (const artifact of this.artifacts.values()) if (artifact.stem === stem && artifact.version === version) return artifact
    return undefined
  }

  /** A state of its own with the same content. */
  copy(): RegistryState {
    const copy = new RegistryState()
    for (const artifact of this.artifacts.values()) copy.addArtifact({ ...artifact })
    for (const [stem, seq] of this.#newestSeq) copy.noteNewestSeq(stem, seq)
    for (const key of [...this.keys.values()].sort(byAge)) copy.addKey(key)
    for (const location of this.locations()) copy.addLocation({ ...location })
    for (const [stem, seq] of this.#newestSeq) copy.noteNewestSeq(stem, seq)
    for (const row of this.changes.history) copy.changes.history.push(row)
    for (const [uid, members] of this.changes.members) copy.changes.members.set(uid, members)
    return copy
  }

  // Looking.

  goodCopies(uid: string): number {
    return this.#goodCopies.get(uid) ?? 0
  }

  /** The oldest artifact with this content. */
  oldestWith(content: Content): ArtifactRecord | undefined {
    return this.#oldest.get(contentId(content))
  }

  locationsAt(root: string, objectKey: string): ReadonlyArray<LocationRecord> {
    return this.#places.get(placeId({ root, objectKey })) ?? []
  }

  *locations(): Iterable<LocationRecord> {
    for (const there of this.#places.values()) yield* there
  }

  holds(key: string, content: Content): boolean {
    const artifact = this.artifacts.get(this.keys.get(key)?.artifact ?? "")
    return artifact !== undefined &&
      contentId(artifact) === contentId(content)
  }

  // Changing.

  make(record: ArtifactRecord, members: ReadonlyArray<FolderMember> | null = null): void {
    this.addArtifact(record)
    this.changes.made.push(record)
    if (members !== null) this.changes.members.set(record.uid, members)
  }

  /** Uid and number of the next version of a family; the newest until now is not the latest any more. */
  nextVersion(uid: string, now: number): { readonly uid: string; readonly seq: number } {
    const stem = stemOf(uid)
    const seq = (this.#newestSeq.get(stem) ?? 0) + 1
    const latest = this.#latest.get(stem)
    if (latest !== undefined) {
      latest.isLatest = false
      this.touch(latest, now)
    }
    return { uid: stem + versionPart(seq), seq }
  }

  touch(artifact: ArtifactRecord, now: number): void {
    artifact.updatedAt = now
    this.changes.changed.add(artifact)
  }

  /** Points a key at an artifact, away from where it pointed; an artifact without a key gets it as primary. */
  pointKey(record: KeyRecord): void {
    const before = this.keys.get(record.key)
    if (before !== undefined) this.#leave(before, record.since)
    this.addKey(record)
    this.changes.keys.add(record.key)
    const artifact = this.artifacts.get(record.artifact)!
    if (artifact.key === null) {
      artifact.key = record.key
      artifact.formerKey = null
      this.touch(artifact, record.since)
    }
  }

  /** Takes a key away from its artifact. */
  releaseKey(key: string, now: number, run: string | null): void {
    const before = this.keys.get(key)!
    this.#leave(before, now)
    this.changes.keys.add(key)
    this.changes.history.push({ key, artifact: before.artifact, since: now, event: "released", run })
  }

  /**
   * Renames keys all at once: each new name is free by then, or (`merges`) points at the same artifact and stays. A new key is as primary as the old one
   * was. Moves are in the order of age.
   */
  renameKeys(moves: ReadonlyArray<{ readonly from: string; readonly to: string; readonly merges: boolean }>, now: number, run: string | null): void {
    const rows = moves.map(({ from }) => this.keys.get(from)!)
    const wasPrimary = rows.map((row) => this.artifacts.get(row.artifact)!.key === row.key)
    for (const row of rows) {
      this.keys.delete(row.key)
      this.changes.keys.add(row.key)
      this.changes.history.push(row, { key: row.key, artifact: row.artifact, since: now, event: "released", run })
    }
    moves.forEach(({ merges, to }, i) => {
      if (merges) return
      this.addKey({ key: to, artifact: rows[i]!.artifact, since: now + 1 + i, event: "renamed", run })
      this.changes.keys.add(to)
    })
    moves.forEach(({ merges, to }, i) => {
      if (!wasPrimary[i]) return
      const artifact = this.artifacts.get(rows[i]!.artifact)!
      artifact.key = merges ? this.#oldestKeyOf(artifact.uid) : to
      this.touch(artifact, now)
    })
  }

  place(record: LocationRecord): void {
    this.addLocation(record)
    this.changes.placed.push(record)
  }

  /** Takes a location off the record. */
  forget(location: LocationRecord): void {
    this.judge(location, "missing")
    const place = placeId(location)
    this.#places.set(place, this.#places.get(place)!.filter((other) => other !== location))
  }

  judge(location: LocationRecord, state: LocationState): void {
    if (location.state === state) return
    this.countGoodCopies(location.artifact, (state === "ok" ? 1 : 0) - (location.state === "ok" ? 1 : 0))
    location.state = state
    this.changes.judged.add(location)
  }

  #leave(row: KeyRecord, now: number): void {
    this.keys.delete(row.key)
    this.changes.history.push(row)
    const artifact = this.artifacts.get(row.artifact)!
    if (artifact.key !== row.key) return
    artifact.key = this.#oldestKeyOf(artifact.uid)
    artifact.formerKey = artifact.key === null ? row.key : null
    this.touch(artifact, now)
  }

  #oldestKeyOf(uid: string): string | null {
    const aging = this.#aging.get(uid)
    if (aging === undefined) return null
    while (aging.from < aging.rows.length && this.keys.get(aging.rows[aging.from]!.key) !== aging.rows[aging.from]) aging.from += 1
    return aging.rows[aging.from]?.key ?? null
  }
}

const isOlder = (a: ArtifactRecord, b: ArtifactRecord): boolean => a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.uid < b.uid)

const placeId = ({ objectKey, root }: { readonly root: string; readonly objectKey: string }): string => `${root} ${objectKey}`
