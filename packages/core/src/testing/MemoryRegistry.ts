/**
 * A registry in plain memory: the reference that others are compared with. Every method is one synchronous step, so nothing overlaps.
 */
import { createHash } from "node:crypto"
import { Effect, Layer, Stream } from "effect"
import { applySave } from "../domain/ApplySave.ts"
import type { KeyEvent } from "../domain/Artifact.ts"
import { portableFold } from "../domain/ArtifactKey.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { nearKeys } from "../domain/NearKeys.ts"
import { byAge, type LocationRecord, RegistryState } from "../domain/RegistryState.ts"
import { type InvalidInput, KeyConflict, NotFound, type StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomUid } from "../domain/Uid.ts"
import { wouldBeUnnamed } from "../layers/DuckDbRegistry.ts"
import { holdsOnlyCopies, isDefaultRoot, sameUrl } from "../layers/DuckDbRoots.ts"
import { isoTime, toArtifact } from "../layers/DuckDbRows.ts"
import { SCHEMA_VERSION } from "../layers/DuckDbSchema.ts"
import { type CopyFilter, type KeyListing, type KeyMove, Registry, type StoredCopy } from "../ports/Registry.ts"
import { memoryPublish } from "./MemoryPublish.ts"

export interface MemoryStore {
  state: RegistryState
  roots: ReadonlyArray<StorageRoot>
  readonly accounts: Map<string, string>
  changes: number
}

