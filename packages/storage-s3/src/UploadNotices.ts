/**
 * Uploads in parts that are under way, announced in the root itself: an object `.sheaf/uploads/<random>` for each, written before the upload begins, with the name of
 * the object, the upload's id as soon as there is one, and the process. Without it an upload whose process was killed would be kept, and paid for, and seen by nobody:
 * not every store can say which uploads there are. Whoever opens the root next for writing aborts those whose process has ended; when a root is closed, its own uploads are
 * aborted of which it is not known whether they were begun, or given up.
 */
import { randomBase62 } from "@sheaf/core/domain/Uid"
import { hasEnded, type ProcessIdentity, thisProcess } from "@sheaf/core/workers/ProcessIdentity"
import { type Bucket, repeat } from "./Bucket.ts"
import { firstObjects } from "./BucketAnswer.ts"
import { NOTICES } from "./ObjectNames.ts"
import { failure } from "./S3Failure.ts"

/** A process of another host cannot be looked at: its uploads are taken for abandoned after this many milliseconds. */
const FOREIGN_AGE = 7 * 24 * 3600 * 1000
/** Milliseconds between a notice and its upload, at most. */
const BEGIN_WITHIN = 10 * 60 * 1000

/** What a notice says. */
interface Announcement {
  /** Name of the object. */
  readonly name: string
  readonly uploadId: string | null
  readonly process: ProcessIdentity
}

/** An open notice of this process. */
export interface Notice {
  /** The upload has begun, and has this id. */
  readonly name: (uploadId: string) => Promise<void>
  /** It is completed or aborted. */
  readonly close: () => Promise<void>
  /** It may still be there, by its id or, when that is not known, by its name. */
  readonly doubt: () => void
}

/** Announces an upload for an object. */
export const openNotice = async (bucket: Bucket, operation: string, name: string): Promise<Notice> => {
  const place = `${bucket.names.root}${NOTICES}${randomBase62(20)}`
  const put = async (uploadId: string | null): Promise<void> => {
    const announcement: Announcement = { name, uploadId, process: thisProcess() }
    await bucket.call(operation, NOTICES, () => bucket.client.send(
      new bucket.sdk.PutObjectCommand({ Bucket: bucket.name, Key: place, Body: Buffer.from(JSON.stringify(announcement)), ContentType: "application/json" })
    ))
  }
  const doubt = (): void => void bucket.doubts.add(place)
  await put(null).catch((error: unknown) => {
    doubt()
    throw error
  })
  return { name: put, close: () => remove(bucket, place).catch(doubt), doubt }
}

const remove = async (bucket: Bucket, place: string): Promise<void> => {
  await bucket.client.send(new bucket.sdk.DeleteObjectCommand({ Bucket: bucket.name, Key: place }))
}

interface Found extends Announcement {
  readonly place: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Aborts the uploads of processes that have ended. Fails only when the bucket cannot be reached; the rest is tried again by the next one. */
export const abortLeftovers = async (bucket: Bucket): Promise<void> => {
  const listed = await firstObjects(bucket, "open", bucket.names.root + NOTICES)
  const places = new Set(listed.map(({ Key }) => Key))
  for (const place of bucket.doubts) {
    if (!places.has(place)) bucket.doubts.delete(place)
  }
  const found: Array<Found> = []
  for (const { Key, LastModified } of listed) {
    const announcement = await read(bucket, Key!).catch(() => null)
    if (announcement !== null) found.push({ ...announcement, place: Key!, at: LastModified?.getTime() ?? Date.now() })
  }
  const isLeft = (one: Found): boolean =>
    bucket.doubts.has(one.place) || hasEnded(one.process) || (one.process.host !== thisProcess().host && Date.now() - one.at > FOREIGN_AGE)
  const live = found.filter((one) => !isLeft(one))
  for (const one of found.filter(isLeft)) {
    try {
      const ids = one.uploadId === null ? await unnamed(bucket, one, found, live) : [one.uploadId]
      for (const id of ids ?? []) await abort(bucket, one.name, id)
      if (ids === null) continue
      await remove(bucket, one.place)
      bucket.doubts.delete(one.place)
    } catch {
      // Still announced.
    }
  }
}

/** Aborts this root's own uploads of which it is not known whether they are there, as far as the store can be reached; the rest is left to the next process. */
export const settleDoubts = async (bucket: Bucket): Promise<void> => {
  if (bucket.doubts.size === 0) return
  await repeat(async () => {
    await bucket.call("close", NOTICES, () => abortLeftovers(bucket))
    if (bucket.doubts.size > 0) throw failure("Unavailable", "close", NOTICES, "an upload may be left", true)
  }).catch(() => undefined)
}

const read = async (bucket: Bucket, place: string): Promise<Announcement | null> => {
  const { Body } = await bucket.client.send(new bucket.sdk.GetObjectCommand({ Bucket: bucket.name, Key: place }))
  const said = JSON.parse((await Body?.transformToString()) ?? "null") as Partial<Announcement> | null
  const isAnnouncement = typeof said?.name === "string" && said.name.startsWith(bucket.names.root) && typeof said.process?.pid === "number"
  return isAnnouncement ? { name: said.name!, uploadId: typeof said.uploadId === "string" ? said.uploadId : null, process: said.process } : null
}

const abort = async (bucket: Bucket, name: string, id: string): Promise<void> => {
  try {
    await bucket.client.send(new bucket.sdk.AbortMultipartUploadCommand({ Bucket: bucket.name, Key: name, UploadId: id }))
  } catch (error) {
    if (bucket.explain("write", "", error).kind !== "NotFound") throw error
  }
}

/** Uploads that were begun for a notice without an id, or null when they may be those of a process that lives. */
const unnamed = async (bucket: Bucket, one: Found, all: ReadonlyArray<Found>, live: ReadonlyArray<Found>): Promise<ReadonlyArray<string> | null> => {
  if (live.some(({ name, uploadId }) => name === one.name && uploadId === null)) return null
  const named = new Set(all.map(({ uploadId }) => uploadId))
  const { Uploads = [] } = await bucket.client.send(new bucket.sdk.ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: one.name }))
  return Uploads
    .filter(({ Initiated, Key, UploadId }) => Key === one.name && !named.has(UploadId ?? "") && isNear(Initiated, one.at))
    .map(({ UploadId }) => UploadId!)
}

const isNear = (begun: Date | undefined, noticed: number): boolean =>
  begun === undefined || (begun.getTime() >= noticed - 2_000 && begun.getTime() <= noticed + BEGIN_WITHIN)
