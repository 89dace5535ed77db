/**
 * Deleting objects, up to a thousand in one request.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import type { Bucket } from "./Bucket.ts"

const BATCH = 1000

/** Characters that the list in a request cannot carry, or that would arrive as others. */
// oxlint-disable-next-line no-control-regex
const NOT_IN_XML = /[\x00-\x08\x0b-\x1f\ufffe\uffff]/

/** Removes objects; one that is not there is not an error. */
export const deleteObjects = (bucket: Bucket, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    const byName = yield* Effect.try({
      try: () => new Map(keys.map((key) => [bucket.nameToChange("delete", key), key])),
      catch: (error) => bucket.explain("delete", keys[0] ?? "", error)
    })
    const names = [...byName.keys()]
    const single = names.length === 1 ? names : names.filter((name) => NOT_IN_XML.test(name))
    const listed = names.length === 1 ? [] : names.filter((name) => !NOT_IN_XML.test(name))
    for (let from = 0; from < listed.length; from += BATCH) {
      const batch = listed.slice(from, from + BATCH)
      const { Errors = [] } = yield* bucket.attempt("delete", byName.get(batch[0]!)!, (signal) => bucket.client.send(
        new bucket.sdk.DeleteObjectsCommand({ Bucket: bucket.name, Delete: { Quiet: true, Objects: batch.map((Key) => ({ Key })) } }), { abortSignal: signal }
      ))
      const failed = Errors.find(({ Code }) => Code !== "NoSuchKey" && Code !== "NoSuchVersion")
      if (failed !== undefined) {
        return yield* bucket.explain("delete", byName.get(failed.Key ?? "") ?? byName.get(batch[0]!)!, { name: failed.Code, message: failed.Message })
      }
    }
    yield* Effect.forEach(single, (name) =>
      Effect.catchIf(
        bucket.attempt("delete", byName.get(name)!, (signal) => bucket.client.send(new bucket.sdk.DeleteObjectCommand({ Bucket: bucket.name, Key: name }), { abortSignal: signal })),
        (error) => error.kind === "NotFound",
        () => Effect.void
      ), { discard: true, concurrency: 8 })
  })
