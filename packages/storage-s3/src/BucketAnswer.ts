/**
 * Whether a bucket answers, asked by a listing.
 */
import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3"
import type { StorageError } from "@sheaf/core/ports/Storage"
import type { Bucket } from "./Bucket.ts"
import { failure } from "./S3Failure.ts"

/** The first objects with a prefix, of a bucket that is there. What else may answer at an endpoint, such as a web server, knows nothing of buckets. */
export const firstObjects = async (
  bucket: Bucket, operation: string, prefix: string, options: { readonly atMost?: number; readonly signal?: AbortSignal } = {}
): Promise<NonNullable<ListObjectsV2CommandOutput["Contents"]>> => {
  const { atMost, signal } = options
  const noStore = () => failure("Unavailable", operation, "", "what answers at the endpoint is no store that speaks the protocol of S3", false)
  try {
    const { Contents = [], Name } = await bucket.call(operation, "", () => bucket.client.send(
      new bucket.sdk.ListObjectsV2Command({ Bucket: bucket.name, Prefix: prefix, ...(atMost === undefined ? {} : { MaxKeys: atMost }) }), signal === undefined ? {} : { abortSignal: signal }
    ))
    if (Name !== bucket.name) throw noStore()
    return Contents
  } catch (error) {
    throw (error as StorageError).kind === "NotFound" ? noStore() : error
  }
}
