/**
 * An object sent in one request, with its metadata: https://cloud.google.com/storage/docs/uploading-objects-from-memory
 */
import { randomBase62 } from "@sheaf/core/domain/Uid"
import { createHash } from "node:crypto"
import type { Bucket, ObjectResource } from "./Bucket.ts"
import { asMismatch, commit, conditionOf, MARK, type WriteMarks, type WriteTarget } from "./ObjectCommit.ts"

/** Objects are bytes; what they are is said by their keys. */
export const CONTENT_TYPE = "application/octet-stream"

/** Sends an object; the store compares its MD5 before it is visible. */
export const sendWhole = (bucket: Bucket, marks: WriteMarks, target: WriteTarget, bytes: Uint8Array): Promise<ObjectResource> => {
  const { key, name, operation } = target
  const md5 = createHash("md5").update(bytes).digest("base64")
  const mark = marks.next(name)
  const query = { uploadType: "multipart", ...conditionOf(target) }
  const boundary = `sheaf-${randomBase62(40)}`
  const metadata = JSON.stringify({ name, contentType: CONTENT_TYPE, md5Hash: md5, metadata: { [MARK]: mark } })
  const head = `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${metadata}\r\n--${boundary}\r\nContent-Type: ${CONTENT_TYPE}\r\n\r\n`
  return commit(bucket, marks, { ...target, mark, size: bytes.length, md5 }, () =>
    bucket.sendForJson<ObjectResource>(operation, key, {
      method: "POST",
      path: `/upload/storage/v1/b/${bucket.name}/o`,
      query,
      headers: { "content-type": `multipart/related; boundary=${boundary}` },
      body: [Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)],
      refused: (problem) => asMismatch(operation, key, problem)
    }))
}
