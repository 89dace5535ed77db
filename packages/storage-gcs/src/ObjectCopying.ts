/**
 * Copying an object inside the bucket, by the store itself: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 *
 * A large copy takes several requests, and each has to say again that nothing may stand at the new place; the SDK says so in the first alone.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { type Bucket, type ObjectResource, versionOf } from "./Bucket.ts"
import { failure } from "./GcsFailure.ts"
import { commit, MARK, type WriteMarks, type WriteTarget } from "./ObjectCommit.ts"
import { lookAt } from "./ObjectReading.ts"

/** What a copy takes along beside the bytes. */
const KEPT = ["contentType", "contentEncoding", "contentLanguage", "contentDisposition", "cacheControl", "customTime"] as const

interface RewriteAnswer {
  readonly done?: boolean
  readonly rewriteToken?: string
  readonly resource?: ObjectResource
}

/** A second object with the same bytes and metadata; never overwrites. */
export const copyObject = (bucket: Bucket, marks: WriteMarks, from: string, to: string): Effect.Effect<void, StorageError> =>
  Effect.asVoid(bucket.attempt("copy", from, async (signal) => {
    const target: WriteTarget = { operation: "copy", key: to, name: bucket.nameToChange("copy", to), mode: "create" }
    const source = bucket.nameOf("copy", from)
    const found = await lookAt(bucket, "copy", from, source)
    const mark = marks.next(target.name)
    const kept = Object.fromEntries(KEPT.flatMap((name) => {
      const value = (found as Readonly<Record<string, unknown>>)[name]
      return value === undefined ? [] : [[name, value]]
    }))
    const body = [Buffer.from(JSON.stringify({ ...kept, metadata: { ...found.metadata, [MARK]: mark } }))]
    const rewrite = (rewriteToken: string | undefined): Promise<RewriteAnswer> =>
      bucket.sendForJson("copy", from, {
        method: "POST",
        path: `${bucket.pathOf(source)}/rewriteTo/b/${bucket.name}/o/${encodeURIComponent(target.name)}`,
        query: {
          ifGenerationMatch: "0",
          ifSourceGenerationMatch: versionOf(found) ?? "",
          ...(rewriteToken === undefined ? {} : { rewriteToken })
        },
        headers: { "content-type": "application/json" },
        body,
        signal
      })
    return commit(bucket, marks, { ...target, mark, size: Number(found.size ?? 0), md5: found.md5Hash ?? null }, async () => {
      let answer = await rewrite(undefined)
      while (answer.done !== true && answer.rewriteToken !== undefined) answer = await rewrite(answer.rewriteToken)
      return answer.resource ?? Promise.reject(failure("Unexpected", "copy", from, "the store copied the object and does not say which it made"))
    })
  }))
