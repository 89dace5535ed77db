/**
 * Sheaf with its defaults: everything an instance needs, composed.
 *
 * ```ts
 * const program = Effect.gen(function*() { return yield* (yield* Artifacts).get("raw/a.csv") })
 * Effect.runPromise(program.pipe(Effect.provide(Sheaf.layer({ instance: "./my-data", drivers: [localDriver] }))))
 * ```
 */
import type { Effect, Layer } from "effect"
import type { InvalidInput, NoInstance } from "./domain/SheafError.ts"
import type { Hashing } from "./ports/Hashing.ts"
import type { KeyPolicy, KeyPolicyRules } from "./ports/KeyPolicy.ts"
import type { Registry } from "./ports/Registry.ts"
import type { StorageDriver, StorageDrivers } from "./ports/Storage.ts"
import type { UidSource } from "./ports/UidSource.ts"
import type { Artifacts } from "./services/Artifacts.ts"
import type { Check, Doctor } from "./services/Doctor.ts"
import type { Ingest } from "./services/Ingest.ts"
import type { Instance, InstanceError } from "./services/Instance.ts"
import type { InitError, InitOptions, InitReport } from "./services/InstanceInit.ts"
import type { Keys } from "./services/Keys.ts"

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
}

/** What {@link Sheaf.layer} provides. */
export type SheafServices = Instance | Registry | StorageDrivers | Hashing | KeyPolicy | UidSource | Artifacts | Keys | Ingest | Doctor

export interface SheafComposition {
  /** All services of an instance. Nothing is opened before it is used; the registry is held only while a statement runs. */
  readonly layer: (options: SheafOptions) => Layer.Layer<SheafServices, InstanceError | InvalidInput>
  /** Makes an instance in a directory, or finds that it exists. */
  readonly init: (
    directory: string,
    options: InitOptions & Pick<SheafOptions, "drivers" | "lockTimeout">
  ) => Effect.Effect<InitReport, InitError>
  /** All checks of `Doctor`, also for an instance whose config or registry cannot be used. */
  readonly examine: (options: SheafOptions) => Effect.Effect<ReadonlyArray<Check>, NoInstance>
}
