/**
 * A registry in plain memory: the reference that others are compared with.
 */
import { Effect, Layer, Result, Stream } from "effect"
import { applySave } from "../domain/ApplySave.ts"
import type { KeyEvent } from "../domain/Artifact.ts"
import { portableFold } from "../domain/ArtifactKey.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { nearKeys } from "../domain/NearKeys.ts"
import { byAge, type RegistryState } from "../domain/RegistryState.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { type InvalidInput, KeyConflict, NotFound, type StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomUid } from "../domain/Uid.ts"
import { wouldBeUnnamed } from "../layers/DuckDbRegistry.ts"
import { holdsOnlyCopies, isDefaultRoot, sameUrl } from "../layers/DuckDbRoots.ts"
import { isoTime, wellFormed } from "../layers/DuckDbRows.ts"
import { SCHEMA_VERSION } from "../layers/DuckDbSchema.ts"
import { type KeyListing, type KeyMove, Registry, type SaveContext } from "../ports/Registry.ts"
import { artifactsOf } from "./MemoryArtifacts.ts"
import { copyChanges, heldByFolders, isBelow, objectsAt, storedCopies, storedObjects } from "./MemoryCopies.ts"
import { memoryPublish } from "./MemoryPublish.ts"
import { type MemoryRecords, MemoryStore, nextTime, noteReproduced, read, write } from "./MemoryStore.ts"

