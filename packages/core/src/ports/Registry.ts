/**
 * Port: the registry of artifacts, keys, locations and roots. Reference implementation: `layers/DuckDbRegistry`; `testing/MemoryRegistry` is the model beside it.
 *
 * Every method is one unit of work: it holds the registry only while it runs, and either all of it happens or nothing.
 */
import { Context, type Effect, type Stream } from "effect"
import type { ApplyResult } from "../domain/ApplySave.ts"
import type { Artifact, KeyEvent, LocationState } from "../domain/Artifact.ts"
import type { HashType } from "../domain/ContentHash.ts"
import type { DuplicatePolicy } from "../domain/SaveDecision.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import type {
  InvalidInput, KeyConflict, NotFound, RegistryBusy, RegistryFailed, RegistryNewer, StorageRootProblem
} from "../domain/SheafError.ts"
import type { PublishedBatch, StagedBatch } from "../domain/StagedBatch.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"

/** What any registry operation can fail with. */
export type RegistryError = RegistryBusy | RegistryNewer | RegistryFailed

/** What a save takes from its instance and session. */
export interface SaveContext {
  readonly onDuplicate: DuplicatePolicy
  /** Uid of the account on whose behalf records are made. */
  readonly account: string | null
}

/** What is in a registry, in numbers. */
export interface RegistryInfo {
  readonly path: string
  readonly schema: number
  readonly artifacts: number
  readonly keys: number
  readonly locations: number
  /** Sum of the sizes of live artifacts. */
  readonly bytes: number
  readonly roots: number
}

/** One live key with what a listing shows of its artifact. */
export interface KeyListing {
  readonly key: string
  readonly uid: string
  readonly isPrimary: boolean
  readonly suffix: string
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
  readonly createdAt: string
}

/** One key's part of a rename. */
export interface KeyMove {
  readonly from: string
  readonly to: string
  readonly uid: string
  /** `to` already points at the same artifact: `from` is dropped and `to` stays. */
  readonly merges: boolean
}

/** A copy to be read and compared. */
export interface StoredCopy {
  readonly uid: string
  readonly key: string | null
  /** Uid of the root. */
  readonly root: string
  readonly objectKey: string
  readonly isVirtual: boolean
  /** Registered where it stands: the user's own file. */
  readonly inPlace: boolean
  readonly suffix: string
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
  readonly state: LocationState
}

/** Which copies are meant; what is left out does not narrow. */
export interface CopyFilter {
  readonly root?: string
  readonly uids?: ReadonlyArray<string>
  readonly keyPrefix?: string
  /** Share of copies to draw, over 0 up to 1; drawn by a hash of uid and `seed`, so that the same seed draws the same copies. */
  readonly sample?: { readonly share: number; readonly seed: string }
}

/** Which objects are meant, those of this instance's own unless more is asked for; what is left out does not narrow. */
export interface ObjectFilter {
  readonly root?: string
  /** Places below the root. */
  readonly objectKeys?: ReadonlyArray<string>
  readonly uids?: ReadonlyArray<string>
  /** Of artifacts whose primary key lies here; "" for all that have one. */
  readonly keyPrefix?: string
  readonly isVirtual?: boolean
  /** Of artifacts registered at this time or later; milliseconds since 1970. */
  readonly since?: number
  /** Also those of artifacts in the trash. */
  readonly withTrash?: boolean
  /** Also files that are registered where they stand. */
  readonly withInPlace?: boolean
}

/** An object that stands at another place now. */
export interface MovedLocation {
  readonly uid: string
  readonly from: string
  readonly to: string
  readonly isVirtual: boolean
}

/** What a storage root holds. */
export interface RootUsage {
  readonly root: StorageRoot
  readonly artifacts: number
  /** Sum of the sizes of artifacts that have a good copy here. */
  readonly bytes: number
  /** Artifacts whose only good copy is here. */
  readonly soleCopies: number
}

/** All records of an instance, but for those that have ports of their own. */
export class Registry extends Context.Service<Registry, {
  /** Where it is, its schema, and how much it holds. */
  readonly info: Effect.Effect<RegistryInfo, RegistryError>
  /**
   * A text that differs from every earlier one once anything has changed, however it was changed; null when that cannot be told. Ingest compares it to know
   * that files unchanged since its last run are registered still. DuckDB: the registry is let go of first (so that everything is in the file and no `.wal`
   * remains, else null), then a digest of the file's first 12 KiB, whose two header blocks count every checkpoint.
   */
  readonly stamp: Effect.Effect<string | null, RegistryError>
  /** Uid of the account with this handle, made when it is new. */
  readonly account: (handle: string) => Effect.Effect<string, RegistryError>

