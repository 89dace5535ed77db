/**
 * A bucket as the operations of this driver reach it: the client of the SDK, which is loaded here and not before, and what they share.
 */
import type * as Sdk from "@google-cloud/storage"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { Exchange, type Incoming, type Outgoing } from "./Exchange.ts"
import { failure, fromGcs, RefusedRequest, systemCodeOf, statusOf, SilentConnection } from "./GcsFailure.ts"
import { type GcsPlace, GOOGLE } from "./GcsUrl.ts"
import { ObjectNames } from "./ObjectNames.ts"

export interface BucketSettings {
  readonly readOnly: boolean
  /** Send no credentials. */
  readonly anonymous: boolean
  /** Content of a file of credentials, or null for what the SDK finds: environment, gcloud, metadata server. */
  readonly credentials: Record<string, unknown> | null
  /** Bytes of a chunk of a large object, and of the largest object that is sent in one request. */
  readonly chunkSize: number
  /** Milliseconds without a byte in either direction after which a connection counts as dead. */
  readonly idleTimeout: number
}

/** A request below the endpoint. */
export interface BucketRequest extends Omit<Outgoing, "url"> {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** What a refusal means here. */
  readonly refused?: (problem: RefusedRequest) => unknown
}

/** What the store says about an object: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
export interface ObjectResource {
  readonly name?: string
  readonly generation?: string | number
  readonly size?: string | number
  readonly timeCreated?: string
  /** In base64; not there for a composite object. */
  readonly md5Hash?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Milliseconds for which a bucket that answered is taken to be there. */
const SEEN = 10_000

export class Bucket {
  readonly client: Sdk.Bucket
  readonly exchange: Exchange
  /** Its name. */
  readonly name: string
  readonly names: ObjectNames
  readonly settings: BucketSettings
  readonly #storage: Sdk.Storage
  readonly #endpoint: string
  #seenAt = Number.NEGATIVE_INFINITY

