/**
 * Artifacts: saving single files and values, and finding what is registered.
 */
import type { Result} from "effect";
import { Context, Effect, Layer, Option, Scope, Stream } from "effect"
import type { Artifact, KeyEvent } from "../domain/Artifact.ts"
import type { Content, FlatRow, Jsonable, JsonContent, RowsContent } from "../domain/Content.ts"
import type { DuplicatePolicy, Outcome } from "../domain/SaveDecision.ts"
import { parseKey } from "../domain/ArtifactKey.ts"
import {
  type CannotEncode, type DuplicateContent, type FileChanged, type FileError, type InvalidInput, InvalidKey, type KeyConflict, type MultipleResults, NotFound, type StorageRootProblem, type SuffixMismatch,
  type Unnamed
} from "../domain/SheafError.ts"
import { suffixTable } from "../domain/Suffix.ts"
import { Hashing } from "../ports/Hashing.ts"
import { KeyPolicy } from "../ports/KeyPolicy.ts"
import { Queries } from "../ports/Queries.ts"
import { type KeyListing, Registry, type RegistryError } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { Session } from "../ports/Session.ts"
import { StorageDrivers, type StorageError } from "../ports/Storage.ts"
import { TableFiles } from "../ports/TableFiles.ts"
import { UidSource } from "../ports/UidSource.ts"
import { ContentReader } from "./ContentReader.ts"
import { Instance } from "./Instance.ts"
import { KeyFolds } from "./KeyFolds.ts"
import { type KeyTree, KeyTreeBuilder, type TreeOptions } from "./KeyTree.ts"
import { KeyedObjects } from "./KeyedObjects.ts"
import { resolveReference } from "./References.ts"
import { clearLeftovers, clearLeftUploads } from "./PendingWork.ts"
import { uploadsFolder } from "./PendingUploads.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { RootWriter } from "./RootWriter.ts"
import { saveBatch, saveBatches, type SaveDependencies } from "./SaveBatch.ts"

/** How to save: under which key, and what to record. All of it may be left out. */
export interface SaveOptions {
  /** Default: the path relative to the root for a file inside one, else none; content without a key needs a description or a run. */
  readonly key?: string
  readonly description?: string
  readonly kind?: string
  /** Tag of this version, unique in its family. Content that is registered without one takes it. */
  readonly version?: string
  /**
   * Reference to an artifact whose family this content becomes the next version of, whatever its key and suffix. Default key: the one of that artifact,
   * when the suffix fits. Content that is registered already stays what it is.
   */
  readonly revises?: string
  /** Uid of the run that made the content. Default: the session's. */
  readonly run?: string
  /** Default: the instance's. */
  readonly onDuplicate?: DuplicatePolicy
  /** Name, uid, URL or path of the root to copy into; only for content outside every root. Default: the default root. */
  readonly storage?: string
  /** Accept a key whose suffix contradicts the file's. */
  readonly allowSuffixMismatch?: boolean
}

/** A file, or content in memory. Content needs a key or a description. */
export type SaveSource = { readonly path: string } | { readonly content: Content }

/** One of the things that `saveMany` saves. */
export type SaveItem = SaveSource & SaveOptions

/**
 * - `KeyNormalized` the key was not in normal form and was changed
 * - `KeyNotPortable` another key differs only in case or Unicode form
 * - `AliasMade` the content had a key already; the new key is a further one
 * - `KeyMoved` the key pointed at other content before, and left it
 * - `KeyLeftAlone` policy `reuse`: the content has another key, which stays
 * - `UnknownCompositeSuffix` the last part of a longer suffix was taken; a setting extends the table
 * - `DescriptionKept`, `KindKept`, `VersionKept` the content was registered before with another one, which stays
 * - `MembersLeftOut` a folder holds symbolic links or special files, which are not part of it
 * - `NotRevised` the content was registered before, so it did not become a version of the artifact named
 */
export type SaveWarningCode =
  | "KeyNormalized" | "KeyNotPortable" | "AliasMade" | "KeyMoved" | "KeyLeftAlone" | "UnknownCompositeSuffix" | "DescriptionKept" | "KindKept" | "VersionKept" | "NotRevised" | "MembersLeftOut" | "ObjectStays"

