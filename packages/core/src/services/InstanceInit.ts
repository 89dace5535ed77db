/**
 * Making an instance: `.sheaf/` with its config and registry, and the first storage root. The config is written last, by a rename, so that an
 * interrupted attempt is no instance; the next one takes up what it left.
 */
import { Context, Effect, Exit, type Scope } from "effect"
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { HASH_ALGORITHMS, type HashAlgorithm } from "../domain/ContentHash.ts"
import { DUPLICATE_POLICIES, type DuplicatePolicy } from "../domain/SaveDecision.ts"
import {
  EXIT, FileError, InstanceConflict, type InvalidConfig, InvalidInput, type NotFound, type RegistryNewer, StorageRootProblem
} from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import { StorageDrivers, type StorageError } from "../ports/Storage.ts"
import { UidSource } from "../ports/UidSource.ts"
import { KEY_POLICIES } from "../workers/KeyPolicyRules.ts"
import { Attempt, missingDirectories, publishDraft, writeDraft } from "./InitAttempt.ts"
import { INSTANCE_FOLDER, instancePaths, isInstance, loadInstance, type LoadedInstance } from "./Instance.ts"
import { CONFIG_FORMAT, type InstanceConfig, packageIn, readConfig } from "./InstanceConfig.ts"
import { claimRoot, MARKER_KEY, readMarker } from "./RootMarker.ts"

/** What a new instance is to be like. */
export interface InitOptions {
  /** Path or URL of the first storage root. Default: `storage` in the directory. */
  readonly storage?: string
  /** Default `md5`. */
  readonly hash?: HashAlgorithm
  /** Default: the directory's name. */
  readonly name?: string
  /** Default `virtual`. */
  readonly keyPolicy?: InstanceConfig["keyPolicy"]
  /** Default `alias`. */
  readonly onDuplicate?: DuplicatePolicy
  /** Default `full`. */
  readonly durability?: InstanceConfig["durability"]
}

/** The instance that is there now. */
export interface InitReport {
  /** False when the instance existed already; nothing was changed then. */
  readonly created: boolean
  readonly instance: LoadedInstance
  /** The default storage root. */
  readonly storage: StorageRoot
}

/** What making an instance can fail with. */
export type InitError =
  | InstanceConflict | InvalidInput | InvalidConfig | RegistryNewer | FileError | StorageRootProblem | StorageError | RegistryError

/** Opens the registry of an instance. */
export class RegistryOpener extends Context.Service<RegistryOpener, {
  readonly open: (
    instance: Pick<LoadedInstance, "registryPath" | "cacheFolder">,
    options: { readonly create: boolean }
  ) => Effect.Effect<Registry["Service"], RegistryError, Scope.Scope>
}>()("@sheaf/core/RegistryOpener") {}

/** Makes an instance in a directory, which is created with its parents; finds one that exists and changes nothing then. */
export const initInstance = (
  directory: string,
  options: InitOptions = {}
): Effect.Effect<InitReport, InitError, RegistryOpener | StorageDrivers | UidSource> =>
  Effect.gen(function*() {
    for (const [name, choices] of Object.entries(CHOICES)) {
      const given: string | undefined = options[name as keyof typeof CHOICES]
      if (given === undefined || choices.includes(given)) continue
      if (name !== "keyPolicy") return yield* new InvalidInput({ what: name, reason: `cannot be ${given}`, advice: `It is one of ${choices.join(", ")}.` })
      if (packageIn(given) === null) return yield* new InvalidInput({ what: name, reason: `cannot be ${given}`, advice: `It is one of ${choices.join(", ")}, or package: and the name of a package.` })
    }
    const target = yield* inspectTarget(directory)
    return yield* isInstance(target) ? Effect.scoped(findExisting(target, options)) : makeInstance(target, options)
  })

