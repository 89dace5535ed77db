/**
 * Work on the objects of a local root that a crash may cut short: named in an intent file while it goes on, cleared away by whoever writes there next. See
 * `workers/PendingObjects`.
 */
import { Effect } from "effect"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import type { StorageError, StorageHandle } from "../ports/Storage.ts"
import { findLeftovers, intentPath, openIntents, removeLeftovers } from "../workers/PendingObjects.ts"
import { removeLeftUploads } from "./PendingUploads.ts"

/** Runs with these objects named in an intent file: whichever of them the registry does not know is removed after a crash. */
export const announced = <A, E>(rootPath: string, objectKeys: ReadonlyArray<string>, use: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const intents = openIntents(rootPath, intentPath(rootPath))
      intents.add(objectKeys)
      return intents
    }),
    () => use,
    (intents) => Effect.sync(() => intents.close())
  )

/** Removes what processes that have ended left in a root, given by its uid and path. To be done before the first write of a process. */
export const clearLeftovers = (registry: Registry["Service"], root: string, rootPath: string): Effect.Effect<void, RegistryError> =>
  Effect.gen(function*() {
    const leftovers = findLeftovers(rootPath)
    if (leftovers.length === 0) return
    const known = Effect.runPromiseWith(yield* Effect.context())
    yield* Effect.tryPromise({
      try: () => removeLeftovers(rootPath, leftovers, (keys) => known(registry.knownObjects(root, keys))),
      catch: (error) => error as RegistryError
    })
  })

/** The same for a root that is no directory of this machine; `folder` is where `PendingUploads` keeps its lists. */
export const clearLeftUploads = (
  registry: Registry["Service"],
  root: Pick<StorageRoot, "uid">,
  handle: StorageHandle,
  folder: string
): Effect.Effect<void, RegistryError | StorageError> =>
  Effect.gen(function*() {
    const promise = Effect.runPromiseWith(yield* Effect.context())
    yield* Effect.tryPromise({
      try: () => removeLeftUploads(folder, {
        known: (keys) => promise(registry.knownObjects(root.uid, keys)),
        remove: (keys) => promise(handle.delete(keys))
      }),
      catch: (error) => error as RegistryError | StorageError
    })
  })
