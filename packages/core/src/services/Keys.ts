/**
 * Keys: renaming, aliasing and releasing them. Bytes are never touched: an object keeps its place.
 */
import { Context, type Effect } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { InvalidInput, InvalidKey, KeyConflict, MultipleResults, NotFound, SuffixMismatch } from "../domain/SheafError.ts"
import type { KeyMove, RegistryError } from "../ports/Registry.ts"
import type { SaveWarning } from "./Artifacts.ts"

export interface MoveOptions {
  readonly allowSuffixMismatch?: boolean
  /** Plan and check, change nothing. */
  readonly dryRun?: boolean
}

export interface MoveReport {
  readonly dryRun: boolean
  /** Every key that was renamed, or would be. */
  readonly moves: ReadonlyArray<KeyMove>
  /** Whether every key below a prefix was meant. */
  readonly byPrefix: boolean
  /** The artifact after the change, when one key was renamed; with `dryRun` as it is. */
  readonly artifact: Artifact | null
  readonly warnings: ReadonlyArray<SaveWarning>
}

export interface AliasReport {
  readonly artifact: Artifact
  /** The new key in normal form. */
  readonly key: string
  readonly warnings: ReadonlyArray<SaveWarning>
}

export type MoveError = RegistryError | InvalidKey | InvalidInput | NotFound | KeyConflict | SuffixMismatch

export class Keys extends Context.Service<Keys, {
  /**
   * Renames a key; or every key below a prefix, when `from` ends with `/` or is no key itself but others lie below it. Any conflict refuses the whole.
   * A new key that points at the same artifact already stays, and the old one is dropped.
   */
  readonly mv: (from: string, to: string, options?: MoveOptions) => Effect.Effect<MoveReport, MoveError>
  /** Gives the artifact that a reference means a further key. */
  readonly alias: (
    reference: string,
    key: string,
    options?: { readonly allowSuffixMismatch?: boolean }
  ) => Effect.Effect<AliasReport, RegistryError | InvalidKey | NotFound | MultipleResults | KeyConflict | SuffixMismatch>
  /** Releases a key; gives the artifact it pointed at, which stays. */
  readonly unalias: (key: string) => Effect.Effect<Artifact, RegistryError | InvalidKey | NotFound>
}>()("@sheaf/core/Keys") {}
