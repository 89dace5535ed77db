/**
 * Sheaf with its defaults: everything an instance needs, composed.
 *
 * ```ts
 * const program = Effect.gen(function*() { return yield* (yield* Artifacts).get("raw/a.csv") })
 * Effect.runPromise(program.pipe(Effect.provide(Sheaf.layer({ instance: "./my-data", drivers: [localDriver] }))))
 * ```
 */
import { Effect, Layer } from "effect"
import type { InvalidInput, NoInstance, PackageProblem } from "./domain/SheafError.ts"
import * as DuckDbPorts from "./layers/DuckDbPorts.ts"
import * as DuckDbTableFiles from "./layers/DuckDbTableFiles.ts"
import * as HashingLayers from "./layers/HashingLayers.ts"
import * as KeyPolicies from "./layers/KeyPolicies.ts"
import { keyPolicyRules } from "./workers/KeyPolicyRules.ts"
import * as RandomUids from "./layers/RandomUids.ts"
import { type ResilienceOptions, resilientDriver } from "./layers/ResilientStorage.ts"
import { type ContentParser, ContentParsers, contentParsers } from "./ports/ContentParsers.ts"
import type { Hashing } from "./ports/Hashing.ts"
import type { KeyPolicy, KeyPolicyRules } from "./ports/KeyPolicy.ts"
import type { Queries } from "./ports/Queries.ts"
import { Registry } from "./ports/Registry.ts"
import type { RegistryPorts } from "./ports/RegistryPorts.ts"
import type { RunRecords } from "./ports/RunRecords.ts"
import { Session } from "./ports/Session.ts"
import { type StorageDriver, StorageDrivers, StorageError } from "./ports/Storage.ts"
import type { UidSource } from "./ports/UidSource.ts"
import { Artifacts } from "./services/Artifacts.ts"
import { Deletion } from "./services/Deletion.ts"
import { Collections } from "./services/Collections.ts"
import { badFrom, type Check, checkNode, Doctor } from "./services/Doctor.ts"
import { Conversion } from "./services/Conversion.ts"
import { Copying } from "./services/Copying.ts"
import { Folders } from "./services/Folders.ts"
import { Exporting } from "./services/Exporting.ts"
import { Garbage } from "./services/Garbage.ts"
import { Ingest } from "./services/Ingest.ts"
import { IngestSettings } from "./services/IngestSettings.ts"
import { findInstance, Instance, type InstanceError, type LoadedInstance, loadInstance } from "./services/Instance.ts"
import { type InitError, type InitOptions, type InitReport, initInstance, RegistryOpener } from "./services/InstanceInit.ts"
import { InstancePackages, loadPackages, type PackageParts } from "./services/InstancePackages.ts"
import { Integrity } from "./services/Integrity.ts"
import { Keys } from "./services/Keys.ts"
import { Labels } from "./services/Labels.ts"
import { KeyedObjects } from "./services/KeyedObjects.ts"
import { Reading } from "./services/Reading.ts"
import { Sql } from "./services/Sql.ts"
import { runOfInstance } from "./services/RunOfInstance.ts"
import { Runs } from "./services/Runs.ts"
import { StorageRoots } from "./services/StorageRoots.ts"

/** Which instance, and what to open it with. */
export interface SheafOptions {
  /** The directory of the instance. Default: `SHEAF_INSTANCE`, else the nearest instance at or above `start`. */
  readonly instance?: string | null
  /** Default: the working directory. */
  readonly start?: string
  /** The kinds of storage that may be used; nothing is loaded by itself. */
  readonly drivers: ReadonlyArray<StorageDriver>
  /** Seconds to wait for another process that holds the registry. Default 10. */
  readonly lockTimeout?: number
  /** Instead of the policy that the config names. */
  readonly keyPolicy?: KeyPolicyRules
  /**
   * Where records are, instead of the instance's DuckDB file: all ports of a registry, such as `testing/MemoryPorts`. The config and the storage roots of the
   * instance stay what they are; a registry that is empty knows no root yet, and `init` with the same one gives it the default root.
   */
  readonly registry?: Layer.Layer<RegistryPorts>
  /** Parsers of your own for `load`, by suffix, asked before those that it knows by itself. */
  readonly parsers?: Readonly<Record<string, ContentParser>>
}

/** What {@link Sheaf} `layer` provides. */
export type SheafServices =
  | Instance | Registry | StorageDrivers | Hashing | KeyPolicy | UidSource | Artifacts | Keys | Ingest | Reading | StorageRoots | Integrity | Doctor
  | Copying | Conversion | KeyedObjects | Folders | Deletion | Garbage | Exporting
  | Labels | Collections
  | Queries | Sql
  | RunRecords | Runs

/** Seconds to wait for another process that holds the registry, when nothing else is said. */
export const DEFAULT_LOCK_TIMEOUT = 10

/** All services of an instance. Nothing is opened before it is used; the registry is held only while it is worked with. */
const layer = (options: SheafOptions): Layer.Layer<SheafServices, InstanceError | PackageProblem | InvalidInput> =>
  Layer.unwrap(Effect.gen(function*() {
    const directory = yield* findInstance({
      explicit: options.instance ?? null,
      ...(options.start === undefined ? {} : { start: options.start })
    })
    const parsers = yield* contentParsers(options.parsers ?? {})
    const instance = yield* loadInstance(directory)
    const { drivers, keyPolicy } = instance.config
    const packages = yield* loadPackages(instance.directory, { drivers, ...(options.keyPolicy === undefined ? { keyPolicy } : {}) })
    return servicesOf(instance, options, packages, parsers)
  }))

