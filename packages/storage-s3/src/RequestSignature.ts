/**
 * The signature of a request in its headers: AWS Signature Version 4, as its documentation for S3 describes it ("Signature Calculations for the Authorization
 * Header: Transferring Payload in a Single Chunk").
 */
import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto"

export interface RequestToSign {
  readonly method: string
  /** As it is sent, percent-encoded. */
  readonly path: string
  /** As it is sent: its parameters percent-encoded and in order. */
  readonly query: string
  /** Names in lower case. All of them are signed; values have no spaces at their ends and no two in a row. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hex. */
  readonly contentSha256: string
}

/** Who signs, and for what. */
export interface SigningScope {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly region: string
  /** Such as `s3`. */
  readonly service: string
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

/** The headers that a signature adds, `authorization` among them. */
export const signatureOf = (request: RequestToSign, scope: SigningScope, at: Date): Readonly<Record<string, string>> => {
  const time = at.toISOString().replace(/[-:]|\.\d+/g, "")
  const day = time.slice(0, 8)
  const place = `${day}/${scope.region}/${scope.service}/aws4_request`
  const added: Record<string, string> = {
    "x-amz-content-sha256": request.contentSha256,
    "x-amz-date": time,
    ...(scope.sessionToken === undefined ? {} : { "x-amz-security-token": scope.sessionToken })
  }
  const headers: Readonly<Record<string, string>> = { ...request.headers, ...added }
  const names = Object.keys(headers).sort()
  const signed = names.join(";")
  const canonical = `${request.method}\n${request.path}\n${request.query}\n${names.map((name) => `${name}:${headers[name]}\n`).join("")}\n${signed}\n${request.contentSha256}`
  const signature = createHmac("sha256", keyOf(scope, day)).update(`AWS4-HMAC-SHA256\n${time}\n${place}\n${hash("sha256", canonical, "hex")}`).digest("hex")
  added["authorization"] = `AWS4-HMAC-SHA256 Credential=${scope.accessKeyId}/${place}, SignedHeaders=${signed}, Signature=${signature}`
  return added
}

/** The key that was used last: it is good for a day. */
let last: { readonly scope: SigningScope; readonly day: string; readonly key: KeyObject } | null = null

const keyOf = (scope: SigningScope, day: string): KeyObject => {
  const { region, secretAccessKey, service } = scope
  if (last === null || last.day !== day || last.scope.secretAccessKey !== secretAccessKey || last.scope.region !== region || last.scope.service !== service) {
    const key = [region, service, "aws4_request"].reduce(hmac, hmac(`AWS4${secretAccessKey}`, day))
    last = { scope, day, key: createSecretKey(key) }
  }
  return last.key
}
