/**
 * Port: deleting records for good. Rows go first, in one transaction that also notes which objects are to follow; a kill before they are gone leaves that note,
 * and whoever comes next finishes it. Reference implementation: `layers/DuckDbPurge`.
 */
import { Context, type Effect } from "effect"
import type { HashType } from "../domain/ContentHash.ts"
import type { InUse, NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** An artifact, live or in the trash, that is to be deleted. */
export interface DoomedArtifact {
  readonly uid: string
  /** The primary key, or the one it had before it was moved into the trash. */
  readonly key: string | null
  /** Keys that are released, or were when it was moved into the trash. */
  readonly keys: ReadonlyArray<string>
  /** Bytes. */
  readonly size: number
  readonly inTrash: boolean
}

/** An object that no record refers to once the artifacts are gone. */
export interface DoomedObject {
  /** Uid of the root. */
  readonly root: string
  readonly objectKey: string
  /** A file of the user's, registered where it stands. */
  readonly inPlace: boolean
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
}

/** Everything that would be deleted. */
export interface PurgePlan {
  readonly artifacts: ReadonlyArray<DoomedArtifact>
  readonly objects: ReadonlyArray<DoomedObject>
}

/** Objects of one root that a deletion has still to remove. */
export interface OpenRemoval {
  /** Of the note. */
  readonly uid: string
  readonly root: string
  readonly objects: ReadonlyArray<Omit<DoomedObject, "root">>
}

/** Deleting records for good, and what is left to do about their bytes. */
export class Purge extends Context.Service<Purge, {
  /** What would go. Fails with `NotFound` for a uid that is no artifact, with `InUse` for a member of a collection. */
  readonly plan: (uids: ReadonlyArray<string>) => Effect.Effect<PurgePlan, RegistryError | NotFound | InUse>
  /**
   * Deletes the records of artifacts, all or none, and notes the objects that nothing refers to then for removal: those in place only with `sources`, those in
   * some roots not. Gives all of these objects.
   */
  readonly apply: (
    uids: ReadonlyArray<string>,
    options: { readonly sources: boolean; readonly keepRoots: ReadonlyArray<string> }
  ) => Effect.Effect<ReadonlyArray<DoomedObject>, RegistryError | NotFound | InUse>
  /** Removals that are noted and not finished. */
  readonly open: Effect.Effect<ReadonlyArray<OpenRemoval>, RegistryError>
  /** These removals are finished. */
  readonly close: (uids: ReadonlyArray<string>) => Effect.Effect<void, RegistryError>
  /** Which of these objects of a root are copies of an artifact, live or in the trash; places where other bytes stand by now are not. */
  readonly referenced: (root: string, objectKeys: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, RegistryError>
}>()("@sheaf/core/Purge") {}