/** A fresh, empty registry. */
export const layer: Layer.Layer<Registry> = Layer.sync(Registry, () => {
  const store: MemoryStore = { state: new RegistryState(), roots: [], accounts: new Map(), changes: 0 }
  const read = <A>(use: (store: MemoryStore) => A) => Effect.sync(() => use(store))
  /** Errors that `use` throws are its refusals; it throws before it changes anything. */
  const write = <A, E = never>(use: (store: MemoryStore) => A) =>
    Effect.suspend((): Effect.Effect<A, E> => {
      try {
        const value = use(store)
        store.changes += 1
        return Effect.succeed(value)
      } catch (error) {
        if (error instanceof Error && "_tag" in error) return Effect.fail(error as E)
        throw error
      }
    })
  return Registry.of({
    info: read(({ roots, state }) => ({
      path: ":memory:",
      schema: SCHEMA_VERSION,
      artifacts: state.artifacts.size,
      keys: state.keys.size,
      locations: [...state.locations()].length,
      bytes: [...state.artifacts.values()].reduce((sum, { size }) => sum + size, 0),
      roots: roots.length
    })),
    stamp: read(({ changes }) => String(changes)),
    account: (handle) => write(({ accounts }) => accounts.get(handle) ?? remember(accounts, handle)),

    roots: read(({ roots }) => roots),
    rootUsage: read((store) => store.roots.map((root) => usageOf(store, root))),
    addRoot: (root) => write<void, StorageRootProblem>((store) => addRoot(store, root)),
    setDefaultRoot: (uid) =>
      write<void, NotFound>((store) => {
        rootByUid(store, uid)
        store.roots = store.roots.map((root) => ({ ...root, isDefault: root.uid === uid }))
      }),
    removeRoot: (uid) => write<void, NotFound | StorageRootProblem>((store) => removeRoot(store, uid)),

    save: (requests, context) =>
      write(({ state }) => {
        const base = nextTime(state)
        return requests.map((request, i) => applySave(state, request, { ...context, now: base + i }))
      }),
    publish: (batch) => memoryPublish(store, batch, nextTime(store.state)),

    artifacts: (uids) => read((store) => uids.flatMap((uid) => artifactByUid(store, uid))),
    uidsByPrefix: (prefix, limit) =>
      read(({ state }) => [...state.artifacts.keys()].filter((uid) => uid.startsWith(prefix)).sort(compareBytes).slice(0, limit)),
    uidByKey: (key) => read(({ state }) => state.keys.get(key)?.artifact ?? null),
    keysEqualInNfc: (key) => read(({ state }) => keysWhere(state, (other) => other.normalize("NFC") === key.normalize("NFC"))),
    keysNear: (key, limit) => read(({ state }) => nearKeys(key, state.keys.keys()).slice(0, limit)),
    keysFoldingLike: (key) => read(({ state }) => keysWhere(state, (other) => other !== key && portableFold(other) === portableFold(key))),
    uidsByHash: (hash) =>
      read(({ state }) =>
        [...state.artifacts.values()].filter((artifact) => artifact.hash === hash)
          .sort((a, b) => a.createdAt - b.createdAt || compareBytes(a.uid, b.uid)).map(({ uid }) => uid)),
    uidByObject: (root, objectKey) =>
      read(({ state }) => {
        const standing = state.locationsAt(root, objectKey).filter((location) => location.state !== "replaced")
        const best = [...standing].sort((a, b) => Number(a.state !== "ok") - Number(b.state !== "ok") || b.createdAt - a.createdAt)
        return best[0]?.artifact ?? null
      }),
    keyLog: (key) => read(({ state }) => keyLog(state, key)),
    list: (prefix) => Stream.unwrap(read(({ state }) => Stream.fromIterable(listing(state, prefix)))),

    rename: (change) => write<ReadonlyArray<KeyMove>, NotFound | KeyConflict>(({ state }) => rename(state, change)),
    alias: (uid, key, run = null) =>
      write<void, NotFound | KeyConflict>(({ state }) => {
        const artifact = state.artifacts.get(uid)
        if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
        const holder = state.keys.get(key)?.artifact
        if (holder === uid) return
        if (holder !== undefined) throw new KeyConflict({ key, uid, holder })
        state.pointKey({ key, artifact: uid, since: nextTime(state), event: artifact.key === null ? "keyed" : "aliased", run })
      }),
    unalias: (key, run = null) =>
      write<void, NotFound>(({ state }) => {
        if (!state.keys.has(key)) throw new NotFound({ what: "key", reference: key, near: [] })
        state.releaseKey(key, nextTime(state), run)
      }),

    copies: (filter) => Stream.unwrap(read(({ state }) => Stream.fromIterable(copiesOf(state, filter)))),
    recordStates: (states) =>
      write(({ state }) => {
        for (const { objectKey, root, state: found, uid } of states) {
          const location = state.locationsAt(root, objectKey).find(({ artifact }) => artifact === uid)
          if (location === undefined) continue
          state.judge(location, found)
          location.verifiedAt = Date.now() * 1000
        }
      }),
    putLocation: ({ from, isVirtual, objectKey, root, uid }) =>
      write<void, NotFound>(({ state }) => {
        if (!state.artifacts.has(uid)) throw new NotFound({ what: "artifact", reference: uid, near: [] })
        const at = (place: string) => state.locationsAt(root, place).find(({ artifact }) => artifact === uid)
        const old = from === undefined ? undefined : at(from)
        if (from !== undefined && old === undefined) throw new NotFound({ what: "copy", reference: from, near: [] })
        if (old !== undefined) state.forget(old)
        const there = at(objectKey)
        if (there !== undefined) state.forget(there)
        const before = there ?? { inPlace: from === objectKey && old !== undefined && old.inPlace, createdAt: nextTime(state), verifiedAt: null }
        state.place({ ...before, artifact: uid, root, objectKey, isVirtual, state: "ok" })
      }),
    knownObjects: (root, objectKeys) => read(({ state }) => new Set(objectKeys.filter((objectKey) => isKnown(state, root, objectKey)))),

    setDescription: (uid, description) =>
      write<void, NotFound | InvalidInput>(({ state }) => {
        const artifact = state.artifacts.get(uid)
        if (artifact === undefined) throw new NotFound({ what: "artifact", reference: uid, near: [] })
        if (description === null && artifact.key === null && artifact.formerKey === null && artifact.run === null) throw wouldBeUnnamed(uid)
        artifact.description = description
        state.touch(artifact, nextTime(state))
      })
  })
})

/** Whether a location names the object, or a folder that it lies in. */
const isKnown = (state: RegistryState, root: string, objectKey: string): boolean =>
  state.locationsAt(root, objectKey).length > 0 ||
  [...state.locations()].some((location) => location.root === root && objectKey.startsWith(`${location.objectKey}/`) && state.artifacts.get(location.artifact)?.nFiles !== null)

/** Microseconds since 1970, later than anything recorded. */
const nextTime = (state: RegistryState): number => {
  let newest = 0
  for (const { createdAt } of state.artifacts.values()) newest = Math.max(newest, createdAt)
  for (const { since } of state.keys.values()) newest = Math.max(newest, since)
  for (const { since } of state.changes.history) newest = Math.max(newest, since)
  return Math.max(Date.now() * 1000, newest + 1)
}

const remember = (accounts: Map<string, string>, handle: string): string => {
  const uid = randomUid("account")
  accounts.set(handle, uid)
  return uid
}

