/**
 * Many references looked up in a registry in memory.
 */
import { Effect, Layer } from "effect"
import { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import { MemoryStore, read } from "./MemoryStore.ts"

/** References to the records of a store. */
export const layer: Layer.Layer<ReferenceIndex, never, MemoryStore> = Layer.effect(ReferenceIndex, Effect.map(MemoryStore, (records) =>
  ReferenceIndex.of({
    plain: (references) =>
      read(records, ({ state }) => new Map(references.flatMap(({ key, text }) => {
        const uid = state.artifacts.has(text) ? text : key === null ? undefined : state.keys.get(key)?.artifact
        return uid === undefined ? [] : [[text, uid] as const]
      })))
  })
))
