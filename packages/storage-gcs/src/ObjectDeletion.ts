/**
 * Deleting objects, several at once; each is a request of its own.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import type { Bucket } from "./Bucket.ts"

/** Requests under way at once. */
const AT_ONCE = 16

/** Removes objects; one that is not there is not an error. */
export const deleteObjects = (bucket: Bucket, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    const byName = yield* Effect.try({
      try: () => new Map(keys.map((key) => [bucket.nameToChange("delete", key), key])),
      catch: (error) => bucket.explain("delete", keys[0] ?? "", error)
    })
    yield* Effect.forEach(byName, ([name, key]) =>
      Effect.catchIf(
        bucket.attempt("delete", key, () => bucket.ask("delete", key, () => bucket.client.file(name).delete())),
        (error) => error.kind === "NotFound",
        () => Effect.void
      ), { discard: true, concurrency: AT_ONCE })
  })
