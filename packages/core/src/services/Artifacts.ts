/**
 * Artifacts: saving single files and values, and finding what is registered.
 */
import { Context, type Effect, type Result, type Stream } from "effect"
import type { Artifact, KeyEvent } from "../domain/Artifact.ts"
import type { DuplicatePolicy, Outcome } from "../domain/SaveDecision.ts"
import type {
  DuplicateContent, FileChanged, FileError, InvalidInput, InvalidKey, MultipleResults, NotFound, StorageRootProblem, SuffixMismatch, Unnamed
} from "../domain/SheafError.ts"
import type { KeyListing, RegistryError } from "../ports/Registry.ts"
import type { StorageError } from "../ports/Storage.ts"
import type { KeyTree, TreeOptions } from "./KeyTree.ts"

export interface SaveOptions {
  /** Default: the path relative to the root for a file inside one, else none; content without a key needs a description or a run. */
  readonly key?: string
  readonly description?: string
  readonly kind?: string
  /** Uid of the run that made the content. Default: the session's. */
  readonly run?: string
  /** Default: the instance's. */
  readonly onDuplicate?: DuplicatePolicy
  /** Name, uid, URL or path of the root to copy into; only for content outside every root. Default: the default root. */
  readonly storage?: string
  /** Accept a key whose suffix contradicts the file's. */
  readonly allowSuffixMismatch?: boolean
}

/** A file, or content in memory; a string is UTF-8. Content needs a key or a description. */
export type SaveSource = { readonly path: string } | { readonly content: Uint8Array | string }

export type SaveItem = SaveSource & SaveOptions

/**
 * - `KeyNormalized` the key was not in normal form and was changed
 * - `KeyNotPortable` another key differs only in case or Unicode form
 * - `AliasMade` the content had a key already; the new key is a further one
 * - `KeyMoved` the key pointed at other content before, and left it
 * - `KeyLeftAlone` policy `reuse`: the content has another key, which stays
 * - `UnknownCompositeSuffix` the last part of a longer suffix was taken; a setting extends the table
 * - `DescriptionKept`, `KindKept` the content was registered before with another one, which stays
 */
export type SaveWarningCode =
  | "KeyNormalized" | "KeyNotPortable" | "AliasMade" | "KeyMoved" | "KeyLeftAlone" | "UnknownCompositeSuffix" | "DescriptionKept" | "KindKept"

export interface SaveWarning {
  readonly code: SaveWarningCode
  readonly message: string
}

/** What a save did. The object that `--json` prints. */
export interface SaveResult {
  readonly outcome: Outcome
  readonly artifact: Artifact
  /** The key that was asked for, in normal form, or null. */
  readonly key: string | null
  /** Primary key of the artifact before, when the key became an alias of it or was left alone. */
  readonly aliasOf: string | null
  /** Uid of the artifact that the key pointed at before. */
  readonly movedFrom: string | null
  readonly warnings: ReadonlyArray<SaveWarning>
}

/** What can be wrong with one save; others are not affected by it. */
export type SaveRefusal =
  | InvalidKey | SuffixMismatch | InvalidInput | DuplicateContent | Unnamed | FileChanged | FileError | StorageRootProblem | StorageError

export type SaveError = SaveRefusal | RegistryError

/** What a reference stands for. */
export interface Resolved {
  readonly uid: string
  /** The key it was found by, in the registry's spelling, or null. */
  readonly key: string | null
  /** Something the user should know, such as that a key of another Unicode form was meant, or null. */
  readonly note: string | null
}

export type ResolveError = NotFound | MultipleResults | RegistryError

export class Artifacts extends Context.Service<Artifacts, {
  /**
   * Registers a file: where it stands when that is inside a storage root, else as a copy in one. The bytes are complete before a record refers to
   * them.
   */
  readonly save: (path: string, options?: SaveOptions) => Effect.Effect<SaveResult, SaveError>
  /** Registers content from memory; its suffix is the key's. */
  readonly saveContent: (content: Uint8Array | string, options: SaveOptions) => Effect.Effect<SaveResult, SaveError>
  /**
   * Saves one after the other, as fast as ingest; results in the order of the items. A refused item does not stop the others; a failing registry
   * does, and what was saved until then stays.
   */
  readonly saveMany: (items: ReadonlyArray<SaveItem>) => Effect.Effect<ReadonlyArray<Result.Result<SaveResult, SaveRefusal>>, RegistryError>

  /**
   * Finds the one artifact that a reference means: a uid, a unique beginning of one (from 4 characters), a key, `KEY@N` (the N-th content of the key,
   * from 1), `KEY@DATE` (what it pointed at then; ISO 8601, a day means its end in UTC), or `hash:VALUE`.
   */
  readonly resolve: (reference: string) => Effect.Effect<Resolved, ResolveError>
  /** The artifact that a reference means. */
  readonly get: (reference: string) => Effect.Effect<Artifact, ResolveError>
  /** Live keys with the prefix, by whole segments unless it is "", in bytewise order. */
  readonly list: (prefix?: string) => Stream.Stream<KeyListing, RegistryError | InvalidKey>
  /** The artifacts of {@link list}, each once, in the order of their first listed key. */
  readonly listArtifacts: (prefix?: string) => Stream.Stream<Artifact, RegistryError | InvalidKey>
  /** What a key has pointed at, oldest first. */
  readonly log: (key: string) => Effect.Effect<ReadonlyArray<KeyEvent>, RegistryError | InvalidKey | NotFound>
  /** The keys below a prefix as a tree, with totals of everything below it. */
  readonly tree: (prefix?: string, options?: TreeOptions) => Effect.Effect<KeyTree, RegistryError | InvalidKey>
}>()("@sheaf/core/Artifacts") {}