/** The registry over the records of a store. */
export const layer: Layer.Layer<Registry, never, MemoryStore> = Layer.effect(Registry, Effect.map(MemoryStore, (records) =>
  Registry.of({
    info: read(records, ({ roots, state }) => ({
      path: ":memory:",
      schema: SCHEMA_VERSION,
      artifacts: state.artifacts.size,
      keys: state.keys.size,
      locations: [...state.locations()].filter(({ artifact }) => state.artifacts.has(artifact)).length,
      bytes: [...state.artifacts.values()].reduce((sum, { size }) => sum + size, 0),
      roots: roots.length
    })),
    stamp: read(records, ({ changes, id }) => `${id} ${changes}`),
    account: (handle) =>
      Effect.suspend(() => {
        const known = records.accounts.get(handle)
        return known === undefined ? write(records, ({ accounts }) => remember(accounts, handle)) : Effect.succeed(known)
      }),

    roots: read(records, ({ roots }) => roots),
    rootUsage: read(records, () => records.roots.map((root) => usageOf(records, root))),
    addRoot: (root) => write<void, StorageRootProblem>(records, () => addRoot(records, root)),
    setDefaultRoot: (uid) =>
      write<void, NotFound>(records, () => {
        rootByUid(records, uid)
        records.roots = records.roots.map((root) => ({ ...root, isDefault: root.uid === uid }))
      }),
    removeRoot: (uid) => write<void, NotFound | StorageRootProblem>(records, () => removeRoot(records, uid)),

    save: (requests, context) => (requests.length === 0 ? Effect.succeed([]) : write(records, () => save(records, requests, context))),
    publish: (batch) => memoryPublish(records, batch),

    artifacts: (uids) => read(records, () => artifactsOf(records, uids)),
    uidsByPrefix: (prefix, limit) =>
      read(records, ({ state }) => [...state.artifacts.keys()].filter((uid) => uid.startsWith(prefix)).sort(compareBytes).slice(0, limit)),
    uidByKey: (key) => read(records, ({ state }) => state.keys.get(key)?.artifact ?? null),
    keysEqualInNfc: (key) => read(records, ({ state }) => keysWhere(state, (other) => other.normalize("NFC") === key.normalize("NFC"))),
    keysNear: (key, limit) => read(records, ({ state }) => nearKeys(key, state.keys.keys()).slice(0, limit)),
    keysFoldingLike: (key) => read(records, ({ state }) => keysWhere(state, (other) => other !== key && portableFold(other) === portableFold(key))),
    uidsByHash: (hash) =>
      read(records, ({ state }) =>
        [...state.artifacts.values()].filter((artifact) => artifact.hash === hash)
          .sort((a, b) => a.createdAt - b.createdAt || compareBytes(a.uid, b.uid)).map(({ uid }) => uid)),
    uidByObject: (root, objectKey) =>
      read(records, ({ state }) => {
        const standing = state.locationsAt(root, objectKey).filter((location) => location.state !== "replaced" && state.artifacts.has(location.artifact))
        const best = [...standing].sort((a, b) => Number(a.state !== "ok") - Number(b.state !== "ok") || b.createdAt - a.createdAt)
        return best[0]?.artifact ?? null
      }),
    keyLog: (key) => read(records, ({ state }) => keyLog(state, key)),
    list: (prefix) => Stream.unwrap(read(records, ({ state }) => Stream.fromIterable(listing(state, prefix)))),

    rename: (change) => {
      const work = () => rename(records, change)
      type Errors = NotFound | KeyConflict
      return change.dryRun ? read<ReadonlyArray<KeyMove>, Errors>(records, work) : write<ReadonlyArray<KeyMove>, Errors>(records, work)
    },
    alias: (uid, key, run = null) =>
      write<void, NotFound | KeyConflict>(records, ({ state }) => {
        const artifact = state.artifacts.get(uid)
        if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
        const holder = state.keys.get(key)?.artifact
        if (holder === uid) return
        if (holder !== undefined) throw new KeyConflict({ key, uid, holder })
        state.pointKey({ key, artifact: uid, since: nextTime(records, 1), event: artifact.key === null ? "keyed" : "aliased", run })
      }),
    unalias: (key, run = null) =>
      write<void, NotFound>(records, ({ state }) => {
        if (!state.keys.has(key)) throw new NotFound({ what: "key", reference: key, near: [] })
        state.releaseKey(key, nextTime(records, 1), run)
      }),

    copies: (filter) => Stream.unwrap(read(records, () => Stream.fromIterable(storedCopies(records, filter)))),
    objects: (filter) => read(records, () => storedObjects(records, filter)),
    ...copyChanges(records),
    knownObjects: (root, objectKeys) =>
      read(records, () =>
        new Set([...objectKeys.filter((objectKey) => objectsAt(records, root, objectKey).length > 0), ...heldByFolders(records, root, objectKeys)])),

    setDescription: (uid, description) =>
      write<void, NotFound | InvalidInput>(records, ({ state }) => {
        const artifact = state.artifacts.get(uid)
        if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
        if (description === null && artifact.key === null && artifact.formerKey === null && artifact.run === null) throw wouldBeUnnamed(uid)
        artifact.description = wellFormed(description)
        state.touch(artifact, nextTime(records, 1))
      })
  })
))

/** Saves in order; what a run found existing is recorded with it. */
const save = (records: MemoryRecords, requests: ReadonlyArray<SaveRequest>, context: SaveContext) => {
  const base = nextTime(records, requests.length)
  const results = requests.map((request, i) =>
    applySave(records.state, { ...request, description: wellFormed(request.description), kind: wellFormed(request.kind) }, { ...context, now: base + i }))
  results.forEach((result, i) => {
    if (Result.isFailure(result) || result.success.outcome === "created" || result.success.outcome === "newVersion") return
    noteReproduced(records, requests[i]!.run, [result.success.uid])
  })
  return results
}

const remember = (accounts: Map<string, string>, handle: string): string => {
  const uid = accounts.get(handle) ?? randomUid("account")
  accounts.set(handle, uid)
  return uid
}

const rootByUid = ({ roots }: MemoryRecords, uid: string): StorageRoot => {
  const root = roots.find((one) => one.uid === uid)
  if (root === undefined) throw new NotFound({ what: "storage root", reference: uid, near: roots.map((one) => one.uid) })
  return root
}

