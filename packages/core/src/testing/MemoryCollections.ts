/**
 * Collections in plain memory, of the artifacts of any registry: the reference that others are compared with.
 */
import { Effect, Layer } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { Collection } from "../domain/Collection.ts"
import { collectionHash } from "../domain/ContentHash.ts"
import { NotFound } from "../domain/SheafError.ts"
import { stemOf, versionPart } from "../domain/Uid.ts"
import { differenceOf } from "../layers/DuckDbCollections.ts"
import { CollectionStore } from "../ports/CollectionStore.ts"
import { Registry } from "../ports/Registry.ts"
import { listedArtifacts } from "./MemoryArtifactList.ts"

interface Version {
  collection: Collection
  readonly uids: ReadonlyArray<string>
}

/** No collections at first. */
export const layer: Layer.Layer<CollectionStore, never, Registry> = Layer.effect(CollectionStore, Effect.map(Registry, (registry) => {
  const all: Array<Version> = []
  const uidsOf = (uid: string): ReadonlyArray<string> => all.find(({ collection }) => collection.uid === uid)?.uids ?? []
  const found = (condition: (collection: Collection) => boolean): ReadonlyArray<Collection> => all.map(({ collection }) => collection).filter(condition)
  const keyOf = ({ formerKey, key }: Artifact): string | null => key ?? formerKey
  return CollectionStore.of({
    put: ({ account, candidateUid, description, members, mode, name, run }) =>
      Effect.gen(function*() {
        const listed = (yield* listedArtifacts(members, registry)).map(({ uid }) => uid)
        const latest = all.find(({ collection }) => collection.name === name && collection.isLatest)
        if (latest === undefined && mode === "append") return yield* new NotFound({ what: "collection", reference: name, near: [] })
        const uids = mode === "append" ? [...new Set([...latest!.uids, ...listed])] : listed
        if (latest !== undefined && uids.length === latest.uids.length && uids.every((uid) => latest.uids.includes(uid))) {
          return { collection: latest.collection, outcome: "existing" as const, otherOrder: uids.some((uid, i) => latest.uids[i] !== uid) }
        }
        if (latest !== undefined) latest.collection = { ...latest.collection, isLatest: false }
        const version = (latest?.collection.version ?? 0) + 1
        const collection: Collection = {
          uid: stemOf(latest?.collection.uid ?? candidateUid) + versionPart(version - 1),
          name, version, isLatest: true, description, run, members: uids.length, createdBy: account, createdAt: new Date().toISOString(),
          hash: collectionHash((yield* registry.artifacts(uids)).map(({ hash }) => hash))
        }
        all.push({ collection, uids })
        return { collection, outcome: latest === undefined ? "created" as const : "newVersion" as const, otherOrder: false }
      }),
    remove: (name) =>
      Effect.sync(() => {
        const kept = all.filter(({ collection }) => collection.name !== name)
        const removed = all.length - kept.length
        all.splice(0, all.length, ...kept)
        return removed
      }),
    versions: (name) => Effect.sync(() => found((collection) => collection.name === name)),
    byUid: (prefix, limit) => Effect.sync(() => [...found(({ uid }) => uid.startsWith(prefix))].sort((a, b) => compareBytes(a.uid, b.uid)).slice(0, limit)),
    latest: Effect.sync(() => [...found(({ isLatest }) => isLatest)].sort((a, b) => compareBytes(a.name, b.name))),
    members: (uid) => Effect.sync(() => uidsOf(uid)),
    difference: (from, to) =>
      Effect.gen(function*() {
        const [before, after] = [uidsOf(from), uidsOf(to)]
        const artifacts = yield* registry.artifacts([...new Set([...before, ...after])].filter((uid) => before.includes(uid) !== after.includes(uid)))
        const rows = artifacts.map((artifact) => ({
          before: before.includes(artifact.uid) ? artifact.uid : null,
          after: after.includes(artifact.uid) ? artifact.uid : null,
          stem: stemOf(artifact.uid),
          key: keyOf(artifact)
        }))
        return differenceOf(rows.sort((a, b) => compareBytes(a.key ?? "", b.key ?? "")), before.filter((uid) => after.includes(uid)).length)
      })
  })
}))
