/**
 * Sheaf for programs that do not use Effect: promises and async iterables, with the same types and the same typed errors.
 *
 * ```ts
 * await using sheaf = await Sheaf.open("./my-data")
 * const saved = await sheaf.save("plate1/a.csv", { key: "raw/plate1/a.csv" })
 * ```
 *
 * A rejected promise carries the error object itself: `error._tag` is its code, such as `"KeyConflict"`, `error.hint` says what to do.
 */
import { Effect, Layer, ManagedRuntime, Result, Stream } from "effect"
import type { Artifact, KeyEvent } from "./domain/Artifact.ts"
import type { FolderMember } from "./domain/FolderManifest.ts"
import type { Collection } from "./domain/Collection.ts"
import type { IngestEvent } from "./domain/IngestReport.ts"
import type { Label } from "./domain/Label.ts"
import type { Lineage, Run } from "./domain/Run.ts"
import type { Content, FlatRow, Jsonable, JsonContent, RowsContent } from "./domain/Content.ts"
import { InvalidInput } from "./domain/SheafError.ts"
import { localDrivers } from "./LocalDrivers.ts"
import { ofPlainParser } from "./ports/ContentParsers.ts"
import type { KeyListing } from "./ports/Registry.ts"
import { currentHandle, currentRun, Session, type SessionInfo } from "./ports/Session.ts"
import type { RunFilter } from "./ports/RunRecords.ts"
import type { StorageDriver } from "./ports/Storage.ts"
import type { TrashedArtifact } from "./ports/Trash.ts"
import type { Loaded, NoParsers, ParserResults, Parsers } from "./PromiseLoading.ts"
import { ArtifactSearch } from "./PromiseQuery.ts"
import { storageCalls, type StorageCalls } from "./PromiseStorage.ts"
import { Sheaf as Composition, type SheafOptions, type SheafServices } from "./Sheaf.ts"
import { Collections as CollectionService, type CollectionChange, type CollectionContents, type CollectionDiff } from "./services/Collections.ts"
import type { CollectionExportOptions, CollectionExportReport } from "./services/CollectionExport.ts"
import { Artifacts, type Resolved, type SaveItem, type SaveOptions, type SaveRefusal, type SaveResult } from "./services/Artifacts.ts"
import {
  type DeleteOptions, Deletion, type DeletionPlan, type DeletionReport, type RestoreReport, type TrashOptions, type TrashReport
} from "./services/Deletion.ts"
import { Conversion, type ConvertReport, type ConvertRequest } from "./services/Conversion.ts"
import { type Check, Doctor } from "./services/Doctor.ts"
import { type CopyReport, Copying } from "./services/Copying.ts"
import { Folders } from "./services/Folders.ts"
import { Exporting, type ExportOptions, type ExportReport } from "./services/Exporting.ts"
import { Garbage, type GarbageFound, type GarbageOptions, type GarbageRemoved } from "./services/Garbage.ts"
import { Ingest, type IngestRequest, type StatusReport, type StatusRequest } from "./services/Ingest.ts"
import type { CopiedFile } from "./services/FileCopy.ts"
import { Instance, type LoadedInstance } from "./services/Instance.ts"
import { Integrity, type VerifyReport, type VerifyRequest } from "./services/Integrity.ts"
import type { InitOptions } from "./services/InstanceInit.ts"
import type { KeyTree, TreeOptions } from "./services/KeyTree.ts"
import { type AliasReport, Keys, type MoveOptions, type MoveReport } from "./services/Keys.ts"
import { type LabelChange, type LabelCreation, type LabelFilter, type LabelListing, Labels as LabelService } from "./services/Labels.ts"
import type { MemberSource } from "./services/MemberSource.ts"
import { Query } from "./services/Query.ts"
import { type ByteRange, type CopyToOptions, Reading } from "./services/Reading.ts"
import { Sql } from "./services/Sql.ts"
import { checkRunOfSession } from "./services/RunOfInstance.ts"
import { type LineageOptions, type RunOutcome, type RunRequest, Runs } from "./services/Runs.ts"
import { TrackedRun } from "./services/TrackedRun.ts"

