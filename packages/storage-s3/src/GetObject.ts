/**
 * The request for the bytes of an object, and the comparison of what arrives with the checksum that the store keeps.
 */
import { createHash } from "node:crypto"
import type { Readable } from "node:stream"
import { crc32 } from "node:zlib"
import { asEtag, type Bucket, versionOf } from "./Bucket.ts"
import { type DirectAnswer, learnFrom, sendDirectly } from "./DirectRequest.ts"

/** An object, or a part of one, on its way. */
export interface ObjectBytes {
  /** Ends with an error when what arrived is not what the store has a checksum of. */
  readonly pieces: AsyncIterator<Uint8Array>
  readonly destroy: () => void
  /** Of the first byte, from 0; and behind the last one, or null where the store does not say it. */
  readonly start: number
  readonly end: number | null
  readonly version: string | null
}

/** Asks for the bytes from `from` up to `to` of an object, of this version where one is given. Throws what the SDK throws, or what has the same fields. */
export const getObject = async (
  bucket: Bucket, name: string, { from, to, version }: { readonly from: number; readonly to: number | undefined; readonly version: string | null }, signal: AbortSignal
): Promise<ObjectBytes> => {
  const range = from > 0 || to !== undefined ? `bytes=${from}-${to === undefined ? "" : to - 1}` : undefined
  const answer = await sendDirectly(bucket, {
    method: "GET",
    name,
    headers: {
      ...(range === undefined ? { "x-amz-checksum-mode": "ENABLED" } : { range }),
      ...(version === null ? {} : { "if-match": asEtag(version) })
    }
  }, signal)
  if (answer !== null) {
    const { body, headers } = answer
    return {
      pieces: range === undefined ? compared(answer) : body[Symbol.asyncIterator](),
      destroy: () => body.destroy(),
      ...extentOf(headers["content-range"], headers["content-length"] === undefined ? undefined : Number(headers["content-length"])),
      version: versionOf(headers["etag"])
    }
  }
  const command = new bucket.sdk.GetObjectCommand({
    Bucket: bucket.name,
    Key: name,
    ...(range === undefined ? {} : { Range: range }),
    ...(version === null ? {} : { IfMatch: asEtag(version) })
  })
  const { Body, ContentLength, ContentRange, ETag } = await learnFrom(bucket, command, name, (one) => bucket.client.send(one, { abortSignal: signal }))
  const stream = Body as unknown as Readable
  return { pieces: stream[Symbol.asyncIterator](), destroy: () => stream.destroy(), ...extentOf(ContentRange, ContentLength), version: versionOf(ETag) }
}

/** Which bytes an answer brings. */
const extentOf = (range: string | undefined, length: number | undefined): Pick<ObjectBytes, "start" | "end"> => {
  const [, start, last] = /^bytes ([0-9]+)-([0-9]+)\//.exec(range ?? "") ?? []
  if (start !== undefined) return { start: Number(start), end: Number(last) + 1 }
  return { start: 0, end: length ?? null }
}

/** The bytes of a whole object, compared with a CRC32, SHA-1 or SHA-256 of the store's when they have all arrived. One of several parts has a checksum of checksums. */
async function* compared({ body, headers }: DirectAnswer): AsyncGenerator<Uint8Array> {
  const isOfWhole = headers["x-amz-checksum-type"] !== "COMPOSITE"
  const kind = isOfWhole ? (["crc32", "sha256", "sha1"] as const).find((one) => /^[A-Za-z0-9+/]+=*$/.test(headers[`x-amz-checksum-${one}`] ?? "")) : undefined
  const hasher = kind === "sha256" || kind === "sha1" ? createHash(kind) : null
  let sum = 0
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    if (kind === "crc32") sum = crc32(piece, sum)
    else hasher?.update(piece)
    yield piece
  }
  if (kind === undefined) return
  const found = Buffer.alloc(4)
  found.writeUInt32BE(sum)
  if ((hasher?.digest() ?? found).toString("base64") !== headers[`x-amz-checksum-${kind}`]) throw new Error("the checksum is another one")
}