/** Something worth knowing about a save that succeeded. */
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
  | InvalidKey | SuffixMismatch | InvalidInput | CannotEncode | DuplicateContent | Unnamed | FileChanged | FileError | StorageRootProblem | StorageError
  | NotFound | MultipleResults | KeyConflict

/** What a single save can fail with. */
export type SaveError = SaveRefusal | RegistryError

/** `saveContent` with its options; fields that a row or JSON cannot hold are found by the compiler. */
export interface SaveContent<Options> {
  (content: Content, options: Options): Effect.Effect<SaveResult, SaveError>
  <T>(content: JsonContent<T & Jsonable<T>>, options: Options): Effect.Effect<SaveResult, SaveError>
  <R extends object>(content: RowsContent<R & FlatRow<R>>, options: Options): Effect.Effect<SaveResult, SaveError>
}

/** What a reference stands for. */
export interface Resolved {
  readonly uid: string
  /** The key it was found by, in the registry's spelling, or null. */
  readonly key: string | null
  /** Something the user should know, such as that a key of another Unicode form was meant, or null. */
  readonly note: string | null
}

/** What looking up a reference can fail with. */
export type ResolveError = NotFound | MultipleResults | RegistryError

/** Saving single files and values, and looking up what is registered. */
export class Artifacts extends Context.Service<Artifacts, {
  /**
   * Registers a file: where it stands when that is inside a storage root, else as a copy in one. The bytes are complete before a record refers to
   * them.
   */
  readonly save: (path: string, options?: SaveOptions) => Effect.Effect<SaveResult, SaveError>
  /**
   * Registers content from memory; its suffix is the key's, which also says what rows (`.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json`, `.parquet`) and a JSON value
   * (`.json`) become; a text format with `.gz` after it is compressed. The same rows give the same bytes. What a format cannot hold is refused with
   * `CannotEncode` before anything changes.
   */
  readonly saveContent: SaveContent<SaveOptions>
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
}>()("@sheaf/core/Artifacts") {
  static readonly layer: Layer.Layer<Artifacts, never, Instance | Registry | Queries | StorageDrivers | Hashing | KeyPolicy | KeyedObjects | UidSource | TableFiles> = Layer.effect(
    Artifacts,
    Effect.gen(function*() {
      const registry = yield* Registry
      const queries = yield* Queries
      const dependencies = yield* saveDependencies
      const saveOne = (item: SaveItem): Effect.Effect<SaveResult, SaveError> =>
        dependencies.pipe(Effect.flatMap((deps) => saveBatch([item], deps)), Effect.flatMap(([result]) => Effect.fromResult(result!)))
      const resolve = (reference: string) => resolveReference(reference, registry)
      const get = Effect.fn("Artifacts.get")(function*(reference: string) {
        const { uid } = yield* resolve(reference)
        const [artifact] = yield* registry.artifacts([uid])
        return artifact ?? (yield* new NotFound({ what: "artifact", reference, near: [] }))
      })
      const list = (prefix = "") => Stream.unwrap(Effect.map(acceptPrefix(prefix), (accepted) => registry.list(accepted)))
      return Artifacts.of({
        save: Effect.fn("Artifacts.save")(function*(path: string, options: SaveOptions = {}) {
          return yield* saveOne({ path, ...options })
        }),
        saveContent: Effect.fn("Artifacts.saveContent")(function*(content: Content | RowsContent<object> | JsonContent<unknown>, options: SaveOptions) {
          return yield* saveOne({ content: content as Content, ...options })
        }),
        saveMany: Effect.fn("Artifacts.saveMany")(function*(items: ReadonlyArray<SaveItem>) {
          return yield* saveBatches(items, BATCH, yield* dependencies)
        }),
        resolve: Effect.fn("Artifacts.resolve")(resolve),
        get,
        list,
        listArtifacts: (prefix = "") => Stream.unwrap(Effect.map(acceptPrefix(prefix), (accepted) => queries.below(accepted))),
        log: Effect.fn("Artifacts.log")(function*(key: string) {
          const parsed = parseKey(key)
          if (!parsed.ok) return yield* new InvalidKey({ key, reason: parsed.reason })
          const log = yield* registry.keyLog(parsed.key)
          return log.length > 0 ? log : yield* new NotFound({ what: "key", reference: parsed.key, near: yield* registry.keysNear(parsed.key, 3) })
        }),
        tree: Effect.fn("Artifacts.tree")(function*(prefix: string = "", options: TreeOptions = {}) {
          const builder = new KeyTreeBuilder(yield* acceptPrefix(prefix), options)
          yield* list(prefix).pipe(Stream.runForEach(({ key, size, suffix }) => Effect.sync(() => builder.add(key, suffix, size))))
          return builder.finish()
        })
      })
    })
  )
}

