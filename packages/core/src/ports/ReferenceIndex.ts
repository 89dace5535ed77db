/**
 * Port: what many references mean, asked for at once. Reference implementation: `layers/DuckDbReferences`.
 */
import { Context, type Effect } from "effect"
import type { RegistryError } from "./Registry.ts"

/** A reference as it was given, and the normal form of the key that it may be. */
export interface PlainReference {
  readonly text: string
  readonly key: string | null
}

/** Looking up many references at once. */
export class ReferenceIndex extends Context.Service<ReferenceIndex, {
  /** Uids of live artifacts, by the text of the reference, for those that are a whole uid or else a live key; any others are left out. */
  readonly plain: (references: ReadonlyArray<PlainReference>) => Effect.Effect<ReadonlyMap<string, string>, RegistryError>
}>()("@sheaf/core/ReferenceIndex") {}
