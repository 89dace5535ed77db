/**
 * Looks for records in memory that contradict one another, in the words of `layers/DuckDbAudit`. What the shape of the records rules out is left out.
 */
import { Effect, Layer } from "effect"
import { portableFold } from "../domain/ArtifactKey.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { type AuditFinding, RegistryAudit } from "../ports/RegistryAudit.ts"
import { type MemoryRecords, MemoryStore, read, recordOf } from "./MemoryStore.ts"

/** Examples that a finding names. */
const EXAMPLES = 3

/** The audit of the records of a store. */
export const layer: Layer.Layer<RegistryAudit, never, MemoryStore> = Layer.effect(RegistryAudit, Effect.map(MemoryStore, (records) =>
  RegistryAudit.of({
    findings: read(records, () => CHECKS.flatMap(([problem, offending]): ReadonlyArray<AuditFinding> => {
      const found = [...offending(records)].sort(compareBytes)
      return found.length === 0 ? [] : [{ problem, count: found.length, examples: found.slice(0, EXAMPLES) }]
    })),
    portabilityClashes: (limit) =>
      read(records, ({ state }) =>
        [...Map.groupBy([...state.keys.keys()].sort(compareBytes), portableFold).values()].filter((keys) => keys.length > 1)
          .sort((a, b) => compareBytes(a[0]!, b[0]!)).slice(0, limit))
  })
))

/** Those of which there is another number than allowed, by name. */
const wrongCount = <A>(all: Iterable<A>, nameOf: (one: A) => string, counts: (one: A) => boolean, isWrong: (count: number) => boolean): ReadonlyArray<string> =>
  [...Map.groupBy(all, nameOf)].filter(([, group]) => isWrong(group.filter(counts).length)).map(([name]) => name)

const always = () => true
const several = (count: number): boolean => count > 1
const none = (count: number): boolean => count === 0
const isLatest = (one: { readonly isLatest: boolean }): boolean => one.isLatest

/** Each gives what is wrong, by a name. */
const CHECKS: ReadonlyArray<readonly [problem: string, offending: (records: MemoryRecords) => Iterable<string>]> = [
  ["keys that point at no live artifact", ({ state }) => [...state.keys.values()].filter(({ artifact }) => !state.artifacts.has(artifact)).map(({ key }) => key)],
  ["primary keys that are not live keys of their artifact", ({ state }) =>
    [...state.artifacts.values()].flatMap(({ key, uid }) => (key === null || state.keys.get(key)?.artifact === uid ? [] : [key]))],
  ["artifacts with keys of which none is primary", ({ state }) =>
    new Set([...state.keys.values()].map(({ artifact }) => artifact).filter((uid) => state.artifacts.get(uid)?.key === null))],
  ["artifacts that are live and in the trash", ({ state, trash }) => [...trash.keys()].filter((uid) => state.artifacts.has(uid))],
  ["families with more than one latest version", ({ state }) => wrongCount(state.artifacts.values(), ({ stem }) => stem, isLatest, several)],
  ["families without a latest version", ({ state }) => wrongCount(state.artifacts.values(), ({ stem }) => stem, isLatest, none)],
  ["version tags that a family has twice", ({ state }) =>
    wrongCount([...state.artifacts.values()].filter(({ version }) => version !== null), ({ stem, version }) => `${stem} ${version}`, always, several).map((id) => id.slice(0, id.indexOf(" ")))],
  ["places that hold several contents at once", (records) => {
    const good = [...records.state.locations()].filter(({ state }) => state === "ok")
    const contentOf = (uid: string): string => {
      const { hash, hashType, size } = recordOf(records, uid) ?? { hash: uid, hashType: "", size: 0 }
      return `${hash} ${hashType} ${size}`
    }
    return [...Map.groupBy(good, ({ objectKey, root }) => `${root} ${objectKey}`).values()]
      .filter((there) => new Set(there.map(({ artifact }) => contentOf(artifact))).size > 1).map(([first]) => first!.objectKey)
  }],
  ["locations listed twice", ({ state }) => wrongCount(state.locations(), ({ artifact, objectKey, root }) => `${artifact} ${root} ${objectKey}`, always, several)],
  ["locations in a storage root that is not registered", ({ roots, state }) => {
    const known = new Set(roots.map(({ uid }) => uid))
    return [...state.locations()].filter(({ root }) => !known.has(root)).map(({ objectKey }) => objectKey)
  }],
  ["locations of an artifact that does not exist", (records) =>
    [...records.state.locations()].filter(({ artifact }) => recordOf(records, artifact) === undefined).map(({ objectKey }) => objectKey)],
  ["live artifacts without any location", ({ state }) => {
    const placed = new Set([...state.locations()].map(({ artifact }) => artifact))
    return [...state.artifacts.keys()].filter((uid) => !placed.has(uid))
  }],
  ["transforms without exactly one latest version", ({ transforms }) => wrongCount(transforms.values(), ({ key }) => key, isLatest, (count) => count !== 1)],
  ["runs of a transform that does not exist", ({ runs, transforms }) => [...runs.values()].filter(({ transform }) => !transforms.has(transform)).map(({ uid }) => uid)],
  ["records of runs that do not exist", ({ inputs, reproduced, runs }) =>
    new Set([...inputs, ...reproduced].flatMap(([run, uids]) => (uids.size === 0 || runs.has(run) ? [] : [run])))],
  ["storage roots with one URL", ({ roots }) => wrongCount(roots, ({ url }) => url, always, several)],
  ["default storage roots", ({ roots }) => {
    const defaults = roots.filter(({ isDefault }) => isDefault).map(({ url }) => url)
    return defaults.length > 1 ? defaults : []
  }],
  ["labels with one name and type", ({ labels }) => wrongCount(labels.values(), ({ name, type }) => JSON.stringify([name, type]), always, several)],
  ["labels that are carried and do not exist", ({ carriers, labels }) => [...carriers].flatMap(([label, uids]) => (labels.has(label) ? [] : [...uids]))],
  ["collections of one name with more than one latest version", ({ collections }) => wrongCount(collections, ({ name }) => name, isLatest, several)],
  ["collections without a latest version", ({ collections }) => wrongCount(collections, ({ name }) => name, isLatest, none)],
  ["members a collection has twice", ({ collections }) => collections.flatMap(({ members }) => wrongCount(members, (uid) => uid, always, several))],
  ["members of collections that do not exist", (records) => records.collections.flatMap(({ members }) => members.filter((uid) => recordOf(records, uid) === undefined))]
]
