/**
 * Artifacts as every interface shows them, from records in memory; and lists of them.
 */
import { readFileSync } from "node:fs"
import type { Artifact } from "../domain/Artifact.ts"
import type { ArtifactList } from "../domain/ArtifactList.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { byAge } from "../domain/RegistryState.ts"
import { NotFound } from "../domain/SheafError.ts"
import { toArtifact } from "../layers/DuckDbRows.ts"
import { handleOf, type MemoryRecords } from "./MemoryStore.ts"

/** Live artifacts by uid, in the order asked for; unknown uids are left out. */
export const artifactsOf = (records: MemoryRecords, uids: ReadonlyArray<string>): ReadonlyArray<Artifact> => {
  const { state } = records
  const wanted = new Set(uids.filter((uid) => state.artifacts.has(uid)))
  if (wanted.size === 0) return []
  const keys = Map.groupBy([...state.keys.values()].filter(({ artifact }) => wanted.has(artifact)).sort(byAge), ({ artifact }) => artifact)
  const locations = Map.groupBy([...state.locations()].filter(({ artifact }) => wanted.has(artifact)), ({ artifact }) => artifact)
  const roots = new Map(records.roots.map((root) => [root.uid, root]))
  const labels = namesOf(wanted, [...records.labels.values()].map(({ name, uid }) => ({ name, of: records.carriers.get(uid) ?? [] })))
  const collections = namesOf(wanted, records.collections.filter(({ isLatest }) => isLatest).map(({ members, name }) => ({ name, of: members })))
  return uids.flatMap((uid) => {
    const record = state.artifacts.get(uid)
    return record === undefined ? [] : [toArtifact(record, {
      keys: (keys.get(uid) ?? []).map(({ key }) => key),
      locations: locations.get(uid) ?? [],
      handle: handleOf(records, record.account),
      labels: labels.get(uid) ?? [],
      collections: collections.get(uid) ?? [],
      transform: record.run === null ? null : records.runs.get(record.run)?.transform ?? null
    }, roots)]
  })
}

/** What artifacts are in, by name, each name once. */
const namesOf = (
  wanted: ReadonlySet<string>,
  groups: ReadonlyArray<{ readonly name: string; readonly of: Iterable<string> }>
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const names = new Map<string, Array<string>>()
  for (const { name, of } of [...groups].sort((a, b) => compareBytes(a.name, b.name))) {
    for (const uid of of) {
      if (!wanted.has(uid)) continue
      const known = names.get(uid)
      if (known === undefined) names.set(uid, [name])
      else if (known.at(-1) !== name) known.push(name)
    }
  }
  return names
}

const uidsOf = (list: ArtifactList): ReadonlyArray<string> => {
  if ("uids" in list) return list.uids
  const lines = readFileSync(list.file, "utf8").split("\n").filter((line) => line !== "").map((line) => line.split("\t"))
  return lines.sort((a, b) => Number(a[0]) - Number(b[0]) || compareBytes(a[1]!, b[1]!)).map((line) => line[2]!)
}

/** The artifacts of a list, each once, in order. Throws `NotFound` for one that is not live. */
export const listedArtifacts = ({ state }: MemoryRecords, list: ArtifactList): ReadonlyArray<string> => {
  const uids = [...new Set(uidsOf(list))]
  const unknown = uids.find((uid) => !state.artifacts.has(uid))
  if (unknown !== undefined) throw new NotFound({ what: "artifact", reference: unknown, near: [] })
  return uids
}
