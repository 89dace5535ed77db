/**
 * The objects of the fake in `StrictGcs.ts`, and the rules for them that do not depend on how they are asked for. A fake: written from what Google publishes, to be as
 * strict as that says; what a real bucket does beside it is not known here.
 */
import { createHash } from "node:crypto"

/** An answer that is no success. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

export const invalid = (message: string): Refusal => new Refusal(400, "invalid", message)
export const notFound = (what: string): Refusal => new Refusal(404, "notFound", `No such object: ${what}`)

/** What a request says about an object: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
export interface Described {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly contentDisposition?: string
  readonly cacheControl?: string
  readonly customTime?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** To be compared: https://cloud.google.com/storage/docs/data-validation */
  readonly md5Hash?: string
  readonly crc32c?: string
}

export interface FakeObject extends Omit<Described, "md5Hash" | "crc32c"> {
  readonly name: string
  readonly bytes: Buffer
  /** https://cloud.google.com/storage/docs/metadata#generation-number */
  readonly generation: string
  readonly metageneration: string
  readonly timeCreated: string
  readonly updated: string
  /** Of a composite object: https://cloud.google.com/storage/docs/composite-objects */
  readonly componentCount?: number
}

export type Query = URLSearchParams

const KEPT = ["contentType", "contentEncoding", "contentLanguage", "contentDisposition", "cacheControl", "customTime", "metadata"] as const

/** What is kept of a description. */
export const keptOf = (described: Described): Omit<Described, "md5Hash" | "crc32c"> =>
  Object.fromEntries(KEPT.flatMap((name) => (described[name] === undefined ? [] : [[name, described[name]]])))

export class FakeBucket {
  readonly name: string
  readonly #objects = new Map<string, FakeObject>()
  #clock = 0n

  constructor(name: string) {
    this.name = name
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0
  }

  find(name: string): FakeObject | undefined {
    return this.#objects.get(name)
  }

  /** By name, in the order of UTF-8: https://cloud.google.com/storage/docs/listing-objects */
  all(): ReadonlyArray<FakeObject> {
    return [...this.#objects.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  }

  /** Makes an object when its hashes are those announced and the preconditions hold. */
  put(name: string, bytes: Buffer, described: Described, query: Query, componentCount?: number): FakeObject {
    checkName(name)
    const object: FakeObject = {
      ...keptOf(described), name, bytes, generation: this.#tick(), metageneration: "1", timeCreated: new Date().toISOString(), updated: new Date().toISOString(),
      ...(componentCount === undefined ? {} : { componentCount })
    }
    checkHashes(object, described)
    checkToWrite(this.find(name), query)
    this.#objects.set(name, object)
    return object
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/patch: what is not named stays; each change counts. */
  patch(name: string, changes: Described, query: Query): FakeObject {
    const found = this.find(name)
    if (found === undefined) throw notFound(name)
    checkToWrite(found, query)
    const changed = { ...found, ...keptOf(changes), metageneration: String(BigInt(found.metageneration) + 1n), updated: new Date().toISOString() }
    this.#objects.set(name, changed)
    return changed
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/delete */
  delete(name: string, query: Query): void {
    const found = this.find(name)
    if (found === undefined) throw notFound(name)
    checkToWrite(found, query)
    this.#objects.delete(name)
  }

  /** Generations grow: microseconds. */
  #tick(): string {
    const now = BigInt(Date.now()) * 1000n
    this.#clock = now > this.#clock ? now : this.#clock + 1n
    return String(this.#clock)
  }
}

/** https://cloud.google.com/storage/docs/objects#naming */
const checkName = (name: string): void => {
  const bytes = Buffer.byteLength(name)
  if (bytes < 1 || bytes > 1024) throw invalid("The maximum object length is 1024 characters, but got a name with other length.")
  if (/[\r\n]/.test(name)) throw invalid("Disallowed unicode characters present in object name")
  if (name === "." || name === ".." || name.startsWith(".well-known/acme-challenge/")) throw invalid("Invalid object name")
}

/** https://cloud.google.com/storage/docs/data-validation#server-side-validation */
const checkHashes = (object: FakeObject, { crc32c, md5Hash }: Described): void => {
  if (md5Hash !== undefined && md5Hash !== md5Of(object.bytes)) throw invalid(`Provided MD5 hash "${md5Hash}" doesn't match calculated MD5 hash "${md5Of(object.bytes)}".`)
  if (crc32c !== undefined && crc32c !== crc32cOf(object.bytes)) throw invalid(`Provided CRC32C "${crc32c}" doesn't match calculated CRC32C "${crc32cOf(object.bytes)}".`)
}

/** https://cloud.google.com/storage/docs/request-preconditions: 0 stands for an object that is not there. */
const holds = (object: FakeObject | undefined, query: Query): "yes" | "no" | "unchanged" => {
  for (const [name, field] of [["ifGeneration", "generation"], ["ifMetageneration", "metageneration"]] as const) {
    const actual = object?.[field] ?? "0"
    const [match, not] = [query.get(`${name}Match`), query.get(`${name}NotMatch`)]
    if ([match, not].some((one) => one !== null && !/^[0-9]+$/.test(one))) throw invalid(`Invalid argument for ${name}Match.`)
    if (match !== null && match !== actual) return "no"
    if (not !== null && not === actual) return "unchanged"
  }
  return "yes"
}

const conditionNotMet = (): Refusal => new Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")

export const checkToWrite = (object: FakeObject | undefined, query: Query): void => {
  if (holds(object, query) !== "yes") throw conditionNotMet()
}

/** A condition that asks for a change is answered with 304: https://cloud.google.com/storage/docs/json_api/v1/status-codes#304-not-modified */
export const checkToRead = (object: FakeObject, query: Query): void => {
  const held = holds(object, query)
  if (held === "unchanged") throw new Refusal(304, "notModified", "Not Modified")
  if (held === "no") throw conditionNotMet()
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects#resource; numbers of 64 bits are texts, and a composite object has no MD5. */
export const resourceOf = (bucket: FakeBucket, object: FakeObject): Record<string, unknown> => ({
  kind: "storage#object",
  id: `${bucket.name}/${object.name}/${object.generation}`,
  name: object.name,
  bucket: bucket.name,
  generation: object.generation,
  metageneration: object.metageneration,
  ...keptOf(object),
  size: String(object.bytes.length),
  crc32c: crc32cOf(object.bytes),
  ...(object.componentCount === undefined ? { md5Hash: md5Of(object.bytes) } : { componentCount: object.componentCount }),
  timeCreated: object.timeCreated,
  updated: object.updated,
  etag: Buffer.from(`${object.generation}/${object.metageneration}`).toString("base64")
})

export const md5Of = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("base64")

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

const crcs = new WeakMap<Uint8Array, string>()

/** In base64, big-endian: https://cloud.google.com/storage/docs/data-validation */
export const crc32cOf = (bytes: Uint8Array): string => {
  let known = crcs.get(bytes)
  if (known === undefined) {
    let crc = 0xffffffff
    for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
    const out = Buffer.alloc(4)
    out.writeUInt32BE((crc ^ 0xffffffff) >>> 0)
    crcs.set(bytes, known = out.toString("base64"))
  }
  return known
}