/** Makes an instance in a directory, or finds that it exists. */
const init = (
  directory: string,
  options: InitOptions & Pick<SheafOptions, "drivers" | "lockTimeout" | "registry">
): Effect.Effect<InitReport, InitError | PackageProblem> =>
  Effect.gen(function*() {
    const { drivers, lockTimeout, registry, ...rest } = options
    if (rest.keyPolicy !== undefined) yield* loadPackages(directory, { keyPolicy: rest.keyPolicy })
    // An instance that is there already may need its packages to be recognised.
    const { drivers: more } = yield* Effect.orElseSucceed(Effect.flatMap(loadInstance(directory), ({ config }) => loadPackages(directory, { drivers: config.drivers })), () => NO_PACKAGES)
    return yield* initInstance(directory, rest).pipe(
      Effect.provide(Layer.mergeAll(storageDrivers([...drivers, ...more]), RandomUids.layer, registryOpener({ lockTimeout, registry })))
    )
  })

/** All checks of `Doctor`, also for an instance whose config or registry cannot be used. */
const examine = (options: SheafOptions): Effect.Effect<ReadonlyArray<Check>, NoInstance> =>
  Effect.flatMap(Doctor, (doctor) => doctor.examine).pipe(
    Effect.provide(layer(options)),
    Effect.catch((error) =>
      error._tag === "NoInstance" ? Effect.fail(error) : Effect.succeed([checkNode(), badFrom(error._tag === "PackageProblem" ? `package ${error.package}` : "instance", error)]))
  )

/** Sheaf, composed with its defaults. */
export const Sheaf = { layer, init, examine } as const

const NO_PACKAGES: PackageParts = { keyPolicy: null, drivers: [], loaded: [] }

const servicesOf = (instance: LoadedInstance, options: SheafOptions, packages: PackageParts, parsers: ReadonlyMap<string, ContentParser>): Layer.Layer<SheafServices> => {
  const { config } = instance
  const ports = Layer.mergeAll(
    Layer.succeed(Instance, instance),
    registryPorts(instance.registryPath, options),
    DuckDbTableFiles.layer({ cacheFolder: instance.cacheFolder }),
    storageDrivers([...options.drivers, ...packages.drivers], resilienceOf(config)),
    Layer.succeed(InstancePackages, packages.loaded),
    Layer.effect(ContentParsers, Effect.map(ContentParsers, (outer) => new Map([...outer, ...parsers]))),
    HashingLayers.layer(config.hash),
    KeyPolicies.layer(options.keyPolicy ?? packages.keyPolicy ?? keyPolicyRules(config.keyPolicy)),
    RandomUids.layer,
    Layer.effect(Session, Effect.map(Session, (session) => ({ ...session, run: runOfInstance(session.run, instance.directory) })))
  )
  return Layer.mergeAll(
    Artifacts.layer, Keys.layer, Ingest.layer.pipe(Layer.provide(ingestSettings)), Conversion.layer, Copying.layer, Folders.layer, Integrity.layer, Doctor.layer,
    Deletion.layer, Garbage.layer.pipe(Layer.provide(Deletion.layer)), Exporting.layer, Labels.layer, Collections.layer, Runs.layer
  ).pipe(
    (services) => Layer.provideMerge(Sql.layer, services),
    Layer.provideMerge(KeyedObjects.layer),
    Layer.provideMerge(Reading.layer),
    Layer.provideMerge(StorageRoots.layer),
    Layer.provideMerge(ports)
  )
}

const ingestSettings = Layer.effect(IngestSettings, Effect.gen(function*() {
  const { cacheFolder, config } = yield* Instance
  const registry = yield* Registry
  const { account } = yield* Session
  return {
    cacheFolder,
    onDuplicate: config.onDuplicate,
    compositeSuffixes: config.suffixes.composite,
    durability: config.durability,
    account: registry.account(account)
  }
}))

type Records = { readonly [K in "lockTimeout" | "registry"]?: SheafOptions[K] | undefined }

/** The registry that is asked for, else the one in the file. */
const registryPorts = (path: string, { lockTimeout = DEFAULT_LOCK_TIMEOUT, registry }: Records, create = false): Layer.Layer<RegistryPorts> =>
  registry ?? DuckDbPorts.layer({ path, create, lockTimeoutMillis: lockTimeout * 1000 })

const registryOpener = (records: Records): Layer.Layer<RegistryOpener> =>
  Layer.succeed(RegistryOpener, {
    open: ({ registryPath }, { create }) =>
      Effect.flatMap(Layer.build(registryPorts(registryPath, records, create)), (services) => Effect.provide(Registry, services))
  })

const resilienceOf = ({ storage: { concurrency, retry, timeout } }: LoadedInstance["config"]): ResilienceOptions => ({
  retry: { limit: retry * 1000 }, timeout: { idle: timeout * 1000 }, concurrency: concurrency === "auto" ? {} : { limit: concurrency }
})

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i

/** The drivers that the caller brings; a text without a scheme is a local path. The roots of all but directories hold out. */
const storageDrivers = (given: ReadonlyArray<StorageDriver>, resilience: ResilienceOptions = {}): Layer.Layer<StorageDrivers> => {
  const all = given.map((driver) => resilientDriver(driver, resilience))
  return Layer.succeed(StorageDrivers, {
    all,
    forUrl: (url) => {
      const scheme = SCHEME.exec(url)?.[1]?.toLowerCase() ?? "file"
      const driver = all.find((one) => one.scheme === scheme)
      return driver === undefined
        ? Effect.fail(new StorageError({
          kind: "Unsupported", driver: scheme, operation: "open", key: "", retry: false,
          cause: new Error(`no driver for ${scheme}: is among those given (${all.map((one) => one.scheme).join(", ") || "none"}); a package that has one is named with: sheaf config set drivers NAME`)
        }))
        : Effect.succeed(driver)
    }
  })
}