const addRoot = (records: MemoryRecords, root: StorageRoot): void => {
  if (records.roots.some(({ url }) => url === root.url)) throw sameUrl(root)
  const isDefault = root.isDefault || records.roots.length === 0
  const others = isDefault ? records.roots.map((other) => ({ ...other, isDefault: false })) : records.roots
  records.roots = [...others, { ...root, isDefault }].sort((a, b) => compareBytes(a.createdAt, b.createdAt) || compareBytes(a.uid, b.uid))
}

const usageOf = ({ state }: MemoryRecords, root: StorageRoot) => {
  const good = [...state.locations()].filter((location) => location.state === "ok" && state.artifacts.has(location.artifact))
  const here = new Set(good.filter((location) => location.root === root.uid).map(({ artifact }) => artifact))
  const elsewhere = new Set(good.filter((location) => location.root !== root.uid).map(({ artifact }) => artifact))
  return {
    root,
    artifacts: here.size,
    bytes: [...here].reduce((sum, uid) => sum + state.artifacts.get(uid)!.size, 0),
    soleCopies: [...here].filter((uid) => !elsewhere.has(uid)).length
  }
}

const removeRoot = (records: MemoryRecords, uid: string): void => {
  const root = rootByUid(records, uid)
  const { soleCopies } = usageOf(records, root)
  if (soleCopies > 0) throw holdsOnlyCopies(root, soleCopies)
  if (root.isDefault) throw isDefaultRoot(root)
  const held = [...records.state.locations()].filter((location) => location.root === uid)
  for (const location of held) records.state.forget(location)
  records.roots = records.roots.filter((one) => one !== root)
}

const keysWhere = (state: RegistryState, fits: (key: string) => boolean): ReadonlyArray<string> =>
  [...state.keys.keys()].filter(fits).sort(compareBytes)

const listing = (state: RegistryState, prefix: string): ReadonlyArray<KeyListing> =>
  keysWhere(state, (key) => isBelow(key, prefix)).map((key) => {
    const artifact = state.artifacts.get(state.keys.get(key)!.artifact)!
    const { createdAt, hash, hashType, size, suffix, uid } = artifact
    return { key, uid, isPrimary: artifact.key === key, suffix, size, hash, hashType, createdAt: isoTime(createdAt) }
  })

const keyLog = (state: RegistryState, key: string): ReadonlyArray<KeyEvent> => {
  const live = state.keys.get(key)
  return [...state.changes.history.filter((row) => row.key === key), ...(live === undefined ? [] : [live])]
    .sort((a, b) => a.since - b.since)
    .map((row) => ({ at: isoTime(row.since), event: row.event, key: row.key, uid: row.artifact, run: row.run }))
}

const rename = (
  records: MemoryRecords,
  { byPrefix, dryRun, from, run = null, to }: Parameters<Registry["Service"]["rename"]>[0]
): ReadonlyArray<KeyMove> => {
  const { state } = records
  const [old, renamed] = byPrefix ? [from === "" ? "" : `${from}/`, to === "" ? "" : `${to}/`] : [from, to]
  const chosen = [...state.keys.values()].filter(({ key }) => (byPrefix ? key.startsWith(old) : key === old)).sort(byAge)
  if (chosen.length === 0) throw new NotFound({ what: byPrefix ? "key below" : "key", reference: from, near: [] })
  const leaving = new Set(chosen.map(({ key }) => key))
  const moves = chosen.map(({ artifact: uid, key }) => {
    const target = renamed + key.slice(old.length)
    const holder = leaving.has(target) ? undefined : state.keys.get(target)?.artifact
    return { from: key, to: target, uid, holder, merges: holder !== undefined }
  })
  const [conflict] = moves.filter(({ holder, uid }) => holder !== undefined && holder !== uid).sort((a, b) => compareBytes(a.to, b.to))
  if (conflict !== undefined) throw new KeyConflict({ key: conflict.to, uid: conflict.uid, holder: conflict.holder! })
  if (!dryRun && from !== to) state.renameKeys(moves, nextTime(records, moves.length + 1), run)
  return moves.map(({ from, merges, to, uid }) => ({ from, to, uid, merges })).sort((a, b) => compareBytes(a.from, b.from))
}