export type { Artifact, KeyEvent } from "./domain/Artifact.ts"
export type { Collection } from "./domain/Collection.ts"
export type { Cell, Content, Json, JsonContent, Row, RowsContent, StreamContent } from "./domain/Content.ts"
export type { Label } from "./domain/Label.ts"
export type { SortField } from "./domain/ArtifactFilter.ts"
export type { ArtifactWhere } from "./domain/FilterParse.ts"
export type { IngestEvent, IngestSummary } from "./domain/IngestReport.ts"
export type { ArtifactNode, Lineage, LineageEdge, Run, RunNode, RunStatus, Transform } from "./domain/Run.ts"
export * from "./domain/SheafError.ts"
export type { KeyListing, KeyMove } from "./ports/Registry.ts"
export { StorageError } from "./ports/Storage.ts"
export type { TrashedArtifact } from "./ports/Trash.ts"
export type { DeleteOptions, DeletionPlan, DeletionReport, RestoreReport, TrashOptions, TrashReport } from "./services/Deletion.ts"
export type { ExportOptions, ExportReport } from "./services/Exporting.ts"
export type { PlainContent, PlainParser } from "./ports/ContentParsers.ts"
export type { TableRow, TableValue } from "./ports/TableFiles.ts"
export type { Loaded, NoParsers, ParserResults, Parsers, TextRow } from "./PromiseLoading.ts"
export type { ArtifactSearch } from "./PromiseQuery.ts"
export type { MemberSource } from "./services/MemberSource.ts"
export type { AddedRoot, AddRootOptions, RootCheck, RootListing, StorageCalls } from "./PromiseStorage.ts"
export type { ConvertReport, ConvertRequest } from "./services/Conversion.ts"
export type { InitOptions } from "./services/InstanceInit.ts"
export type { Direction, Page } from "./services/Query.ts"
export type { TableFile, TableFileOptions } from "./services/TableFile.ts"
export type { LineageOptions, RunOutcome, RunRequest } from "./services/Runs.ts"
export type { TrackedRun } from "./services/TrackedRun.ts"
export type { VerifyProgress, VerifyReport, VerifyRequest } from "./services/Integrity.ts"
export type { SaveItem, SaveOptions, SaveRefusal, SaveResult, SaveWarning } from "./services/Artifacts.ts"

/** How to open an instance. */
export interface OpenOptions<P extends ParserResults = NoParsers> extends Pick<SheafOptions, "lockTimeout" | "keyPolicy" | "registry"> {
  /** The kinds of storage that may be used. Default: directories, through the package `@sheaf/storage-local`, which has to be installed beside this one. */
  readonly drivers?: ReadonlyArray<StorageDriver>
  /** Handle of the account on whose behalf records are made. Default: `SHEAF_USER`, else the operating system's user name. */
  readonly account?: string
  /** Uid of the run that saves and reads belong to. Default: `SHEAF_RUN`, which `sheaf run` sets for its command, else none. */
  readonly run?: string
  /** Parsers of your own for `load`, by suffix, asked before those that it knows by itself: `{ ".fcs": async ({ bytes }) => readFcs(await bytes()) }`. */
  readonly parsers?: Parsers<P>
}

/** Labels, as promises; each method is that of the service `Labels`. */
export interface LabelCalls {
  /** Makes a label; one of that name and type is given back as it is. `parent` is the name or uid of another label. */
  readonly create: (name: string, options?: { readonly type?: string; readonly parent?: string; readonly description?: string }) => Promise<LabelCreation>
  /** The label that a name, a uid or a unique beginning of one means. */
  readonly get: (reference: string, options?: { readonly type?: string }) => Promise<Label>
  /** Puts a label below another one, or with null below none. */
  readonly setParent: (reference: string, parent: string | null) => Promise<Label>
  /** Gives a label to artifacts, all or none of them. */
  readonly add: (label: string, references: string | ReadonlyArray<string>, options?: { readonly type?: string }) => Promise<LabelChange>
  /** Takes a label from artifacts. */
  readonly remove: (label: string, references: string | ReadonlyArray<string>, options?: { readonly type?: string }) => Promise<LabelChange>
  /** By type and name, with how many artifacts carry each. */
  readonly list: (filter?: LabelFilter) => Promise<ReadonlyArray<LabelListing>>
  /** The labels as properties of an object, named as identifiers can be. */
  readonly lookup: (filter?: LabelFilter) => Promise<Readonly<Record<string, Label>>>
}

