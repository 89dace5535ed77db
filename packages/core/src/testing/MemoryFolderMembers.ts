/**
 * Members of folders in a registry in memory.
 */
import { Effect, Layer } from "effect"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { MemoryStore, read } from "./MemoryStore.ts"

/** The members in the records of a store. */
export const layer: Layer.Layer<FolderMembers, never, MemoryStore> = Layer.effect(FolderMembers, Effect.map(MemoryStore, (records) =>
  FolderMembers.of({ of: (uid) => read(records, ({ state }) => state.changes.members.get(uid) ?? []) })
))
