/**
 * An object sent in one request.
 */
import { createHash } from "node:crypto"
import type { Bucket } from "./Bucket.ts"
import type { UploadHeaders, UploadTarget } from "./MultipartUpload.ts"
import { commit, conditionsOf, MARK, type WriteMarks } from "./ObjectCommit.ts"
import { putSmall } from "./SmallPut.ts"

/** Sends an object; gives its version. `ChecksumSHA256` is the digest that the store is to compare and keep, in base64. */
export const putObject = (
  bucket: Bucket, marks: WriteMarks, target: UploadTarget, bytes: Uint8Array, headers: UploadHeaders & { readonly ChecksumSHA256?: string } = {}
): Promise<string | null> => {
  const { mode, name } = target
  const md5 = createHash("md5").update(bytes).digest()
  const mark = marks.next(name)
  return commit(bucket, marks, { ...target, mark, size: bytes.length, md5: md5.toString("hex") }, () => putSmall(bucket, {
    // A checksum that the store keeps, so that it can be compared when the object is read.
    ...(headers.ChecksumSHA256 === undefined ? { ChecksumAlgorithm: "CRC32" as const } : {}),
    ...headers,
    Bucket: bucket.name,
    Key: name,
    Body: bytes,
    ContentLength: bytes.length,
    ContentMD5: md5.toString("base64"),
    Metadata: { ...headers.Metadata, [MARK]: mark },
    ...conditionsOf(mode)
  }))
}
