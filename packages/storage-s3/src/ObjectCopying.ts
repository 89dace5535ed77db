/**
 * Copying an object inside the bucket. The store's own copy would overwrite in most stores, whatever is asked of it; so a small object is read and created anew, and of
 * a large one the store copies the parts, whose completion never overwrites.
 */
import { partSizeFor } from "@sheaf/core/domain/ObjectParts"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { asEtag, type Bucket, versionOf } from "./Bucket.ts"
import { MultipartUpload, PARTS, type UploadHeaders, type UploadTarget } from "./MultipartUpload.ts"
import type { WriteMarks } from "./ObjectCommit.ts"
import { head } from "./ObjectReading.ts"
import { putObject } from "./PutObject.ts"

/** Bytes of a part that the store copies by itself. */
const COPY_PART = 128 * 1024 * 1024

/** An object that is copied in parts. */
interface LargeCopy {
  readonly upload: MultipartUpload
  readonly target: UploadTarget
  readonly from: string
  readonly source: string
  readonly size: number
  readonly version: string | null
}

/** A second object with the same bytes and headers; never overwrites. */
export const copyObject = (bucket: Bucket, marks: WriteMarks, from: string, to: string): Effect.Effect<void, StorageError> => {
  const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> => Effect.tryPromise({ try: run, catch: (error) => bucket.explain("copy", from, error) })
  return Effect.acquireUseRelease(
    attempt(() => beginCopy(bucket, marks, from, to)),
    (large) => large === null ? Effect.void : Effect.andThen(
      attempt(() => copyParts(bucket, large)),
      Effect.asVoid(Effect.uninterruptible(attempt(() => large.upload.complete(large.size))))
    ),
    (large) => Effect.promise(async () => large?.upload.dispose())
  )
}

/** Copies a small object, and begins to copy a large one. */
const beginCopy = async (bucket: Bucket, marks: WriteMarks, from: string, to: string): Promise<LargeCopy | null> => {
  const target: UploadTarget = { operation: "copy", key: to, name: bucket.nameToChange("copy", to), mode: "create" }
  const source = bucket.nameOf("copy", from)
  const found = await head(bucket, "copy", from, source)
  const size = found.ContentLength ?? 0
  const version = versionOf(found.ETag)
  const { CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Metadata } = found
  const headers: UploadHeaders = Object.fromEntries(
    Object.entries({ CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Metadata }).filter(([, value]) => value !== undefined)
  )
  if (size > bucket.settings.partSize) {
    return { upload: await MultipartUpload.begin(bucket, marks, target, headers), target, from, source, size, version }
  }
  const bytes = await bucket.call("copy", from, async () => {
    const { Body } = await bucket.client.send(new bucket.sdk.GetObjectCommand({ Bucket: bucket.name, Key: source, ...(version === null ? {} : { IfMatch: asEtag(version) }) }))
    return (await Body?.transformToByteArray()) ?? new Uint8Array(0)
  })
  await putObject(bucket, marks, target, bytes, headers)
  return null
}

const copyParts = async (bucket: Bucket, { from, size, source, target, upload, version }: LargeCopy): Promise<void> => {
  const CopySource = `${bucket.name}/${source}`.split("/").map(encodeURIComponent).join("/")
  const partSize = partSizeFor({ size: COPY_PART, maxParts: PARTS.maxParts }, size)
  for (let start = 0; start < size; start += partSize) {
    const CopySourceRange = `bytes=${start}-${Math.min(start + partSize, size) - 1}`
    await upload.part((part, abortSignal) => bucket.call("copy", from, async () => (await bucket.client.send(
      new bucket.sdk.UploadPartCopyCommand({
        ...part, Bucket: bucket.name, Key: target.name, CopySource, CopySourceRange, ...(version === null ? {} : { CopySourceIfMatch: asEtag(version) })
      }),
      { abortSignal }
    )).CopyPartResult?.ETag))
  }
  await upload.sent()
}
