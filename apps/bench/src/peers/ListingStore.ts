/**
 * Simulates a bucket with many objects: it lists them in pages of 1,000 and answers to HEAD, as S3 does. There are no bytes behind them. Every other request goes
 * to a real server. Signatures are not looked at.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import { hash } from "node:crypto"

/** A store that runs. */
export interface ListingStore {
  readonly endpoint: string
  readonly stop: () => Promise<void>
}

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
export const startListingStore = (target: string, listed: ListedObjects): Promise<ListingStore> => {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders, setHost: false, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders)
      answer.pipe(outgoing)
    })
    forwarded.on("error", () => outgoing.destroy())
    incoming.on("error", () => forwarded.destroy())
    incoming.pipe(forwarded)
  }
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url!, target)
    const name = decodeURIComponent(url.pathname).slice(`/${listed.bucket}/`.length)
    if (incoming.method === "GET" && url.searchParams.get("list-type") === "2" && url.searchParams.get("prefix")?.startsWith(listed.prefix) === true) {
      outgoing.writeHead(200, { "content-type": "application/xml" })
      outgoing.end(pageOf(listed, url.searchParams))
    } else if (incoming.method === "HEAD" && name.startsWith(listed.prefix)) {
      const at = indexOf(name)
      const isThere = at < listed.objects && nameOf(listed.prefix, at) === name
      outgoing.writeHead(isThere ? 200 : 404, isThere ? { etag: etagOf(at), "content-length": LISTED_SIZE, "last-modified": MODIFIED } : {})
      outgoing.end()
    } else {
      pass(incoming, outgoing)
    }
  })
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port: own } = server.address() as { port: number }
      resolve({
        endpoint: `http://127.0.0.1:${own}`,
        stop: () => new Promise((stopped) => {
          agent.destroy()
          server.closeAllConnections()
          server.close(() => stopped())
        })
      })
    })
  })
}

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
