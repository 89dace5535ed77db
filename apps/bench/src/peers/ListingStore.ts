/**
 * Simulates a bucket with many objects: it lists them in pages of 1,000 and answers to HEAD, as S3 does. There are no bytes behind them. Every other request goes
 * to a real server. Signatures are not looked at.
 */
import { hash } from "node:crypto"
import { type PassingServer, startPassingServer } from "./PassingServer.ts"

export interface ListedObjects {
  readonly bucket: string
  /** With a slash at its end. */
  readonly prefix: string
  readonly objects: number
}

const PAGE = 1_000
/** Bytes that each object is said to have. */
export const LISTED_SIZE = 4_096

const nameOf = (prefix: string, at: number): string => `${prefix}plate${String(Math.floor(at / PAGE)).padStart(5, "0")}/image${String(at).padStart(8, "0")}.tif`

const etagOf = (at: number): string => `"${hash("md5", String(at), "hex")}"`

/** Starts it before the server at `target`. */
export const startListingStore = (target: string, listed: ListedObjects): Promise<PassingServer> =>
  startPassingServer(target, (incoming, outgoing) => {
    const url = new URL(incoming.url!, target)
    const name = decodeURIComponent(url.pathname).slice(`/${listed.bucket}/`.length)
    if (incoming.method === "GET" && url.searchParams.get("list-type") === "2" && url.searchParams.get("prefix")?.startsWith(listed.prefix) === true) {
      outgoing.writeHead(200, { "content-type": "application/xml" })
      outgoing.end(pageOf(listed, url.searchParams))
      return true
    }
    if (incoming.method !== "HEAD" || !name.startsWith(listed.prefix)) return false
    const at = indexOf(name)
    const isThere = at < listed.objects && nameOf(listed.prefix, at) === name
    outgoing.writeHead(isThere ? 200 : 404, isThere ? { etag: etagOf(at), "content-length": LISTED_SIZE, "last-modified": MODIFIED } : {})
    outgoing.end()
    return true
  })

const MODIFIED = new Date("2026-01-02T03:04:05Z").toUTCString()

const indexOf = (name: string): number => Number(/image(\d+)\.tif$/.exec(name)?.[1] ?? Number.NaN)

/** A page of ListObjectsV2; its token is the index that the next one begins with. */
const pageOf = ({ bucket, objects, prefix }: ListedObjects, query: URLSearchParams): string => {
  const wanted = query.get("prefix")!
  const token = query.get("continuation-token")
  const after = query.get("start-after")
  const begin = token !== null ? Number(token) : after !== null && after.startsWith(prefix) ? indexOf(after) + 1 : 0
  const end = Math.min(objects, begin + Math.min(PAGE, Number(query.get("max-keys") ?? PAGE)))
  const contents: Array<string> = []
  for (let at = begin; at < end; at++) {
    const name = nameOf(prefix, at)
    if (!name.startsWith(wanted)) continue
    contents.push(`<Contents><Key>${encodeURIComponent(name)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>${etagOf(at).replaceAll('"', "&quot;")}</ETag><Size>${LISTED_SIZE}</Size><StorageClass>STANDARD</StorageClass></Contents>`)
  }
  const next = end < objects ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${end}</NextContinuationToken>` : "<IsTruncated>false</IsTruncated>"
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${encodeURIComponent(wanted)}</Prefix><EncodingType>url</EncodingType><MaxKeys>1000</MaxKeys><KeyCount>${contents.length}</KeyCount>${next}${contents.join("")}</ListBucketResult>`
}
