/**
 * Labels in plain memory, for the artifacts of any registry: the reference that others are compared with.
 */
import { Effect, Layer } from "effect"
import type { Label } from "../domain/Label.ts"
import type { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { byTypeAndName, checkParent, unknownLabel } from "../layers/DuckDbLabels.ts"
import { LabelStore } from "../ports/LabelStore.ts"
import { Registry } from "../ports/Registry.ts"
import { listedArtifacts } from "./MemoryArtifactList.ts"

/** No labels at first. */
export const layer: Layer.Layer<LabelStore, never, Registry> = Layer.effect(LabelStore, Effect.map(Registry, (registry) => {
  const labels = new Map<string, Label>()
  const carriers = new Map<string, Set<string>>()
  const checked = (uid: string, parent: string | null): Effect.Effect<void, NotFound | InvalidInput> =>
    Effect.try({ try: () => checkParent([...labels.values()], uid, parent), catch: (error) => error as NotFound | InvalidInput })
  const put = (label: Label): Label => {
    const named = { ...label, parent: label.parentUid === null ? null : labels.get(label.parentUid)!.name }
    labels.set(label.uid, named)
    return named
  }
  return LabelStore.of({
    create: ({ account, candidateUid, description, name, parent, type }) =>
      Effect.gen(function*() {
        const existing = [...labels.values()].find((label) => label.name === name && label.type === type)
        if (existing === undefined || existing.parentUid === null) yield* checked(existing?.uid ?? candidateUid, parent)
        const label = existing ?? { uid: candidateUid, name, type, parent: null, parentUid: null, description: null, createdBy: account, createdAt: new Date().toISOString() }
        return {
          label: put({ ...label, parentUid: label.parentUid ?? parent, description: label.description ?? description }),
          created: existing === undefined
        }
      }),
    setParent: (uid, parent) =>
      Effect.gen(function*() {
        const label = labels.get(uid)
        if (label === undefined) return yield* unknownLabel(uid)
        yield* checked(uid, parent)
        return put({ ...label, parentUid: parent })
      }),
    all: Effect.sync(() => [...labels.values()].sort(byTypeAndName)),
    counts: Effect.gen(function*() {
      const counts = new Map<string, number>()
      for (const [label, uids] of carriers) {
        const live = (yield* registry.artifacts([...uids])).length
        if (live > 0) counts.set(label, live)
      }
      return counts
    }),
    attach: (label, list) =>
      Effect.gen(function*() {
        if (!labels.has(label)) return yield* unknownLabel(label)
        const artifacts = yield* listedArtifacts(list, registry)
        const had = carriers.get(label) ?? new Set()
        carriers.set(label, new Set([...had, ...artifacts.map(({ uid }) => uid)]))
        return artifacts.filter(({ uid }) => !had.has(uid)).length
      }),
    detach: (label, uids) => Effect.sync(() => [...new Set(uids)].filter((uid) => carriers.get(label)?.delete(uid)).length)
  })
}))
