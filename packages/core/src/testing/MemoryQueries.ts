/**
 * Artifacts by filter in a registry in memory.
 */
import { Effect, Layer, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { InvalidInput } from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { type ArtifactQuery, Queries, type QueryError } from "../ports/Queries.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { artifactsOf } from "./MemoryArtifacts.ts"
import { comparePlaces, inOrder, type Known, meeting, pageEnd } from "./MemoryFilter.ts"
import { type LabelRecord, type MemoryRecords, MemoryStore, read } from "./MemoryStore.ts"

const DEFAULT_PAGE = 100

/** Queries over the records of a store; writing a table is refused, since that is the engine's. */
export const layer: Layer.Layer<Queries, never, MemoryStore> = Layer.effect(Queries, Effect.map(MemoryStore, (records) => {
  const select = ({ filter, order }: ArtifactQuery): ReadonlyArray<Known> => inOrder(knownArtifacts(records).filter(meeting(filter)), order)
  const limited = (query: ArtifactQuery): ReadonlyArray<Artifact> => select(query).slice(0, Math.max(0, query.limit ?? Number.POSITIVE_INFINITY)).map(({ artifact }) => artifact)
  return Queries.of({
    count: (filter) => read<number, QueryError>(records, () => knownArtifacts(records).filter(meeting(filter)).length),
    exists: (filter) => read<boolean, QueryError>(records, () => knownArtifacts(records).some(meeting(filter))),
    page: (query, after) =>
      read(records, () => {
        const { limit, order } = query
        const size = limit ?? DEFAULT_PAGE
        const rest = select(query).filter((known) => after === null || comparePlaces(pageEnd(known, order), after, order) > 0)
        const last = rest.slice(0, size).at(-1)
        return { artifacts: rest.slice(0, size).map(({ artifact }) => artifact), end: rest.length > size && last !== undefined ? pageEnd(last, order) : null }
      }),
    stream: (query) => Stream.unwrap(read(records, () => Stream.fromIterable(limited(query)))),
    uids: (query) => Stream.unwrap(read(records, () => Stream.fromIterable(limited(query).map(({ uid }) => uid)))),
    below: (prefix) => Stream.unwrap(read<Stream.Stream<Artifact>, RegistryError>(records, () => Stream.fromIterable(below(records, prefix)))),
    writeTable: () => Effect.fail(needsEngine("writing a table"))
  })
}))

/** Refuses what only a registry in DuckDB can do. */
export const needsEngine = (what: string): InvalidInput =>
  new InvalidInput({ what, reason: "a registry in memory has no SQL engine", advice: "Leave the option registry out to use the registry in the instance's DuckDB file." })

/** Everything that filters can ask about live artifacts. */
const knownArtifacts = (records: MemoryRecords): ReadonlyArray<Known> => {
  const { accounts, carriers, collections, labels, roots, runs, state, transforms } = records
  const history = Map.groupBy([...state.keys.values(), ...state.changes.history], ({ artifact }) => artifact)
  const labelled = textsByArtifact([...labels.values()].map((label) => ({
    texts: withAbove(label, labels).flatMap(({ name, uid }) => [name, uid]),
    of: carriers.get(label.uid) ?? []
  })))
  const collected = textsByArtifact(collections.map(({ members, name, uid }) => ({ texts: [name, uid], of: members })))
  const stored = Map.groupBy(state.locations(), ({ artifact }) => artifact)
  const rootOf = new Map(roots.map((root) => [root.uid, root]))
  const handles = new Map([...accounts].map(([handle, uid]) => [uid, handle]))
  return artifactsOf(records, [...state.artifacts.keys()]).map((artifact) => {
    const { account, createdAt, run, uid, updatedAt } = state.artifacts.get(artifact.uid)!
    const transform = run === null ? undefined : transforms.get(runs.get(run)?.transform ?? "")
    const handle = account === null ? undefined : handles.get(account)
    return {
      artifact,
      keyHistory: (history.get(uid) ?? []).map(({ key }) => key),
      labels: labelled.get(uid) ?? [],
      collections: collected.get(uid) ?? [],
      storage: (stored.get(uid) ?? []).flatMap(({ root }) => textsOfRoot(rootOf.get(root))),
      path: (stored.get(uid) ?? []).flatMap(({ objectKey, root }) => pathAt(rootOf.get(root), objectKey)),
      transform: transform === undefined ? [] : [transform.key, transform.uid],
      createdBy: handle === undefined ? [] : [handle],
      createdAt,
      updatedAt
    }
  })
}

/** Artifacts by the first of their keys at or below a prefix. */
const below = (records: MemoryRecords, prefix: string): ReadonlyArray<Artifact> => {
  const listed = artifactsOf(records, [...records.state.artifacts.keys()]).flatMap((artifact) => {
    const [first] = artifact.keys.filter((key) => prefix === "" || key === prefix || key.startsWith(`${prefix}/`)).sort(compareBytes)
    return first === undefined ? [] : [{ artifact, first }]
  })
  return listed.sort((a, b) => compareBytes(a.first, b.first)).map(({ artifact }) => artifact)
}

/** A label and those above it. */
const withAbove = (label: LabelRecord, all: ReadonlyMap<string, LabelRecord>): ReadonlyArray<LabelRecord> => {
  const above = label.parentUid === null ? undefined : all.get(label.parentUid)
  return above === undefined ? [label] : [label, ...withAbove(above, all)]
}

const textsOfRoot = (root: StorageRoot | undefined): ReadonlyArray<string> =>
  root === undefined ? [] : [root.url, root.uid, ...(root.name === null ? [] : [root.name])]

/** As the registry keeps it: names that are no text stay escaped. */
const pathAt = (root: StorageRoot | undefined, objectKey: string): ReadonlyArray<string> => {
  if (root === undefined) return []
  const path = localPathOf(root) ?? root.url.split("?", 1)[0]!
  return [`${path === "/" ? "" : path}/${objectKey}`]
}

const textsByArtifact = (
  groups: ReadonlyArray<{ readonly texts: ReadonlyArray<string>; readonly of: Iterable<string> }>
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const all = new Map<string, Array<string>>()
  for (const { of, texts } of groups) {
    for (const uid of of) {
      const known = all.get(uid)
      if (known === undefined) all.set(uid, [...texts])
      else known.push(...texts)
    }
  }
  return all
}