const artifactByUid = ({ accounts, roots, state }: MemoryStore, uid: string) => {
  const record = state.artifacts.get(uid)
  if (record === undefined) return []
  const handle = record.account === null ? null : [...accounts].find(([, account]) => account === record.account)?.[0] ?? record.account
  return [toArtifact(record, {
    keys: [...state.keys.values()].filter(({ artifact }) => artifact === uid).sort(byAge).map(({ key }) => key),
    locations: [...state.locations()].filter(({ artifact }) => artifact === uid),
    handle,
    transform: null
  }, new Map(roots.map((root) => [root.uid, root])))]
}

const rootByUid = ({ roots }: MemoryStore, uid: string): StorageRoot => {
  const root = roots.find((one) => one.uid === uid)
  if (root === undefined) throw new NotFound({ what: "storage root", reference: uid, near: roots.map((one) => one.uid) })
  return root
}

const addRoot = (store: MemoryStore, root: StorageRoot): void => {
  if (store.roots.some(({ url }) => url === root.url)) throw sameUrl(root)
  const isDefault = root.isDefault || store.roots.length === 0
  const others = isDefault ? store.roots.map((other) => ({ ...other, isDefault: false })) : store.roots
  store.roots = [...others, { ...root, isDefault }].sort((a, b) => compareBytes(a.createdAt, b.createdAt) || compareBytes(a.uid, b.uid))
}

const usageOf = ({ state }: MemoryStore, root: StorageRoot) => {
  const good = [...state.locations()].filter((location) => location.state === "ok")
  const here = new Set(good.filter((location) => location.root === root.uid).map(({ artifact }) => artifact))
  const elsewhere = new Set(good.filter((location) => location.root !== root.uid).map(({ artifact }) => artifact))
  return {
    root,
    artifacts: here.size,
    bytes: [...here].reduce((sum, uid) => sum + state.artifacts.get(uid)!.size, 0),
    soleCopies: [...here].filter((uid) => !elsewhere.has(uid)).length
  }
}

const removeRoot = (store: MemoryStore, uid: string): void => {
  const root = rootByUid(store, uid)
  const { soleCopies } = usageOf(store, root)
  if (soleCopies > 0) throw holdsOnlyCopies(root, soleCopies)
  if (root.isDefault) throw isDefaultRoot(root)
  const held = [...store.state.locations()].filter((location) => location.root === uid)
  for (const location of held) store.state.forget(location)
  store.roots = store.roots.filter((one) => one !== root)
}

const keysWhere = (state: RegistryState, fits: (key: string) => boolean): ReadonlyArray<string> =>
  [...state.keys.keys()].filter(fits).sort(compareBytes)

const isBelow = (key: string, prefix: string): boolean => prefix === "" || key === prefix || key.startsWith(`${prefix}/`)

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
  state: RegistryState,
  { byPrefix, dryRun, from, run = null, to }: Parameters<Registry["Service"]["rename"]>[0]
): ReadonlyArray<KeyMove> => {
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
  if (!dryRun && from !== to) state.renameKeys(moves, nextTime(state), run)
  return moves.map(({ from, merges, to, uid }) => ({ from, to, uid, merges })).sort((a, b) => compareBytes(a.from, b.from))
}

const copiesOf = (state: RegistryState, { keyPrefix = "", root, sample, uids }: CopyFilter): ReadonlyArray<StoredCopy> => {
  const drawn = ({ artifact }: LocationRecord) =>
    sample === undefined ||
    Number.parseInt(createHash("md5").update(artifact + sample.seed).digest("hex").slice(0, 8), 16) < Math.round(sample.share * 2 ** 32)
  const named = new Set([...state.keys.values()].filter(({ key }) => isBelow(key, keyPrefix)).map(({ artifact }) => artifact))
  return [...state.locations()]
    .filter((location) => root === undefined || location.root === root)
    .filter(({ artifact }) => uids === undefined || uids.includes(artifact))
    .filter(({ artifact }) => keyPrefix === "" || named.has(artifact))
    .filter(drawn)
    .sort((a, b) => compareBytes(a.root, b.root) || compareBytes(a.objectKey, b.objectKey) || compareBytes(a.artifact, b.artifact))
    .map((location) => {
      const { hash, hashType, key, size, suffix, uid } = state.artifacts.get(location.artifact)!
      return { uid, key, root: location.root, objectKey: location.objectKey, isVirtual: location.isVirtual, inPlace: location.inPlace, suffix, size, hash, hashType, state: location.state }
    })
}
