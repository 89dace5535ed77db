/**
 * Ingest: a directory becomes registered artifacts.
 */
import { Context, Effect, Layer, Queue, Stream } from "effect"
import { mkdirSync } from "node:fs"
import { basename, join } from "node:path"
import type { IngestEvent, IngestSummary, IngestWarning } from "../domain/IngestReport.ts"
import type { DuplicatePolicy } from "../domain/SaveDecision.ts"
import { FileError, InvalidInput, type InvalidKey, type MultipleResults, type NotFound, type StorageRootProblem } from "../domain/SheafError.ts"
import { randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import { IngestPool } from "../workers/IngestPool.ts"
import { isKeyPolicyName, KEY_POLICIES, keyPolicyRules, placedBy, type ThreadKeyPolicy } from "../workers/KeyPolicyRules.ts"
import { openStatCache, segmentsIn } from "../workers/StatCache.ts"
import { compactStatCache } from "../workers/StatCacheMerge.ts"
import type { CollectionStore } from "../ports/CollectionStore.ts"
import { Hashing } from "../ports/Hashing.ts"
import { KeyPolicy, type KeyPolicyRules } from "../ports/KeyPolicy.ts"
import type { LabelStore } from "../ports/LabelStore.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { Session } from "../ports/Session.ts"
import { type StorageDrivers, StorageError, type StorageErrorKind, type StorageHandle } from "../ports/Storage.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import type { UidSource } from "../ports/UidSource.ts"
import { CurrentSources } from "./CurrentSources.ts"
import { applyGrouping, type Grouped, MetArtifacts, planGrouping } from "./IngestGrouping.ts"
import { type DirectoryPlan, type IngestPlan, isRemoteUrl, planIngest } from "./IngestPlan.ts"
import { IngestRun } from "./IngestRun.ts"
import { IngestSettings } from "./IngestSettings.ts"
import { compareWithRegistry } from "./IngestStatus.ts"
import type { RunTotals } from "./IngestTally.ts"
import { Instance } from "./Instance.ts"
import { listedRows } from "./ListedObjects.ts"
import { localTarget } from "./LocalTarget.ts"
import type { ObjectTarget } from "./ObjectTarget.ts"
import { pendingUploads, uploadsFolder } from "./PendingUploads.ts"
import { KeyedObjects } from "./KeyedObjects.ts"
import { remoteTarget } from "./RemoteTarget.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import type { StagingFiles } from "./StagingFiles.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** What to ingest, and how. */
export interface IngestRequest {
  /** Directories; a file is refused with advice. Relative paths are taken from the working directory. */
  readonly paths: ReadonlyArray<string>
  /** Key prefix. Default: the folder's name outside roots, the path relative to the root inside. */
  readonly key?: string
  /** Name, uid or URL of the root to copy into; only for paths outside every root. Default: the default root. */
  readonly storage?: string
  /** Name of a shipped key policy, for the places of the objects of this ingest. Which keys are wanted stays a matter of the instance's. Default: the instance's. */
  readonly policy?: string
  /** Default: the instance's. */
  readonly onDuplicate?: DuplicatePolicy
  /** Labels that every file is to have, those registered already too; a label that does not exist is made. */
  readonly labels?: ReadonlyArray<string>
  /** Name of a collection that is to have exactly these files, in the order of their paths; a new version of it where it has others. */
  readonly collection?: string
  /** Globs, matched against the path relative to the ingested directory and against the name (`*.tmp`, `cache/**`). */
  readonly exclude?: ReadonlyArray<string>
  readonly followSymlinks?: boolean
  /** Open and hash every file, whatever the stat cache says. */
  readonly rehash?: boolean
  /** Decide and report, change nothing. */
  readonly dryRun?: boolean
  /** Also emit an event for every file. Default false. */
  readonly items?: boolean
  /** Count files and bytes ahead, in a thread of its own, so that progress events carry real totals. Default false. */
  readonly countAhead?: boolean
  /** Worker threads. Default: the available parallelism. */
  readonly workers?: number
  /** Aborting it finishes the current batch, publishes it and reports. Interrupting the stream stops at once. */
  readonly signal?: AbortSignal
}

/** What refuses or ends a whole ingest; a single file's problem is in the report. */
export type IngestError = RegistryError | NotFound | MultipleResults | FileError | InvalidInput | InvalidKey | StorageRootProblem | StorageError

/** What to compare; the fields are those of {@link IngestRequest}. */
export interface StatusRequest {
  readonly path: string
  readonly key?: string
  readonly exclude?: ReadonlyArray<string>
  readonly followSymlinks?: boolean
  readonly rehash?: boolean
}

/** The files below a directory compared with what is registered. */
export interface StatusReport {
  readonly counts: { readonly files: number; readonly unchanged: number; readonly changed: number; readonly new: number; readonly missing: number; readonly failed: number; readonly skipped: number }
  readonly changed: ReadonlyArray<string>
  readonly new: ReadonlyArray<string>
  readonly missing: ReadonlyArray<string>
  readonly failed: ReadonlyArray<{ readonly path: string; readonly code: string; readonly message: string }>
}

type IngestServices = Instance | Registry | StorageDrivers | StorageRoots | Hashing | KeyPolicy | IngestSettings | LabelStore | CollectionStore | UidSource | KeyedObjects

/** Directories into the registry. */
export class Ingest extends Context.Service<Ingest, {
  /** Ends with one `summary` event for each run, also when stopped by `signal`. */
  readonly ingest: (request: IngestRequest) => Stream.Stream<IngestEvent, IngestError>
  /** Compares a directory with the registry, without writing to it. */
  readonly status: (request: StatusRequest) => Effect.Effect<StatusReport, IngestError>
}>()("@sheaf/core/Ingest") {
  static readonly layer: Layer.Layer<Ingest, never, IngestServices> = Layer.effect(Ingest, Effect.gen(function*() {
    const context = yield* Effect.context<IngestServices>()
    const ingest = (request: IngestRequest): Stream.Stream<IngestEvent, IngestError> =>
      Stream.callback<IngestEvent, IngestError>((queue) =>
        Effect.flatMap(Session, ({ run }) => runIngest(request, run, (events) => Effect.asVoid(Queue.offerAll(queue, events))).pipe(Effect.provide(context))).pipe(
          Effect.andThen(Queue.end(queue))
        ), { bufferSize: 8192, strategy: "suspend" })
    const status = Effect.fn("Ingest.status")(function*(request: StatusRequest) {
      return yield* compareWithRegistry(request, ingest).pipe(Effect.provide(context))
    })
    return Ingest.of({ ingest, status })
  }))
}

/** Names a set of staging and cache files of this run. */
const runName = (): string => `${Date.now().toString().padStart(15, "0")}-${randomBase62(UID_LENGTH.account)}`

const KIND_OF: Readonly<Record<string, StorageErrorKind>> = {
  ENOSPC: "NoSpace", EDQUOT: "NoSpace", EACCES: "PermissionDenied", EPERM: "PermissionDenied", EROFS: "PermissionDenied", EEXIST: "AlreadyExists", EFBIG: "TooLarge"
}

const runIngest = (request: IngestRequest, session: string | null, emit: (events: ReadonlyArray<IngestEvent>) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const hashing = yield* Hashing
    const { inThreads, rules: policy } = yield* policyOf(request)
    const grouping = yield* planGrouping(request)
    const settings = yield* IngestSettings
    const storageRoots = yield* StorageRoots
    const { config } = yield* Instance
    const started = performance.now()
    const startedAt = Date.now()
    const name = runName()
    const dryRun = request.dryRun ?? false
    yield* Effect.try({
      try: () => mkdirSync(settings.cacheFolder, { recursive: true }),
      catch: (error) => new FileError({ path: settings.cacheFolder, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot create the cache folder" })
    })
    const statCache = openStatCache(settings.cacheFolder)
    // Threads start while the registry is being opened.
    const pool = request.paths.every(isRemoteUrl) ? null : yield* Effect.acquireRelease(
      Effect.sync(() => new IngestPool({
        algorithm: hashing.algorithm,
        compositeSuffixes: settings.compositeSuffixes,
        keyPolicy: inThreads,
        statCache,
        segment: dryRun ? null : { folder: settings.cacheFolder, name }
      }, request.workers)),
      (pool) => Effect.promise(() => pool.terminate())
    )
    const roots = yield* registry.roots
    const plans = yield* Effect.forEach(request.paths, (path) => planIngest(path, request, roots))
    const current = new CurrentSources(settings.cacheFolder, `${hashing.algorithm} ${policy.name} ${request.onDuplicate ?? settings.onDuplicate}`)
    const isGrouping = !dryRun && (grouping.labels.length > 0 || grouping.collection !== null)
    const met = isGrouping ? yield* Effect.acquireRelease(
      Effect.sync(() => new MetArtifacts(join(settings.cacheFolder, `staging-${name}.met`))),
      (list) => Effect.sync(() => list.remove())
    ) : null
    // Every file has to be looked up where an event is wanted for each, or its content is, or its artifact, or a run has made it again.
    if (session === null && !request.items && !request.rehash && !dryRun && !isGrouping) current.load(yield* registry.stamp, statCache.files)
    const context = yield* Effect.context()
    const promise = Effect.runPromiseWith(context)
    const handleOf = (root: StorageRoot): Promise<StorageHandle> => promise(storageRoots.handle(root))
    const targetOf = async (plan: DirectoryPlan, staging: StagingFiles): Promise<ObjectTarget> => {
      const known = (keys: ReadonlyArray<string>) => promise(registry.knownObjects(plan.root.uid, keys))
      const handle = await handleOf(plan.root)
      // Not into the bare mount point of a disk that has gone, either.
      await promise(checkOwnRoot(handle, plan.root, config.uid))
      if (plan.rootPath !== null) {
        return localTarget({ rootPath: plan.rootPath, durable: settings.durability === "full", flush: () => promise(handle.flush), known })
      }
      const pending = await pendingUploads(uploadsFolder(settings.cacheFolder, plan.root), { known, remove: (keys) => promise(handle.delete(keys)) })
      return remoteTarget({
        handle, policy, directory: plan.directory, keyPrefix: plan.keyPrefix, pending,
        newPath: () => staging.newPath(),
        run: (effect, signal) => promise(effect, { signal })
      })
    }
    const run = new IngestRun(pool, {
      publish: (batch) => promise(registry.publish(batch)),
      target: targetOf,
      listed: (plan) =>
        Stream.toAsyncIterableWith(Stream.unwrap(Effect.map(storageRoots.handle(plan.root), (handle) => listedRows(handle, {
          algorithm: hashing.algorithm, compositeSuffixes: settings.compositeSuffixes, policy,
          keyPrefix: plan.keyPrefix, objectPrefix: plan.objectPrefix, exclude: request.exclude ?? [], rehash: request.rehash ?? false
        }))), context),
      isCurrent: (plan) => current.has(plan),
      emit: (events) => promise(emit(events)),
      met: met === null ? null : (plan, items) => met.add(plan, items),
      targetError: (plan, fatal) =>
        new StorageError({
          kind: KIND_OF[fatal.code] ?? "Unexpected", driver: plan.root.scheme, operation: "write", key: fatal.key, retry: false,
          cause: new Error(`${fatal.message} (storage root ${plan.rootPath})`)
        })
    }, {
      stagingFolder: join(settings.cacheFolder, `staging-${name}`),
      exclude: request.exclude ?? [],
      followSymlinks: request.followSymlinks ?? false,
      rehash: request.rehash ?? false,
      dryRun,
      items: request.items ?? false,
      countAhead: request.countAhead ?? false,
      onDuplicate: request.onDuplicate ?? settings.onDuplicate,
      account: () => (dryRun ? Promise.resolve(null) : promise(settings.account)),
      run: session
    })
    const stop = (): void => run.stop("afterCurrentFiles")
    request.signal?.addEventListener("abort", stop, { once: true })
    if (request.signal?.aborted) stop()
    const totals = yield* running(run, plans).pipe(Effect.ensuring(Effect.sync(() => request.signal?.removeEventListener("abort", stop))))
    const keyedObjects = yield* KeyedObjects
    for (const plan of plans) {
      if (dryRun || plan.mode !== "managed" || !mayPlaceByKey(policy, plan.keyPrefix)) continue
      yield* keyedObjects.settle({ root: plan.root.uid, keyPrefix: plan.keyPrefix, isVirtual: true, since: startedAt }, policy)
    }
    const grouped = met === null ? NOT_GROUPED : yield* applyGrouping(grouping, met, totals, { account: settings.account, run: session })
    if (!dryRun) {
      const own = segmentsIn(settings.cacheFolder).filter((segment) => basename(segment).startsWith(`stat-${name}-`))
      const merged = compactStatCache(settings.cacheFolder, `${runName()}-merged`)
      if (!merged && !totals.interrupted && !totals.refused) current.save(yield* registry.stamp, plans.filter((plan) => plan.source === "directory"), [...statCache.files, ...own])
    }
    yield* emit([{ type: "summary", ...summaryOf(plans, request.key, totals, grouped, (performance.now() - started) / 1000, dryRun) }])
  }).pipe(Effect.scoped)

/** Whether objects may stand at a place that their key asks for. */
const mayPlaceByKey = (policy: KeyPolicyRules, keyPrefix: string): boolean =>
  !policy.place({ key: keyPrefix === "" ? "probe" : `${keyPrefix}/probe`, uid: "0".repeat(UID_LENGTH.artifact), suffix: "", hash: "" }).isVirtual

/** The rules of an ingest, and how its threads get them. */
const policyOf = ({ policy }: IngestRequest): Effect.Effect<{ readonly rules: KeyPolicyRules; readonly inThreads: ThreadKeyPolicy }, InvalidInput, KeyPolicy> =>
  Effect.gen(function*() {
    if (policy !== undefined && !isKeyPolicyName(policy)) {
      return yield* new InvalidInput({ what: `--policy ${policy}`, reason: "is not a key policy", advice: `Choose one of ${KEY_POLICIES.join(", ")}.` })
    }
    const own = yield* KeyPolicy
    if (own.module === null && isKeyPolicyName(own.name)) {
      const rules = policy === undefined ? own : keyPolicyRules(policy)
      return { rules, inThreads: { name: rules.name, module: null, placedBy: null } }
    }
    if (own.module === null) {
      return yield* new InvalidInput({
        what: `the key policy ${own.name}`,
        reason: "exists in this thread only, and ingest works in threads of its own",
        advice: "Put the rules into a module that exports them as keyPolicy, and give its URL as their module."
      })
    }
    // Another place for the objects does not lift a team's rules about keys.
    return { rules: policy === undefined ? own : placedBy(own, policy), inThreads: { name: own.name, module: own.module, placedBy: policy ?? null } }
  })

/** Runs until done; interruption stops the workers, takes unpublished objects away and waits for that. */
const running = (run: IngestRun, plans: ReadonlyArray<IngestPlan>): Effect.Effect<RunTotals, IngestError> =>
  Effect.callback((resume) => {
    const finished = run.run(plans)
    finished.then(
      (totals) => resume(Effect.succeed(totals)),
      (error: unknown) => resume(isTyped(error) ? Effect.fail(error) : Effect.die(error))
    )
    return Effect.promise(() => {
      run.stop("now")
      return finished.then(() => undefined, () => undefined)
    })
  })

const isTyped = (error: unknown): error is IngestError => error instanceof Error && "_tag" in error

const NOT_GROUPED: Grouped = { labels: [], collection: null, warnings: [] }

/** A prefix that was written in another form than the one that keys have. */
const prefixWarnings = (given: string | undefined, taken: string): ReadonlyArray<IngestWarning> =>
  given === undefined || taken === "" || given.replace(/\/+$/, "") === taken ? [] : [{ code: "KeyNormalized", message: `the key prefix "${given}" was taken as ${taken}`, paths: [] }]

const summaryOf = (
  plans: ReadonlyArray<IngestPlan>, prefix: string | undefined, totals: RunTotals, grouped: Grouped, seconds: number, dryRun: boolean
): IngestSummary => ({
  counts: totals.counts,
  bytes: totals.bytes,
  seconds: Math.round(seconds * 1000) / 1000,
  filesPerSecond: Math.round(totals.counts.files / Math.max(seconds, 0.001)),
  collection: grouped.collection?.name ?? null,
  collectionUid: grouped.collection?.uid ?? null,
  labels: grouped.labels,
  failures: totals.failures,
  skips: totals.skips,
  warnings: [...prefixWarnings(prefix, plans[0]!.keyPrefix), ...totals.warnings, ...grouped.warnings],
  interrupted: totals.interrupted,
  dryRun,
  mode: plans[0]!.mode,
  storage: plans[0]!.root.url,
  keyPrefix: plans[0]!.keyPrefix,
  unopened: totals.unopened
})