/** Collections, as promises; each method is that of the service `Collections`. */
export interface CollectionCalls {
  /**
   * Makes a collection of artifacts, a new version of the one of that name, or finds that it has exactly these. Members are references, a filter as in
   * `{ where: { suffix: ".csv" } }`, or a search, whose order they keep: `sheaf.artifacts.where(…).orderBy("key")`.
   */
  readonly create: (name: string, members: MemberSource | ArtifactSearch, options?: { readonly description?: string }) => Promise<CollectionChange>
  /** Makes a new version with further members, which are given likewise. */
  readonly append: (name: string, members: MemberSource | ArtifactSearch) => Promise<CollectionChange>
  /** The collection that a name, `NAME@N`, a uid or a unique beginning of one means, with its members. */
  readonly show: (reference: string) => Promise<CollectionContents>
  /** The latest version of each. */
  readonly list: () => Promise<ReadonlyArray<Collection>>
  /** All versions, oldest first. */
  readonly log: (reference: string) => Promise<ReadonlyArray<Collection>>
  /** What changed from one version to another; without the second, from the one before. */
  readonly diff: (from: string, to?: string) => Promise<CollectionDiff>
  /** Deletes a collection with all its versions; its members stay. */
  readonly delete: (reference: string) => Promise<ReadonlyArray<Collection>>
  /** Writes the members under their keys below a directory. */
  readonly export: (reference: string, directory: string, options?: CollectionExportOptions & CallOptions) => Promise<CollectionExportReport>
}

/** One item's part of `saveMany`, in the form of `Promise.allSettled`. */
export type SettledSave =
  | { readonly status: "fulfilled"; readonly value: SaveResult }
  | { readonly status: "rejected"; readonly reason: SaveRefusal }

/** What `gc` found, and removed unless it only looked. */
export type GcReport = Omit<GarbageFound, "places"> & { readonly dryRun: boolean; readonly removed: GarbageRemoved | null }

/** A call that can be given up: what was not complete then leaves nothing behind. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** An open instance. To be closed at the end; `await using` does so by itself. */
export class Sheaf<P extends ParserResults = NoParsers> implements AsyncDisposable {
  readonly #runtime: ManagedRuntime.ManagedRuntime<SheafServices, unknown>
  /** Where the instance is, and its settings. */
  readonly instance: LoadedInstance
  /** As it was opened. */
  readonly #session: SessionInfo
  /** The run that was started here, until it is finished. */
  #startedRun: string | null = null
  #isClosed = false

  private constructor(runtime: ManagedRuntime.ManagedRuntime<SheafServices, unknown>, instance: LoadedInstance, session: SessionInfo) {
    this.#runtime = runtime
    this.instance = instance
    this.#session = session
  }

  /**
   * Opens the instance in a directory. Without one: `SHEAF_INSTANCE`, else the nearest at or above the working directory. Rejects with `NoInstance`,
   * `InvalidConfig`, `RegistryNewer` or `FileError`, or with `PackageProblem` for a package that the config names and that cannot be used.
   */
  static open<P extends ParserResults>(directory: string | undefined, options: OpenOptions<P> & { readonly parsers: Parsers<P> }): Promise<Sheaf<P>>
  /** The same without parsers of your own. */
  static open(directory?: string, options?: Omit<OpenOptions, "parsers">): Promise<Sheaf>
  static async open(directory?: string, options: OpenOptions<ParserResults> = {}): Promise<Sheaf> {
    const { account, drivers, parsers, run, ...rest } = options
    const session = Layer.succeed(Session, { account: account ?? currentHandle(), run: run ?? currentRun() })
    const layer = Composition.layer({ ...rest, ...plainParsers(parsers), instance: directory ?? null, drivers: drivers ?? (await localDrivers(directory)) })
    const runtime = ManagedRuntime.make(Layer.provideMerge(layer, session))
    try {
      const session = await runtime.runPromise(Effect.andThen(checkRunOfSession, Effect.map(Session, (info) => info)))
      return new Sheaf(runtime, await runtime.runPromise(Instance), session)
    } catch (error) {
      await runtime.dispose()
      throw error
    }
  }