  private constructor(sdk: typeof Sdk, place: GcsPlace, settings: BucketSettings) {
    this.name = place.bucket
    this.names = new ObjectNames(place.prefix)
    this.settings = settings
    this.exchange = new Exchange(settings.idleTimeout)
    this.#endpoint = place.endpoint ?? GOOGLE
    this.#storage = new sdk.Storage({
      apiEndpoint: this.#endpoint,
      useAuthWithCustomEndpoint: !settings.anonymous,
      ...(settings.credentials === null ? {} : { credentials: settings.credentials }),
      // No request is about a project; asked for one, the SDK looks for it on the network.
      projectId: "none",
      // Who repeats a call has to know that it did: a create repeated unseen finds its own object.
      retryOptions: { autoRetry: false, maxRetries: 0 },
      timeout: settings.idleTimeout
    })
    // STORAGE_EMULATOR_HOST would lead a part of the requests elsewhere.
    this.#storage.baseUrl = `${this.#endpoint}/storage/v1`
    this.client = this.#storage.bucket(place.bucket)
  }

  /** Loads the SDK and makes a client; nothing is sent. */
  static async open(place: GcsPlace, settings: BucketSettings): Promise<Bucket> {
    return new Bucket(await import("@google-cloud/storage"), place, settings)
  }

  /** Does requests; what they throw becomes a `StorageError`. */
  async call<A>(operation: string, key: string, run: () => Promise<A>): Promise<A> {
    try {
      const result = await run()
      this.#seenAt = Date.now()
      return result
    } catch (error) {
      const problem = this.explain(operation, key, error)
      if (problem.kind === "NotFound") await this.#checkThere(operation, key)
      throw problem
    }
  }

  /** Does a request of the SDK. */
  async ask<A>(operation: string, key: string, run: () => Promise<A>): Promise<A> {
    await this.#authorization(operation, key)
    return this.call(operation, key, () => within(2 * this.settings.idleTimeout, run()))
  }

  /** Sends a request with credentials; gives the answer when it is a success. Throws a `StorageError` otherwise. */
  async send(operation: string, key: string, outgoing: BucketRequest): Promise<Incoming> {
    const { headers, path, query, refused, ...rest } = outgoing
    const authorization = await this.#authorization(operation, key)
    return this.call(operation, key, async () => {
      const answer = await this.exchange.send({
        ...rest, url: `${this.#endpoint}${path}?${new URLSearchParams(query).toString()}`, headers: { ...headers, ...authorization }
      })
      if (answer.status >= 200 && answer.status <= 299) return answer
      const problem = new RefusedRequest(answer.status, await this.exchange.text(answer))
      throw refused?.(problem) ?? problem
    })
  }

  /** Sends a request with credentials; gives what the store says. */
  async sendForJson<A>(operation: string, key: string, outgoing: BucketRequest): Promise<A> {
    const answer = await this.send(operation, key, outgoing)
    return this.call(operation, key, async () => JSON.parse(await this.exchange.text(answer)) as A)
  }

  /** The failure behind a thrown error. */
  explain(operation: string, key: string, error: unknown): StorageError {
    return fromGcs(operation, key, error)
  }

  /** Does requests that may be given up while they are under way. */
  attempt<A>(operation: string, key: string, run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, StorageError> {
    return Effect.tryPromise({ try: run, catch: (error) => this.explain(operation, key, error) })
  }

  /** Path of an object in the JSON API. */
  pathOf(name: string): string {
    return `/storage/v1/b/${this.name}/o/${encodeURIComponent(name)}`
  }

  /** The name of a key's object. Throws. */
  nameOf(operation: string, key: string): string {
    return this.names.nameOf(operation, key)
  }

  /** The name of a key's object that is to be changed. Throws. */
  nameToChange(operation: string, key: string): string {
    const name = this.nameOf(operation, key)
    if (this.settings.readOnly) throw failure("PermissionDenied", operation, key, "the storage root was opened for reading only")
    return name
  }

  /** Whether objects can be looked for: the bucket is there, and the credentials are good for it. */
  async look(operation: string, key: string, signal?: AbortSignal): Promise<void> {
    const authorization = await this.#authorization(operation, key)
    try {
      await this.exchange.ask({
        method: "GET",
        url: `${this.#endpoint}/storage/v1/b/${this.name}/o?${new URLSearchParams({ maxResults: "1", prefix: this.names.root, fields: "nextPageToken" }).toString()}`,
        headers: authorization,
        ...(signal === undefined ? {} : { signal })
      })
      this.#seenAt = Date.now()
    } catch (error) {
      if (statusOf(error) === 404) throw this.gone(operation, key)
      throw this.explain(operation, key, error)
    }
  }

  /** What 404 means where no object was asked for. */
  gone(operation: string, key: string): StorageError {
    return failure("Unavailable", operation, key, `there is no bucket ${this.name}`, false)
  }

  close(): void {
    this.exchange.close()
  }

  /** An object is missed in the same words as a bucket. */
  async #checkThere(operation: string, key: string): Promise<void> {
    if (Date.now() - this.#seenAt > SEEN) await this.look(operation, key)
  }

  async #authorization(operation: string, key: string): Promise<Readonly<Record<string, string>>> {
    if (this.settings.anonymous) return {}
    try {
      const headers = await within(2 * this.settings.idleTimeout, this.#storage.authClient.getRequestHeaders(this.#endpoint))
      return Object.fromEntries(new Headers(headers))
    } catch (error) {
      const { kind, retry } = this.explain(operation, key, error)
      if (retry) throw failure(kind, operation, key, `no access token can be had (${systemCodeOf(error) || `HTTP ${statusOf(error)}`})`)
      throw failure("AuthExpired", operation, key, "no credentials were found, or they are not valid any more; gcloud auth application-default login makes new ones")
    }
  }
}

/** Whether a promise is settled in time; the SDK gives no other way to leave a request. */
const within = async <A>(millis: number, run: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([run, new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new SilentConnection()), millis) })])
  } finally {
    clearTimeout(timer)
  }
}

/** A generation as a version. */
export const versionOf = ({ generation }: ObjectResource): string | null => (generation === undefined ? null : String(generation))

/** Whether a version can be a generation. 0 means that there is no object. */
export const isGeneration = (version: string): boolean => /^[1-9][0-9]{0,18}$/.test(version)
