/**
 * An object sent in one request.
 */
import type { PutObjectCommandInput } from "@aws-sdk/client-s3"
import { hash } from "node:crypto"
import { crc32 } from "node:zlib"
import type { Bucket } from "./Bucket.ts"
import { learnFrom, sendDirectly, textOf } from "./DirectRequest.ts"
import type { UploadHeaders, UploadTarget } from "./MultipartUpload.ts"
import { commit, conditionsOf, MARK, type WriteMarks } from "./ObjectCommit.ts"

/** Sends an object; gives its version. `ChecksumSHA256` is the digest that the store is to compare and keep, in base64. */
export const putObject = (
  bucket: Bucket, marks: WriteMarks, target: UploadTarget, bytes: Uint8Array, headers: UploadHeaders & { readonly ChecksumSHA256?: string } = {},
  md5: Buffer = hash("md5", bytes, "buffer")
): Promise<string | null> => {
  const { mode, name } = target
  const mark = marks.next(name)
  const input: PutInput = {
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
  }
  return commit(bucket, marks, { ...target, mark, size: bytes.length, md5: md5.toString("hex") }, async () => await putDirectly(bucket, input)
    ?? learnFrom(bucket, new bucket.sdk.PutObjectCommand(input), name, (command) => bucket.client.send(command)))
}

/** A put of content that is in memory, with an MD5. */
type PutInput = PutObjectCommandInput & { readonly Key: string; readonly Body: Uint8Array; readonly ContentMD5: string }

/** What requests made here can say; another one goes through the SDK. */
const KNOWN: ReadonlySet<string> = new Set(["Bucket", "Key", "Body", "ContentLength", "ContentMD5", "ChecksumAlgorithm", "ChecksumSHA256", "Metadata", "IfMatch", "IfNoneMatch"])

/** The ETag, or null when the SDK is to do it. */
const putDirectly = async (bucket: Bucket, input: PutInput): Promise<{ readonly ETag?: string | undefined } | null> => {
  const { Body, ChecksumSHA256, ContentMD5, IfMatch, IfNoneMatch, Key, Metadata } = input
  if (bucket.pattern === null || !Object.keys(input).every((name) => KNOWN.has(name))) return null
  const headers: Record<string, string> = {
    "content-length": String(Body.length),
    "content-md5": ContentMD5,
    "content-type": "application/octet-stream",
    ...(ChecksumSHA256 === undefined
      ? { "x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32": crc32Of(Body) }
      : { "x-amz-sdk-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": ChecksumSHA256 }),
    ...(IfMatch === undefined ? {} : { "if-match": IfMatch }),
    ...(IfNoneMatch === undefined ? {} : { "if-none-match": IfNoneMatch })
  }
  for (const [name, value] of Object.entries(Metadata ?? {})) headers[`x-amz-meta-${name}`] = value
  const answer = await sendDirectly(bucket, {
    method: "PUT", name: Key, headers, body: Body, contentSha256: ChecksumSHA256 === undefined ? undefined : Buffer.from(ChecksumSHA256, "base64").toString("hex")
  })
  if (answer === null) return null
  await textOf(answer)
  return { ETag: answer.headers["etag"] }
}

const crc32Of = (bytes: Uint8Array): string => {
  const four = Buffer.alloc(4)
  four.writeUInt32BE(crc32(bytes))
  return four.toString("base64")
}