/** The real path that the directory has or will have; fails when it cannot become one. */
const inspectTarget = (directory: string): Effect.Effect<string, FileError> =>
  Effect.try({
    try: () => {
      let existing = resolve(directory)
      const missing: Array<string> = []
      while (statSync(existing, { throwIfNoEntry: false }) === undefined) {
        missing.unshift(basename(existing))
        existing = dirname(existing)
      }
      if (!statSync(existing).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" })
      return join(realpathSync(existing), ...missing)
    },
    catch: (error) => fileError(directory, error)
  })

/** What these options can be; programs without types can ask for anything. */
const CHOICES: Readonly<Record<"hash" | "keyPolicy" | "onDuplicate" | "durability", ReadonlyArray<string>>> = {
  hash: HASH_ALGORITHMS, keyPolicy: KEY_POLICIES, onDuplicate: DUPLICATE_POLICIES, durability: ["full", "fast"]
}

const fileError = (path: string, error: unknown): FileError =>
  new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot make an instance in" })

const findExisting = (target: string, options: InitOptions) =>
  Effect.gen(function*() {
    const instance = yield* Effect.catchTag(loadInstance(target), "NoInstance", (error) =>
      Effect.fail(new InstanceConflict({ directory: target, reason: error.message, advice: "Run the same command again." })))
    const { config } = instance
    for (const [name, wanted] of [["hash", options.hash], ["name", options.name], ["keyPolicy", options.keyPolicy], ["onDuplicate", options.onDuplicate], ["durability", options.durability]] as const) {
      if (wanted === undefined || wanted === config[name]) continue
      return yield* new InstanceConflict({
        directory: target,
        reason: `the instance exists already, with ${name} ${config[name]}`,
        advice: name === "hash" ? "The hash algorithm is fixed when an instance is made: leave --hash out, or make another instance." : `Change it with: sheaf config set ${name} ${wanted}`
      })
    }
    const registry = yield* (yield* RegistryOpener).open(instance, { create: false })
    const storage = (yield* registry.roots).find((root) => root.isDefault)
    if (storage === undefined) {
      return yield* new InstanceConflict({ directory: target, reason: "the instance has no storage root", advice: "Add one with: sheaf storage add URL" })
    }
    if (options.storage !== undefined) {
      const driver = yield* (yield* StorageDrivers).forUrl(options.storage)
      const url = yield* driver.normalize(options.storage)
      if (url !== storage.url) {
        return yield* new InstanceConflict({
          directory: target, reason: `the instance exists already, with the storage root ${storage.url}`, advice: `Add a further root with: sheaf storage add ${options.storage}`
        })
      }
    }
    return { created: false, instance, storage }
  })

/** Why the directory cannot become an instance because of what is above it, or null. `own` is its uid, when an attempt was made before. */
const conflictAbove = (target: string, own: string | null): InstanceConflict | null => {
  for (const at of upwards(dirname(target))) {
    if (!isInstance(at)) continue
    return new InstanceConflict({
      directory: target, reason: `lies inside the instance ${at}`, advice: `Use that instance, which is found from here by itself, or choose a directory outside ${at}.`
    })
  }
  const foreign = foreignRootAbove(target, own)
  return foreign === null ? null : new InstanceConflict({
    directory: target,
    reason: `lies inside ${foreign.directory}, a storage root of another instance (${foreign.instance})`,
    advice: `Choose a directory outside ${foreign.directory}.`
  })
}

/** The nearest directory at or above the path that is marked as a root of another instance. */
const foreignRootAbove = (path: string, own: string | null): { readonly directory: string; readonly instance: string } | null => {
  for (const directory of upwards(path)) {
    const instance = markerInstance(join(directory, ...MARKER_KEY.split("/")))
    if (instance !== null && instance !== own) return { directory, instance }
  }
  return null
}

const upwards = function*(path: string): Generator<string> {
  for (let at = path; ; at = dirname(at)) {
    yield at
    if (dirname(at) === at) return
  }
}

const markerInstance = (path: string): string | null => {
  try {
    const { instance } = JSON.parse(readFileSync(path, "utf8")) as { readonly instance?: unknown }
    return typeof instance === "string" ? instance : "unknown"
  } catch (error) {
    return error instanceof SyntaxError ? "unknown" : null
  }
}

const makeInstance = (target: string, options: InitOptions) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Attempt()),
    (attempt) => Effect.scoped(attemptInstance(target, options, attempt)),
    (attempt, exit) => Effect.sync(() => { if (Exit.isFailure(exit)) attempt.undo() })
  )

const attemptInstance = (target: string, options: InitOptions, attempt: Attempt) =>
  Effect.gen(function*() {
    const paths = instancePaths(target)
    const draft = `${paths.configPath}.new`
    const begun = yield* readDraft(draft)
    const conflict = conflictAbove(target, begun?.uid ?? null)
    if (conflict !== null) return yield* conflict
    const wanted = configFrom(target, options, begun?.uid ?? (yield* UidSource).next("instance"))
    const config = yield* Effect.try({
      try: () => {
        attempt.directory(join(target, INSTANCE_FOLDER))
        return writeDraft(draft, wanted, attempt)
      },
      catch: (error) => fileError(target, error)
    })
    // Another process may have come to its end since the directory was looked at.
    if (isInstance(target)) return yield* findExisting(target, options)
    if (!existsSync(paths.registryPath)) attempt.file(paths.registryPath)
    if (!existsSync(paths.cacheFolder)) attempt.tree(paths.cacheFolder)
    const storage = yield* makeRoot(target, options.storage, config.uid, attempt)
    const isOurs = yield* Effect.try({
      try: () => publishDraft(draft, paths.configPath),
      catch: (error) => fileError(target, error)
    })
    return isOurs ? { created: true, instance: { ...paths, config }, storage } : yield* findExisting(target, options)
  })