  /** The storage roots, oldest first. */
  readonly roots: Effect.Effect<ReadonlyArray<StorageRoot>, RegistryError>
  /** The same with what each holds. */
  readonly rootUsage: Effect.Effect<ReadonlyArray<RootUsage>, RegistryError>
  /** A root with the same URL is refused. The first root becomes the default. */
  readonly addRoot: (root: StorageRoot) => Effect.Effect<void, RegistryError | StorageRootProblem>
  /** From now on new files are copied into this root. */
  readonly setDefaultRoot: (uid: string) => Effect.Effect<void, RegistryError | NotFound>
  /** Refused, with the count, while the root holds the only copy of an artifact, and for the default root. Its locations are forgotten. */
  readonly removeRoot: (uid: string) => Effect.Effect<void, RegistryError | NotFound | StorageRootProblem>

  /** Applies saves one after the other, as the decision table says; each has its own result, and a refused one does not stop the rest. */
  readonly save: (
    requests: ReadonlyArray<SaveRequest>,
    context: SaveContext
  ) => Effect.Effect<ReadonlyArray<ApplyResult>, RegistryError>
  /** The same for a batch in a staging file, set-based; row order is save order. */
  readonly publish: (batch: StagedBatch) => Effect.Effect<PublishedBatch, RegistryError>

  /** Artifacts by uid, in the order asked for; unknown uids are left out. */
  readonly artifacts: (uids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Artifact>, RegistryError>
  /** Uids that begin with this text, at most `limit`, in order. */
  readonly uidsByPrefix: (prefix: string, limit: number) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Uid that a live key points at, or null. */
  readonly uidByKey: (key: string) => Effect.Effect<string | null, RegistryError>
  /** Live keys equal to this one after NFC normalisation. */
  readonly keysEqualInNfc: (key: string) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Live keys close to this text, best first: for suggestions. */
  readonly keysNear: (key: string, limit: number) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Live keys that differ from this one only in case or Unicode form. */
  readonly keysFoldingLike: (key: string) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Live artifacts with this hash, oldest first. */
  readonly uidsByHash: (hash: string) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Uid of the artifact whose copy stands at this object key of this root, or null. */
  readonly uidByObject: (root: string, objectKey: string) => Effect.Effect<string | null, RegistryError>
  /** What a key has pointed at, oldest first; empty for a key never used. */
  readonly keyLog: (key: string) => Effect.Effect<ReadonlyArray<KeyEvent>, RegistryError>
  /** Live keys with the prefix, by whole segments unless `prefix` is "", in bytewise order. Memory does not grow with the result. */
  readonly list: (prefix: string) => Stream.Stream<KeyListing, RegistryError>

  /** Renames one key, or every key below `from/` when `byPrefix`. Any conflict refuses the whole; `dryRun` only plans. `run` goes into the keys' logs. */
  readonly rename: (
    change: { readonly from: string; readonly to: string; readonly byPrefix: boolean; readonly dryRun: boolean; readonly run?: string | null }
  ) => Effect.Effect<ReadonlyArray<KeyMove>, RegistryError | NotFound | KeyConflict>
  /** Adds a live key to an artifact; an artifact without one gets it as primary. Pointing at it already is not an error. */
  readonly alias: (uid: string, key: string, run?: string | null) => Effect.Effect<void, RegistryError | NotFound | KeyConflict>
  /** Releases a key; the artifact stays reachable by uid and its other keys. */
  readonly unalias: (key: string, run?: string | null) => Effect.Effect<void, RegistryError | NotFound>

  /** Copies of live artifacts, by root and object key. Memory does not grow with the result. */
  readonly copies: (filter: CopyFilter) => Stream.Stream<StoredCopy, RegistryError>
  /** Records what was found out about copies: in which state each is. */
  readonly recordStates: (
    states: ReadonlyArray<{ readonly uid: string; readonly root: string; readonly objectKey: string; readonly state: LocationState }>
  ) => Effect.Effect<void, RegistryError>
  /** Where artifacts that are no folders have objects. By root, place and uid. */
  readonly objects: (filter: ObjectFilter) => Effect.Effect<ReadonlyArray<StoredCopy>, RegistryError>
  /** Records that objects of a root have moved, also those of artifacts in the trash. One that is not recorded at `from` is left out. */
  readonly moveLocations: (root: string, moves: ReadonlyArray<MovedLocation>) => Effect.Effect<void, RegistryError>
  /** Adds a copy of an artifact, or moves one: with `from`, that location becomes this one. */
  readonly putLocation: (
    location: { readonly uid: string; readonly root: string; readonly objectKey: string; readonly isVirtual: boolean; readonly from?: string }
  ) => Effect.Effect<void, RegistryError | NotFound>
  /** Which of these objects of a root the registry refers to. */
  readonly knownObjects: (root: string, objectKeys: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, RegistryError>

  /** Changes what people said about an artifact; null takes it away. */
  readonly setDescription: (uid: string, description: string | null) => Effect.Effect<void, RegistryError | NotFound | InvalidInput>
}>()("@sheaf/core/Registry") {}
