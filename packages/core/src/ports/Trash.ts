/**
 * Port: the trash. Artifacts in it are no part of queries, listings or duplicate detection, their keys are free for others, and their bytes stay. Reference
 * implementation: `layers/DuckDbTrash`.
 */
import { Context, type Effect } from "effect"
import type { HashType } from "../domain/ContentHash.ts"
import type { InvalidInput, KeyConflict, NoGoodLocation, NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** Which live artifacts are meant: by uid, and those with a key below a prefix (which ends with `/`). */
export interface TrashSelection {
  readonly uids: ReadonlyArray<string>
  readonly prefixes: ReadonlyArray<string>
}

/** An artifact on its way into the trash. */
export interface LeavingArtifact {
  readonly uid: string
  /** The primary key. */
  readonly key: string | null
  /** Every key that is released, primary first, then by age. */
  readonly keys: ReadonlyArray<string>
  readonly suffix: string
  /** Bytes. */
  readonly size: number
  readonly isLatest: boolean
  /** The version that becomes the latest of the family instead, or null. */
  readonly nextLatest: string | null
}

/** An artifact in the trash. The object that `--json` prints. */
export interface TrashedArtifact {
  readonly uid: string
  /** The primary key that it had, and gets back. */
  readonly key: string | null
  readonly keys: ReadonlyArray<string>
  readonly suffix: string
  readonly description: string | null
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
  readonly createdAt: string
  /** ISO 8601. */
  readonly trashedAt: string
  /** Handle of the account. */
  readonly trashedBy: string | null
}

/** The trash, as a registry keeps it. */
export class Trash extends Context.Service<Trash, {
  /**
   * Moves artifacts into the trash, all of them or none: their keys are released, and of a family whose latest version goes the newest live one becomes
   * the latest. `dryRun` only plans. Fails with `NotFound` for a uid that is no live artifact, and for a prefix without any.
   */
  readonly move: (
    selection: TrashSelection,
    options: { readonly dryRun: boolean; readonly account: string | null }
  ) => Effect.Effect<ReadonlyArray<LeavingArtifact>, RegistryError | NotFound>
  /**
   * Puts artifacts back with their keys, all or none. A key that is taken, or that two of them had, is a conflict; a version tag that another version of the
   * family has by now, or that two of them had, is `InvalidInput`.
   */
  readonly restore: (
    uids: ReadonlyArray<string>,
    options: { readonly dryRun: boolean }
  ) => Effect.Effect<ReadonlyArray<TrashedArtifact>, RegistryError | NotFound | KeyConflict | InvalidInput | NoGoodLocation>
  /** What is in the trash, newest first. */
  readonly list: Effect.Effect<ReadonlyArray<TrashedArtifact>, RegistryError>
  /** Uids of trashed artifacts: with this uid or beginning of one, that had this key, or any key below a prefix that ends with `/`. */
  readonly find: (reference: string) => Effect.Effect<ReadonlyArray<string>, RegistryError>
}>()("@sheaf/core/Trash") {}
