/** A real instance in a directory of its own, for tests. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, type Layer, ManagedRuntime } from "effect"
import { afterAll } from "vitest"
import { driver } from "../../../storage-local/src/index.ts"
import type { StorageDriver } from "../../src/ports/Storage.ts"
import { Sheaf, type SheafOptions, type SheafServices } from "../../src/Sheaf.ts"
import type { InitOptions, InitReport } from "../../src/services/InstanceInit.ts"
import * as MemoryPorts from "../../src/testing/MemoryPorts.ts"

export const drivers = [driver]

const made: Array<string> = []
const open: Array<{ readonly dispose: () => Promise<void> }> = []

afterAll(async () => {
  for (const runtime of open) await runtime.dispose()
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
}, 300_000)

/** An empty folder that goes away after the tests of the file. */
export const temporaryFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "sheaf-test-")))
  made.push(folder)
  return folder
}

/** `test/testing/MemoryServices.test.ts` runs tests of services once more, with the records in memory. */
export const onMemory = process.env["SHEAF_TEST_REGISTRY"] === "memory"

const registries = new Map<string, ReturnType<typeof MemoryPorts.make>>()

/** Where the records of an instance are, for what opens it by itself. */
export const recordsOf = (directory: string): Pick<SheafOptions, "registry"> => {
  if (!onMemory) return {}
  const registry = registries.get(directory) ?? MemoryPorts.make()
  registries.set(directory, registry)
  return { registry }
}

export const initialize = (directory: string, options: InitOptions & Pick<SheafOptions, "registry"> = {}, using: ReadonlyArray<StorageDriver> = drivers): Promise<InitReport> =>
  Effect.runPromise(Sheaf.init(directory, { ...recordsOf(directory), ...options, drivers: using }))

export interface TemporaryInstance {
  readonly folder: string
  readonly directory: string
  /** The default root. */
  readonly storage: string
  readonly run: <A, E>(effect: Effect.Effect<A, E, SheafServices>) => Promise<A>
  /** The error that an effect fails with. */
  readonly fails: <A, E>(effect: Effect.Effect<A, E, SheafServices>) => Promise<E>
  /** Writes a file outside every root; gives its path. */
  readonly file: (name: string, content?: string | Uint8Array) => string
  /** The same below the default root. */
  readonly inRoot: (name: string, content?: string | Uint8Array) => string
}

const put = (path: string, content: string | Uint8Array): string => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

/** Runs effects with the services of an instance until the tests of the file are done. */
export const openInstance = (
  directory: string,
  using: ReadonlyArray<StorageDriver> = drivers,
  records: Pick<SheafOptions, "registry"> = recordsOf(directory)
): ManagedRuntime.ManagedRuntime<SheafServices, unknown> => {
  const runtime = ManagedRuntime.make(Sheaf.layer({ ...records, instance: directory, drivers: using }) as Layer.Layer<SheafServices, unknown>)
  open.push(runtime)
  return runtime
}

export const temporaryInstance = async (
  options: InitOptions & Pick<SheafOptions, "registry"> = {},
  using: ReadonlyArray<StorageDriver> = drivers
): Promise<TemporaryInstance> => {
  const folder = temporaryFolder()
  const directory = join(folder, "instance")
  const { storage } = await initialize(directory, options, using)
  const runtime = openInstance(directory, using, options.registry === undefined ? recordsOf(directory) : { registry: options.registry })
  const root = decodeURIComponent(storage.url.slice("file://".length))
  return {
    folder,
    directory,
    storage: root,
    run: (effect) => runtime.runPromise(effect),
    fails: (effect) => runtime.runPromise(Effect.flip(effect)) as never,
    file: (name, content = name) => put(join(folder, "outside", name), content),
    inRoot: (name, content = name) => put(join(root, name), content)
  }
}