  /**
   * Makes an instance in a directory, or finds that it exists, and opens it. `keyPolicy` is the name of one, to be kept in the config. Rejects as `open` does,
   * and with `InstanceConflict`, `InvalidInput`, `StorageRootProblem` or `StorageError`.
   */
  static init<P extends ParserResults>(directory: string, options: InitOptions & Omit<OpenOptions<P>, "keyPolicy"> & { readonly parsers: Parsers<P> }): Promise<Sheaf<P>>
  /** The same without parsers of your own. */
  static init(directory: string, options?: InitOptions & Omit<OpenOptions, "keyPolicy" | "parsers">): Promise<Sheaf>
  static async init(directory: string, options: InitOptions & Omit<OpenOptions<ParserResults>, "keyPolicy"> = {}): Promise<Sheaf> {
    const { account, drivers: given, lockTimeout, parsers, registry, run, ...settings } = options
    const drivers = given ?? (await localDrivers(directory))
    const records = { ...(lockTimeout === undefined ? {} : { lockTimeout }), ...(registry === undefined ? {} : { registry }) }
    const { instance } = await Effect.runPromise(Composition.init(directory, { ...settings, ...records, drivers }))
    return Sheaf.open<ParserResults>(instance.directory, {
      ...records, drivers, ...(account === undefined ? {} : { account }), ...(run === undefined ? {} : { run }), parsers: parsers ?? {}
    })
  }

