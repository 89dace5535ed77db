/**
 * The instance: the folder `.sheaf/` that makes a directory a place to register things from. What is in it: `config.json`, the registry
 * `registry.duckdb`, and `cache/`, which may be deleted at any time.
 */
import { Context, Effect } from "effect"
import { existsSync, realpathSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import type { FileError} from "../domain/SheafError.ts";
import { NoInstance, type InvalidConfig, type RegistryNewer } from "../domain/SheafError.ts"
import { type InstanceConfig, readConfig } from "./InstanceConfig.ts"

/** An instance as found on disk. */
export interface LoadedInstance {
  /** Absolute, symlinks resolved: the folder that holds `.sheaf/`. */
  readonly directory: string
  readonly configPath: string
  readonly registryPath: string
  /** Caches and staging files; may be deleted at any time. */
  readonly cacheFolder: string
  readonly config: InstanceConfig
}

/** What opening an instance can fail with. */
export type InstanceError = NoInstance | InvalidConfig | RegistryNewer | FileError

/** The instance that everything else works in. */
export class Instance extends Context.Service<Instance, LoadedInstance>()("@sheaf/core/Instance") {}

/** The folder of an instance. */
export const INSTANCE_FOLDER = ".sheaf"

/** Paths of the instance in a directory. */
export const instancePaths = (directory: string): Omit<LoadedInstance, "config"> => ({
  directory,
  configPath: join(directory, INSTANCE_FOLDER, "config.json"),
  registryPath: join(directory, INSTANCE_FOLDER, "registry.duckdb"),
  cacheFolder: join(directory, INSTANCE_FOLDER, "cache")
})

/** Where to look for an instance. */
export interface FindOptions {
  /** The directory of the instance itself, or its `.sheaf` folder; nothing else is looked at. */
  readonly explicit?: string | null
  /** Where to look from, upwards. Default: the working directory. */
  readonly start?: string
}

/** The directory of the instance to use: the explicit one, else `SHEAF_INSTANCE`, else the nearest at or above `start`. */
export const findInstance = (options: FindOptions = {}): Effect.Effect<string, NoInstance> =>
  Effect.suspend(() => {
    const explicit = options.explicit ?? (process.env["SHEAF_INSTANCE"] || null)
    if (explicit !== null) {
      const directory = resolve(explicit)
      const found = isInstance(directory) ? directory : directory.endsWith(`/${INSTANCE_FOLDER}`) && isInstance(dirname(directory)) ? dirname(directory) : null
      return found === null ? Effect.fail(new NoInstance({ from: explicit })) : Effect.succeed(found)
    }
    const start = resolve(options.start ?? ".")
    const found = nearestInstance(start)
    return found === null ? Effect.fail(new NoInstance({ from: start })) : Effect.succeed(found)
  })

/** Reads the instance in this directory. */
export const loadInstance = (directory: string): Effect.Effect<LoadedInstance, InstanceError> =>
  Effect.gen(function*() {
    const real = yield* Effect.try({ try: () => realpathSync(directory), catch: () => new NoInstance({ from: directory }) })
    const paths = instancePaths(real)
    if (!existsSync(paths.configPath)) return yield* new NoInstance({ from: directory })
    return { ...paths, config: yield* readConfig(paths.configPath) }
  })

/** Whether a directory holds a complete instance: the config is written last. */
export const isInstance = (directory: string): boolean => existsSync(instancePaths(directory).configPath)

/** The nearest directory at or above `start` that is an instance, or null. */
export const nearestInstance = (start: string): string | null => {
  for (let directory = start; ; directory = dirname(directory)) {
    if (isInstance(directory)) return directory
    if (dirname(directory) === directory) return null
  }
}