/** Saves of one batch are registered in one transaction. */
const BATCH = 2_000

/** "" or a key prefix in normal form. */
const acceptPrefix = (prefix: string): Effect.Effect<string, InvalidKey> => {
  if (/^[/.]*$/.test(prefix) && !prefix.includes("..")) return Effect.succeed("")
  const parsed = parseKey(prefix)
  return parsed.ok ? Effect.succeed(parsed.key) : Effect.fail(new InvalidKey({ key: prefix, reason: parsed.reason }))
}

/** What saving needs, with roots that are opened once and kept until the scope ends. */
const saveDependencies: Effect.Effect<
  Effect.Effect<SaveDependencies>,
  never,
  Scope.Scope | Instance | Registry | StorageDrivers | Hashing | KeyPolicy | KeyedObjects | UidSource | TableFiles
> = Effect.gen(function*() {
  const { cacheFolder, config } = yield* Instance
  const registry = yield* Registry
  const drivers = yield* StorageDrivers
  const hashing = yield* Hashing
  const policy = yield* KeyPolicy
  const uids = yield* UidSource
  const keyedObjects = yield* KeyedObjects
  const tables = yield* TableFiles
  const runs = Option.getOrNull(yield* Effect.serviceOption(RunRecords))
  const scope = yield* Effect.scope
  const reader = new ContentReader(hashing)
  const folds = new KeyFolds(registry)
  const writers = new Map<string, RootWriter>()
  const accounts = new Map<string, string>()
  yield* Effect.addFinalizer(() => Effect.sync(() => {
    for (const writer of writers.values()) writer.close()
  }))

  const writerFor: SaveDependencies["writerFor"] = (root) =>
    Effect.gen(function*() {
      const open = writers.get(root.uid)
      if (open !== undefined && open.isThere()) return open
      writers.delete(root.uid)
      const driver = yield* drivers.forUrl(root.url)
      const handle = yield* Scope.provide(driver.open(root.url, { create: false, readOnly: false }), scope)
      yield* checkOwnRoot(handle, root, config.uid)
      const uploads = uploadsFolder(cacheFolder, root)
      const writer = new RootWriter({ root, handle, policy, hashing, reader, uploads })
      yield* writer.path === null ? clearLeftUploads(registry, root, handle, uploads) : clearLeftovers(registry, root.uid, writer.path)
      // Another save may have opened the root meanwhile; this writer has written nothing.
      const first = writers.get(root.uid) ?? writer
      writers.set(root.uid, first)
      return first
    })

  const accountOf = (handle: string): Effect.Effect<string, RegistryError> => {
    const known = accounts.get(handle)
    return known !== undefined ? Effect.succeed(known) : Effect.tap(registry.account(handle), (uid) => Effect.sync(() => accounts.set(handle, uid)))
  }

  return Effect.map(Session, ({ account, run }): SaveDependencies => ({
    registry,
    uids,
    folds,
    reader,
    planning: { suffixes: suffixTable(config.suffixes.composite), composite: config.suffixes.composite, policy },
    writerFor,
    durable: config.durability === "full",
    onDuplicate: config.onDuplicate,
    account: accountOf(account),
    handle: account,
    run,
    runs,
    keyedObjects,
    tables,
    cacheFolder
  }))
})