const configFrom = (target: string, options: InitOptions, uid: string): InstanceConfig => ({
  format: CONFIG_FORMAT,
  uid,
  name: options.name ?? (basename(target) || "sheaf"),
  hash: options.hash ?? "md5",
  keyPolicy: options.keyPolicy ?? "virtual",
  onDuplicate: options.onDuplicate ?? "alias",
  durability: options.durability ?? "full",
  suffixes: { composite: [] },
  drivers: [],
  storage: { retry: 60, timeout: 60, concurrency: "auto" }
})

/** What an attempt that is under way or was interrupted has written; its uid may stand in a marker already. */
const readDraft = (draft: string): Effect.Effect<InstanceConfig | null> =>
  existsSync(draft) ? Effect.orElseSucceed(readConfig(draft), () => null) : Effect.succeed(null)

/** The first root: opened, in the registry, and marked, in this order, so that the marker never names an instance that has nothing. */
const makeRoot = (target: string, wanted: string | undefined, instance: string, attempt: Attempt) =>
  Effect.gen(function*() {
    const uids = yield* UidSource
    const given = wanted ?? join(target, "storage")
    const driver = yield* (yield* StorageDrivers).forUrl(given)
    const url = yield* driver.normalize(given)
    const path = localPathOf({ url })
    if (path !== null && path.split("/").includes(INSTANCE_FOLDER)) {
      return yield* new StorageRootProblem({
        url, reason: `lies inside a folder ${INSTANCE_FOLDER}, which holds the registry's own files`, advice: "Choose another place for --storage.", exit: EXIT.conflict
      })
    }
    if (path !== null) attempt.directories(missingDirectories(path))
    const handle = yield* driver.open(url, { create: true, readOnly: false })
    const marker = yield* readMarker(handle, url)
    const foreign = path === null ? null : foreignRootAbove(path, instance)
    if (foreign !== null) {
      return yield* new StorageRootProblem({
        url,
        reason: `lies inside ${foreign.directory}, a storage root of another instance (${foreign.instance}), so nothing is written into it`,
        advice: "Choose another place for --storage.",
        exit: EXIT.conflict
      })
    }
    const registry = yield* (yield* RegistryOpener).open(instancePaths(target), { create: true })
    const roots = yield* registry.roots
    const root = yield* registered(registry, {
      uid: marker === null ? uids.next("storageRoot") : marker.root,
      url,
      scheme: driver.scheme,
      name: null,
      isDefault: true,
      readOnly: false,
      createdAt: new Date().toISOString()
    })
    if (marker === null && path !== null) {
      attempt.directories(missingDirectories(join(path, INSTANCE_FOLDER)))
      attempt.file(join(path, ...MARKER_KEY.split("/")))
    }
    yield* claimRoot(handle, root, instance)
    // An interrupted attempt may have named another place; nothing can be in it.
    for (const other of roots) if (other.uid !== root.uid) yield* ignoreNotFound(registry.removeRoot(other.uid))
    return root
  })

/** The root as it is in the registry, added when it is not there yet. */
const registered = (registry: Registry["Service"], root: StorageRoot): Effect.Effect<StorageRoot, RegistryError | StorageRootProblem> =>
  registry.addRoot(root).pipe(
    Effect.as(root),
    Effect.catchTag("StorageRootProblem", (problem) =>
      Effect.gen(function*() {
        const known = (yield* registry.roots).find(({ url }) => url === root.url)
        if (known === undefined) return yield* problem
        if (!known.isDefault) yield* ignoreNotFound(registry.setDefaultRoot(known.uid))
        return { ...known, isDefault: true }
      }))
  )

const ignoreNotFound = <E extends { readonly _tag: string }>(effect: Effect.Effect<void, E | NotFound>): Effect.Effect<void, Exclude<E, NotFound>> =>
  Effect.catchIf(effect, (error): error is NotFound => error._tag === "NotFound", () => Effect.void) as Effect.Effect<void, Exclude<E, NotFound>>
