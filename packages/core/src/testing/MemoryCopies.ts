/**
 * Copies in a registry in memory: choosing, adding, moving and judging them.
 */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { LocationRecord } from "../domain/RegistryState.ts"
import { NotFound } from "../domain/SheafError.ts"
import type { CopyFilter, ObjectFilter, Registry, StoredCopy } from "../ports/Registry.ts"
import { type MemoryRecords, nextTime, recordOf, write } from "./MemoryStore.ts"

type Copies = Pick<Registry["Service"], "recordStates" | "moveLocations" | "putLocation">

/** Whether a key is the prefix, or below it by whole segments. */
export const isBelow = (key: string, prefix: string): boolean => prefix === "" || key === prefix || key.startsWith(`${prefix}/`)

/** Copies of live artifacts that match. */
export const matchingCopies = ({ state }: MemoryRecords, { keyPrefix = "", root, sample, uids }: CopyFilter): ReadonlyArray<LocationRecord> => {
  const wanted = uids === undefined ? null : new Set(uids)
  const named = keyPrefix === "" ? null : new Set([...state.keys.values()].filter(({ key }) => isBelow(key, keyPrefix)).map(({ artifact }) => artifact))
  const isDrawn = (artifact: string): boolean =>
    sample === undefined || Number.parseInt(createHash("md5").update(artifact + sample.seed).digest("hex").slice(0, 8), 16) < Math.round(sample.share * 2 ** 32)
  return [...state.locations()].filter((location) =>
    state.artifacts.has(location.artifact) && (root === undefined || location.root === root) && wanted?.has(location.artifact) !== false &&
    named?.has(location.artifact) !== false && isDrawn(location.artifact))
}

/** See `copies` in `ports/Registry`. */
export const storedCopies = (records: MemoryRecords, filter: CopyFilter): ReadonlyArray<StoredCopy> =>
  asStored(records, matchingCopies(records, filter))

const asStored = (records: MemoryRecords, locations: ReadonlyArray<LocationRecord>): ReadonlyArray<StoredCopy> =>
  [...locations]
    .sort((a, b) => compareBytes(a.root, b.root) || compareBytes(a.objectKey, b.objectKey) || compareBytes(a.artifact, b.artifact))
    .map(({ artifact, inPlace, isVirtual, objectKey, root, state }) => {
      const { hash, hashType, key, size, suffix } = recordOf(records, artifact)!
      return { uid: artifact, key, root, objectKey, isVirtual, inPlace, suffix, size, hash, hashType, state }
    })

/** See `objects` in `ports/Registry`. */
export const storedObjects = (records: MemoryRecords, filter: ObjectFilter): ReadonlyArray<StoredCopy> => {
  const { isVirtual, keyPrefix, objectKeys, root, since = 0, uids, withInPlace = false, withTrash = false } = filter
  const [places, wanted] = [objectKeys, uids].map((list) => (list === undefined ? null : new Set(list)))
  return asStored(records, [...records.state.locations()].filter((location) => {
    const { artifact } = location
    const record = withTrash ? recordOf(records, artifact) : records.state.artifacts.get(artifact)
    return record !== undefined && (withInPlace || !location.inPlace) && record.nFiles === null && record.createdAt >= since * 1000 && (root === undefined || location.root === root) &&
      (isVirtual === undefined || location.isVirtual === isVirtual) && places?.has(location.objectKey) !== false && wanted?.has(artifact) !== false &&
      (keyPrefix === undefined || (record.key !== null && isBelow(record.key, keyPrefix)))
  }))
}

/** Where folders that are one artifact stand in a root. */
export const folderLocations = (records: MemoryRecords, root: string): ReadonlyArray<LocationRecord> =>
  [...records.state.locations()].filter((location) => location.root === root && (recordOf(records, location.artifact)?.nFiles ?? null) !== null)

/** Locations that name an object: what a location of a folder names is none. */
export const objectsAt = (records: MemoryRecords, root: string, objectKey: string): ReadonlyArray<LocationRecord> =>
  records.state.locationsAt(root, objectKey).filter(({ artifact }) => (recordOf(records, artifact)?.nFiles ?? null) === null)

/** Which of these objects are files of a folder that is one artifact; with `standing` of folders that are recorded to stand there now. */
export const heldByFolders = (
  records: MemoryRecords, root: string, objectKeys: ReadonlyArray<string>, { standing = false }: { readonly standing?: boolean } = {}
): ReadonlyArray<string> => {
  const held = new Set(folderLocations(records, root).filter(({ state }) => !standing || state !== "replaced").flatMap(({ artifact, objectKey }) =>
    (records.state.changes.members.get(artifact) ?? []).map(({ path }) => `${objectKey}/${path}`)))
  return objectKeys.filter((objectKey) => held.has(objectKey))
}

/** The part of the registry that writes where bytes are; see `ports/Registry`. */
export const copyChanges = (records: MemoryRecords): Copies => ({
  recordStates: (states) =>
    states.length === 0 ? Effect.void : write(records, ({ state }) => {
      for (const { objectKey, root, state: found, uid } of states) {
        const location = state.locationsAt(root, objectKey).find(({ artifact }) => artifact === uid)
        if (location === undefined) continue
        state.judge(location, found)
        location.verifiedAt = Date.now() * 1000
      }
    }),
  moveLocations: (root, moves) =>
    moves.length === 0 ? Effect.void : write(records, ({ state }) => {
      for (const { from, isVirtual, to, uid } of moves) {
        const old = state.locationsAt(root, from).find(({ artifact }) => artifact === uid)
        if (old === undefined) continue
        const moved = { ...old, objectKey: to, isVirtual }
        state.forget(old)
        state.place(moved)
      }
    }),
  putLocation: ({ from, isVirtual, objectKey, root, uid }) =>
    write<void, NotFound>(records, ({ state }) => {
      if (!state.artifacts.has(uid)) throw new NotFound({ what: "artifact", reference: uid, near: [] })
      const at = (place: string) => state.locationsAt(root, place).find(({ artifact }) => artifact === uid)
      const old = from === undefined ? undefined : at(from)
      if (from !== undefined && old === undefined) throw new NotFound({ what: "copy", reference: from, near: [] })
      if (old !== undefined && from !== objectKey) state.forget(old)
      const there = at(objectKey)
      if (there !== undefined) state.forget(there)
      const before = there ?? { inPlace: false, createdAt: nextTime(records, 1), verifiedAt: null }
      state.place({ ...before, artifact: uid, root, objectKey, isVirtual, state: "ok" })
    })
})