  /** Registers a file: where it stands when that is inside a storage root, else as a copy in one. */
  save(path: string, options: SaveOptions & CallOptions = {}): Promise<SaveResult> {
    const { signal, ...rest } = options
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.save(path, rest)), signal)
  }

  /**
   * Registers content from memory: bytes, text (as UTF-8), `{ rows }`, `{ json }` or a `{ stream }` of bytes. The suffix is the key's, which also says what rows
   * (`.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json`, `.parquet`) and a JSON value (`.json`) become; a text format with `.gz` after it is compressed. Rejects as
   * `save` does; what a format cannot hold with `CannotEncode`, which names the row and the field, before anything changes.
   */
  saveContent(content: Content, options: SaveOptions & CallOptions): Promise<SaveResult>
  /** The same for a JSON value whose types are interfaces; what JSON cannot hold is found by the compiler. */
  saveContent<T>(content: JsonContent<T & Jsonable<T>>, options: SaveOptions & CallOptions): Promise<SaveResult>
  /** The same for rows whose type is an interface; fields that a row cannot hold are found by the compiler. */
  saveContent<R extends object>(content: RowsContent<R & FlatRow<R>>, options: SaveOptions & CallOptions): Promise<SaveResult>
  saveContent(content: Content | RowsContent<object> | JsonContent<unknown>, options: SaveOptions & CallOptions): Promise<SaveResult> {
    const { signal, ...rest } = options
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content as Content, rest)), signal)
  }

  /** Registers a directory with everything in it as one artifact. */
  saveFolder(path: string, options: SaveOptions & CallOptions = {}): Promise<SaveResult> {
    const { signal, ...rest } = options
    return this.#run(Effect.flatMap(Folders, (folders) => folders.save(path, rest)), signal)
  }

  /** The files of a folder, in bytewise order; with `glob` those whose path matches. */
  members(reference: string, options: { readonly glob?: string } & CallOptions = {}): Promise<ReadonlyArray<FolderMember>> {
    return this.#run(Effect.flatMap(Folders, (folders) => folders.members(reference, options.glob)), options.signal)
  }

  /** The bytes of one file of a folder, named `FOLDER/PATH`; when they end, they were those of its hash. */
  openMember(reference: string): AsyncIterable<Uint8Array> {
    return this.#iterate(Stream.unwrap(Effect.flatMap(Folders, (folders) => Effect.map(folders.member(reference), folders.open))))
  }

  /** Saves many files and values in order, much faster than one by one. Rejects only when the registry fails; what was saved until then stays. */
  async saveMany(items: ReadonlyArray<SaveItem>, { signal }: CallOptions = {}): Promise<ReadonlyArray<SettledSave>> {
    const results = await this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany(items)), signal)
    return results.map((result) =>
      Result.isSuccess(result) ? { status: "fulfilled", value: result.success } : { status: "rejected", reason: result.failure })
  }

  /**
   * Registers every file below directories. Ends with an event of type `summary`, also after `signal` was aborted: then what is under way is finished and
   * reported. Leaving the loop early stops at once; what was published stays.
   */
  ingest(paths: string | ReadonlyArray<string>, options: Omit<IngestRequest, "paths"> = {}): AsyncIterable<IngestEvent> {
    const request = { ...options, paths: typeof paths === "string" ? [paths] : paths }
    return this.#iterate(Stream.unwrap(Effect.map(Ingest, (ingest) => ingest.ingest(request))))
  }

  /** Compares a directory with what is registered, without changing anything. */
  status(path: string, options: Omit<StatusRequest, "path"> = {}): Promise<StatusReport> {
    return this.#run(Effect.flatMap(Ingest, (ingest) => ingest.status({ ...options, path })))
  }

  /** The artifact that a reference means: a uid or a unique beginning of one, a key, `KEY@N`, `KEY@DATE`, or `hash:VALUE`. */
  get(reference: string): Promise<Artifact> {
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference)))
  }

  /** Every artifact, to be narrowed: `sheaf.artifacts.where({ suffix: ".csv", size: { gte: "1MB" } }).orderBy("createdAt").all()`. */
  get artifacts(): ArtifactSearch {
    return new ArtifactSearch(Query.everything, { run: (effect) => this.#run(effect), iterate: (stream) => this.#iterate(stream) })
  }

  /**
   * The rows of one SELECT over the documented views, and over the content of artifacts named in `tables`, as in `{ plate: "raw/plate1/a.csv" }`. It can
   * read nothing else and change nothing. Rejects with `InvalidInput` when something is wrong with the query.
   */
  sql(query: string, { signal, tables = {} }: CallOptions & { readonly tables?: Readonly<Record<string, string>> } = {}): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> {
    return this.#run(Effect.scoped(Effect.gen(function*() {
      const { columns, rows } = yield* (yield* Sql).query({ query, tables })
      return yield* Stream.runCollect(Stream.map(rows, (row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))))
    })), signal)
  }

  /** What a reference stands for, and how it was found. */
  resolve(reference: string): Promise<Resolved> {
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.resolve(reference)))
  }

  /** Live keys with a prefix, by whole segments, in bytewise order. */
  list(prefix = ""): AsyncIterable<KeyListing> {
    return this.#iterate(Stream.unwrap(Effect.map(Artifacts, (artifacts) => artifacts.list(prefix))))
  }

  /** The artifacts of the keys with a prefix, each once. */
  listArtifacts(prefix = ""): AsyncIterable<Artifact> {
    return this.#iterate(Stream.unwrap(Effect.map(Artifacts, (artifacts) => artifacts.listArtifacts(prefix))))
  }

  /** The keys below a prefix as a tree, with totals. */
  tree(prefix = "", options: TreeOptions = {}): Promise<KeyTree> {
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.tree(prefix, options)))
  }

  /** What a key has pointed at, oldest first. */
  log(key: string): Promise<ReadonlyArray<KeyEvent>> {
    return this.#run(Effect.flatMap(Artifacts, (artifacts) => artifacts.log(key)))
  }

  /** Renames a key, or every key below a prefix; all or nothing. */
  mv(from: string, to: string, options: MoveOptions = {}): Promise<MoveReport> {
    return this.#run(Effect.flatMap(Keys, (keys) => keys.mv(from, to, options)))
  }

  /** Gives an artifact a further key. */
  alias(reference: string, key: string, options: { readonly allowSuffixMismatch?: boolean } = {}): Promise<AliasReport> {
    return this.#run(Effect.flatMap(Keys, (keys) => keys.alias(reference, key, options)))
  }

  /** Releases a key; gives the artifact it pointed at. */
  unalias(key: string): Promise<Artifact> {
    return this.#run(Effect.flatMap(Keys, (keys) => keys.unalias(key)))
  }

  /** Moves objects to where another key policy puts them; what has to stay is in the report. */
  convert(request: ConvertRequest): Promise<ConvertReport> {
    return this.#run(Effect.flatMap(Conversion, (conversion) => conversion.convert(request)))
  }

  /** Storage roots: add them, choose the default one. */
  get storage(): StorageCalls {
    return storageCalls((effect) => this.#run(effect))
  }

  /** Labels: make them, give them to artifacts. */
  get labels(): LabelCalls {
    const call = <A, E>(use: (labels: LabelService["Service"]) => Effect.Effect<A, E>): Promise<A> => this.#run(Effect.flatMap(LabelService, use))
    const listOf = (references: string | ReadonlyArray<string>) => (typeof references === "string" ? [references] : references)
    return {
      create: (name, options) => call((labels) => labels.create(name, options)),
      get: (reference, options) => call((labels) => labels.get(reference, options)),
      setParent: (reference, parent) => call((labels) => labels.setParent(reference, parent)),
      add: (label, references, options) => call((labels) => labels.add(label, listOf(references), options)),
      remove: (label, references, options) => call((labels) => labels.remove(label, listOf(references), options)),
      list: (filter) => call((labels) => labels.list(filter)),
      lookup: (filter) => call((labels) => labels.lookup(filter))
    }
  }

  /** Collections: named, versioned, ordered sets of artifacts. */
  get collections(): CollectionCalls {
    const call = <A, E>(use: (collections: CollectionService["Service"]) => Effect.Effect<A, E>, signal?: AbortSignal): Promise<A> =>
      this.#run(Effect.flatMap(CollectionService, use), signal)
    const sourceOf = (members: MemberSource | ArtifactSearch): MemberSource => (members instanceof ArtifactSearch ? members.query : members)
    return {
      create: (name, members, options) => call((collections) => collections.create(name, sourceOf(members), options)),
      append: (name, members) => call((collections) => collections.append(name, sourceOf(members))),
      show: (reference) => call((collections) => collections.show(reference)),
      list: () => call((collections) => collections.list),
      log: (reference) => call((collections) => collections.log(reference)),
      diff: (from, to) => call((collections) => collections.diff(from, to)),
      delete: (reference) => call((collections) => collections.delete(reference)),
      export: (reference, directory, { signal, ...options } = {}) => call((collections) => collections.export(reference, directory, options), signal)
    }
  }

  /**
   * The bytes of what a reference means, from the best of its copies. Read to their end they were those of its hash, else the iteration has thrown
   * `Damaged`; a part of them is not compared.
   */
  open(reference: string, range: ByteRange = {}): AsyncIterable<Uint8Array> {
    return this.#iterate(Stream.unwrap(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return (yield* Reading).open(uid, range)
    })))
  }

  /** A path at which other programs read it: that of a copy in a local root. Bytes when the path is not valid Unicode. */
  localPath(reference: string): Promise<string | Buffer> {
    return this.#run(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return yield* (yield* Reading).localPath(uid)
    }))
  }

  /** Copies its verified bytes to a file, or into a directory. */
  copyTo(reference: string, path: string, options: CopyToOptions & CallOptions = {}): Promise<CopiedFile> {
    const { signal, ...rest } = options
    return this.#run(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return yield* (yield* Reading).copyTo(uid, path, rest)
    }), signal)
  }

  /** Makes a second, verified copy in another storage root, given by name, uid, URL or path. */
  copy(reference: string, root: string, { signal }: CallOptions = {}): Promise<CopyReport> {
    return this.#run(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return yield* (yield* Copying).copy(uid, root)
    }), signal)
  }

  /** As {@link localPath}: a path for other programs, to be read only. */
  cachePath(reference: string): Promise<string | Buffer> {
    return this.#run(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return yield* (yield* Reading).cachePath(uid)
    }))
  }

  /**
   * Its content as a value, by its suffix: `.txt`, `.md` and `.log` a string, `.json` what it says, `.jsonl` and `.ndjson` an array, `.csv` and `.tsv` an array of
   * rows keyed by the header, with strings in them; each also compressed (`.gz`, `.bgz`); `.parquet` an array of rows with typed values; or what a parser of your
   * own gives. Rejects with `CannotLoad` for any other suffix. The type follows from the suffix of a key that is written out.
   */
  load<const Reference extends string>(reference: Reference, { signal }: CallOptions = {}): Promise<Loaded<P, Reference>> {
    return this.#run(Effect.gen(function*() {
      const { uid } = yield* (yield* Artifacts).resolve(reference)
      return (yield* (yield* Reading).load(uid)) as Loaded<P, Reference>
    }), signal)
  }

  /** Rebuilds a directory tree from the keys with a prefix, every file compared with its hash. Nothing is replaced. */
  export(prefix: string, directory: string, options: ExportOptions & CallOptions = {}): Promise<ExportReport> {
    const { signal, ...rest } = options
    return this.#run(Effect.flatMap(Exporting, (exporting) => exporting.export(prefix, directory, rest)), signal)
  }

  /** Moves artifacts into the trash, all or none: by references, or by prefixes with a `/` at their end. */
  rm(references: string | ReadonlyArray<string>, options: TrashOptions = {}): Promise<TrashReport> {
    return this.#run(Effect.flatMap(Deletion, (deletion) => deletion.trash(listOf(references), options)))
  }

  /** Puts artifacts back from the trash with their keys, all or none: by uid, a key that they had, or a prefix of such keys. */
  restore(references: string | ReadonlyArray<string>, options: TrashOptions = {}): Promise<RestoreReport> {
    return this.#run(Effect.flatMap(Deletion, (deletion) => deletion.restore(listOf(references), options)))
  }

  /** What is in the trash, newest first. */
  trashed(): Promise<ReadonlyArray<TrashedArtifact>> {
    return this.#run(Effect.flatMap(Deletion, (deletion) => deletion.trashed))
  }

  /** What {@link deletePermanently} is going to do. References are looked for among live artifacts, then in the trash. */
  planDeletion(references: string | ReadonlyArray<string>, options: DeleteOptions = {}): Promise<DeletionPlan> {
    return this.#run(Effect.flatMap(Deletion, (deletion) => deletion.plan(listOf(references), options)))
  }

  /** Deletes for good what a plan names: the records, and the objects that nothing refers to afterwards. */
  deletePermanently(plan: DeletionPlan): Promise<DeletionReport> {
    return this.#run(Effect.flatMap(Deletion, (deletion) => deletion.deletePermanently(plan)))
  }

  /** Removes objects in the registry's own folders that nothing refers to, and finishes deletions that were cut short. With `dryRun` it only lists. */
  gc({ dryRun = false, ...options }: GarbageOptions & { readonly dryRun?: boolean } = {}): Promise<GcReport> {
    return this.#run(Effect.gen(function*() {
      const garbage = yield* Garbage
      const found = yield* garbage.find(options)
      const { places: _, ...shown } = found
      return { dryRun, ...shown, removed: dryRun ? null : yield* garbage.remove(found) }
    }))
  }

  /** Reads copies again and compares them with their hashes. What is wrong with them is in the report, not an error. */
  verify(request: VerifyRequest = {}): Promise<VerifyReport> {
    return this.#run(Effect.flatMap(Integrity, (integrity) => integrity.verify(request)))
  }

  /**
   * Begins a run: what is saved through this object from now on are its outputs, what is read its inputs, until `finishRun`. Rejects while another one is
   * under way.
   */
  async startRun(request: RunRequest): Promise<Run> {
    if (this.#startedRun !== null) {
      throw new InvalidInput({
        what: `run ${this.#startedRun}`, reason: "was started here and is not finished", advice: "Finish it first, or open the instance a second time for runs side by side."
      })
    }
    const { run } = await this.#run(Effect.flatMap(Runs, (runs) => runs.start(request)))
    this.#startedRun = run.uid
    return run
  }

  /** Ends the run that `startRun` began. */
  async finishRun(outcome: RunOutcome = {}): Promise<Run> {
    const uid = this.#startedRun
    if (uid === null) throw new InvalidInput({ what: "finishRun", reason: "no run was started here", advice: "Call startRun first." })
    const run = await this.#run(Effect.flatMap(Runs, (runs) => runs.finish(uid, outcome)))
    this.#startedRun = null
    return run
  }

  /** Does some work as a run: finished when it returns, failed when it throws. Gives what it returns. */
  track<A>(request: RunRequest, work: (run: Run) => Promise<A> | A): Promise<A>
  /** Begins a run for `await using`: it has to be finished with `finish()` before the block ends, else it is recorded as failed. */
  track(request: RunRequest): Promise<TrackedRun>
  async track<A>(request: RunRequest, work?: (run: Run) => Promise<A> | A): Promise<A | TrackedRun> {
    const run = await this.startRun(request)
    const tracked = new TrackedRun(run, { finish: (outcome) => this.finishRun(outcome), isUnderWay: () => this.#startedRun === run.uid })
    if (work === undefined) return tracked
    await using failing = tracked
    const value = await work(run)
    await failing.finish()
    return value
  }

  /** The run with this uid, or a unique beginning of one. */
  run(reference: string): Promise<Run> {
    return this.#run(Effect.flatMap(Runs, (runs) => runs.get(reference)))
  }

  /** Runs, newest first. */
  runs(filter: RunFilter = {}): Promise<ReadonlyArray<Run>> {
    return this.#run(Effect.flatMap(Runs, (runs) => runs.list(filter)))
  }

  /** What an artifact was made from and what was made from it, by any reference; or the same of a run, by its uid. */
  lineage(reference: string, options: LineageOptions = {}): Promise<Lineage> {
    return this.#run(Effect.flatMap(Runs, (runs) => runs.lineage(reference, options)))
  }

  /** Checks the instance; a finding says what to do. */
  doctor(): Promise<ReadonlyArray<Check>> {
    return this.#run(Effect.flatMap(Doctor, (doctor) => doctor.examine))
  }

  /** Lets go of everything. Calls made afterwards reject. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#runtime.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #run<A, E>(effect: Effect.Effect<A, E, SheafServices>, signal?: AbortSignal): Promise<A> {
    if (this.#isClosed) return Promise.reject(this.#closed())
    return this.#runtime.runPromise(Effect.provideService(effect, Session, this.#currentSession()), signal === undefined ? undefined : { signal })
  }

  #closed(): InvalidInput {
    return new InvalidInput({ what: this.instance.directory, reason: "was closed in this program", advice: "Open it again with Sheaf.open." })
  }

  #currentSession(): SessionInfo {
    return this.#startedRun === null ? this.#session : { ...this.#session, run: this.#startedRun }
  }

  #iterate<A, E>(stream: Stream.Stream<A, E, SheafServices>): AsyncIterable<A> {
    const runtime = this.#runtime
    return {
      [Symbol.asyncIterator]: () => {
        const session = this.#currentSession()
        let iterator: AsyncIterator<A> | undefined
        const started = async (): Promise<AsyncIterator<A>> => {
          if (this.#isClosed) throw this.#closed()
          return iterator ??= Stream.toAsyncIterableWith(Stream.provideService(stream, Session, session), await runtime.context())[Symbol.asyncIterator]()
        }
        return {
          next: async () => (await started()).next(),
          return: async () => (await iterator?.return?.()) ?? { done: true, value: undefined }
        }
      }
    }
  }
}

const listOf = (references: string | ReadonlyArray<string>): ReadonlyArray<string> => (typeof references === "string" ? [references] : references)

const plainParsers = (parsers: Parsers<ParserResults> | undefined): Pick<SheafOptions, "parsers"> =>
  parsers === undefined ? {} : { parsers: Object.fromEntries(Object.entries(parsers).map(([suffix, parser]) => [suffix, typeof parser === "function" ? ofPlainParser(parser) : parser])) }
