/**
 * Port: collections, their versions and members. Reference implementation: `layers/DuckDbCollections`; `testing/MemoryCollections` is the model beside it.
 *
 * Every method is one unit of work: all of it happens or nothing.
 */
import { Context, type Effect } from "effect"
import type { ArtifactList } from "../domain/ArtifactList.ts"
import type { Collection, CollectionDifference, CollectionOutcome } from "../domain/Collection.ts"
import type { NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** The members that a collection is to have. */
export interface MemberChange {
  /** In the normal form of keys. */
  readonly name: string
  readonly members: ArtifactList
  /** Whether they are all members, or come after those that the collection has; then a collection that does not exist is `NotFound`. */
  readonly mode: "exactly" | "append"
  /** Taken when the name is new; a new version has the stem of the others. */
  readonly candidateUid: string
  /** Of the version that is made. */
  readonly description: string | null
  /** Uid of the account. */
  readonly account: string | null
  readonly run: string | null
}

/** The collection that has them now. */
export interface PutCollection {
  readonly collection: Collection
  readonly outcome: CollectionOutcome
  /** Existing, with these members in another order: that of the collection stays. */
  readonly otherOrder: boolean
}

/** Collections, as a registry keeps them. */
export class CollectionStore extends Context.Service<CollectionStore, {
  /**
   * Makes the latest collection of a name have these members: a new collection, a new version where the set differs from that of the latest, or the latest
   * itself. Exactly one version of a name is the latest. A member that is no live artifact is `NotFound`.
   */
  readonly put: (change: MemberChange) => Effect.Effect<PutCollection, RegistryError | NotFound>
  /** Deletes all versions of a name, for good; artifacts are left alone. Gives how many there were. A collection made under the name later is a new one. */
  readonly remove: (name: string) => Effect.Effect<number, RegistryError>
  /** The versions of a name, oldest first; empty for a name that is unknown. */
  readonly versions: (name: string) => Effect.Effect<ReadonlyArray<Collection>, RegistryError>
  /** Versions whose uid begins with this text, by uid, at most `limit`. */
  readonly byUid: (prefix: string, limit: number) => Effect.Effect<ReadonlyArray<Collection>, RegistryError>
  /** The latest version of each, by name. */
  readonly latest: Effect.Effect<ReadonlyArray<Collection>, RegistryError>
  /** Uids of the members of a version, in order, also of those that are in the trash. */
  readonly members: (uid: string) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** What changes from one version to another. */
  readonly difference: (from: string, to: string) => Effect.Effect<CollectionDifference, RegistryError>
}>()("@sheaf/core/CollectionStore") {}
