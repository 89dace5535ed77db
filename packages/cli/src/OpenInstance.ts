/**
 * The instance that a command works in.
 */
import { Effect } from "effect"
import { findInstance, loadInstance } from "@sheaf/core/services/Instance"
import { checkRunOfSession } from "@sheaf/core/services/RunOfInstance"
import { Shell } from "./Shell.ts"

/** Loads the library; its services are opened when they are first used. */
export const coreServices = Effect.promise(() => import("./CoreServices.ts"))

/** Runs with the services of the instance that `--instance`, `SHEAF_INSTANCE` or the working directory names. */
export const withInstance = <A, E, R>(use: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { options } = yield* Shell
    const { Sheaf, sheafOptions } = yield* coreServices
    return yield* Effect.provide(Effect.andThen(checkRunOfSession, use), Sheaf.layer(sheafOptions(options)))
  })

/** The instance itself, for commands that need its files but no service. */
export const instanceFiles = Effect.gen(function*() {
  const { options } = yield* Shell
  return yield* loadInstance(yield* findInstance({ explicit: options.instance }))
})
