/**
 * A bucket as the operations of this driver reach it: the client of the SDK, which is loaded here and not before, and what they share.
 */
import type { S3Client } from "@aws-sdk/client-s3"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import type { RequestPattern } from "./DirectRequest.ts"
import { ObjectNames } from "./ObjectNames.ts"
import { codeOf, failure, fromS3 } from "./S3Failure.ts"
import type { S3Place } from "./S3Url.ts"

export interface BucketSettings {
  readonly readOnly: boolean
  /** Keys to sign with, or null for what the SDK finds: environment, profiles, single sign-on, instance metadata. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | null
  /** Bytes of a part of a large object, and of the largest object that is sent in one request. */
  readonly partSize: number
  /** Milliseconds without a byte in either direction after which a connection counts as dead. */
  readonly idleTimeout: number
}

/** Milliseconds for making a connection. */
const CONNECT_TIMEOUT = 10_000
/** Environment variables with secrets in them. */
const SECRET_VARIABLES = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN"]

type Sdk = typeof import("./Sdk.ts")

export class Bucket {
  readonly sdk: Sdk
  readonly client: S3Client
  /** Its name. */
  readonly name: string
  readonly names: ObjectNames
  readonly settings: BucketSettings
  /** Milliseconds that the store's clock was ahead of ours at the last answer, or null. */
  clockSkew: number | null = null
  /** What requests for single objects are made after, or null before the first one succeeded. */
  pattern: RequestPattern | null = null
  /** Announcements of uploads of which it is not known whether they are there. */
  readonly doubts = new Set<string>()
  readonly #secrets: ReadonlyArray<string>

  private constructor(sdk: Sdk, place: S3Place, settings: BucketSettings) {
    const { credentials } = settings
    this.sdk = sdk
    this.name = place.bucket
    this.names = new ObjectNames(place.prefix)
    this.settings = settings
    this.#secrets = [
      ...(credentials === null ? [] : [credentials.secretAccessKey, credentials.sessionToken ?? ""]),
      ...SECRET_VARIABLES.map((name) => process.env[name] ?? "")
    ].filter((secret) => secret.length >= 8)
    this.client = new sdk.S3Client({
      ...(place.region === null ? {} : { region: place.region }),
      ...(place.endpoint === null ? { followRegionRedirects: true } : { endpoint: place.endpoint }),
      ...(credentials === null ? {} : { credentials }),
      forcePathStyle: place.pathStyle,
      // Who repeats a call has to know that it did: a create repeated unseen finds its own object.
      maxAttempts: 1,
      // Each request brings an MD5 of its own, which every store checks.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_SUPPORTED",
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT, socketTimeout: settings.idleTimeout }
    })
    this.#watchClock()
  }

  /** Loads the SDK and makes a client; nothing is sent. */
  static async open(place: S3Place, settings: BucketSettings): Promise<Bucket> {
    return new Bucket(await import("./Sdk.ts"), place, settings)
  }

  /** Does requests; what they throw becomes a `StorageError`. */
  async call<A>(operation: string, key: string, run: () => Promise<A>): Promise<A> {
    try {
      return await run()
    } catch (error) {
      // The SDK has learnt the store's time from this answer.
      if (codeOf(error) === "RequestTimeTooSkewed") return run().catch((again: unknown) => { throw this.explain(operation, key, again) })
      throw this.explain(operation, key, error)
    }
  }

  /** The failure behind a thrown error. */
  explain(operation: string, key: string, error: unknown): StorageError {
    return fromS3(operation, key, error, this.#secrets)
  }

  /** Does requests that may be given up while they are under way. */
  attempt<A>(operation: string, key: string, run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, StorageError> {
    return Effect.tryPromise({ try: (signal) => this.call(operation, key, () => run(signal)), catch: (error) => this.explain(operation, key, error) })
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

  /** Every answer carries the store's time, in whole seconds. `sent` is when its request went out. */
  sawClock(header: string | undefined, sent: number): void {
    const date = Date.parse(header ?? "")
    if (Number.isNaN(date)) return
    const skew = date + 500 - (sent + Date.now()) / 2
    this.clockSkew = Math.abs(skew) <= 1000 + (Date.now() - sent) / 2 ? 0 : Math.round(skew)
  }

  #watchClock(): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const sent = Date.now()
        const result = await next(args)
        this.sawClock((result.response as { readonly headers?: Readonly<Record<string, string>> }).headers?.["date"], sent)
        return result
      },
      { step: "deserialize", priority: "low", name: "sheafClock" }
    )
  }
}

/** An ETag as a version: without its quotes. */
export const versionOf = (etag: string | undefined): string | null => (etag === undefined || etag === "" ? null : etag.replace(/^(?:W\/)?"(.*)"$/, "$1"))

/** A version as the value of `If-Match`. */
export const asEtag = (version: string): string => `"${version}"`

/** Waits; ends early when the signal is given. */
export const pause = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, millis)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener("abort", done)
      resolve()
    }
    signal?.addEventListener("abort", done, { once: true })
    if (signal?.aborted === true) done()
  })

/** How often a request is done before what it is part of fails. */
const ATTEMPTS = 4

/** Does again what may succeed when it is done again, with longer and longer pauses, until the signal is given. */
export const repeat = async <A>(run: () => Promise<A>, signal?: AbortSignal): Promise<A> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === ATTEMPTS || (error as StorageError).retry !== true || signal?.aborted === true) throw error
      await pause(100 * 2 ** attempt, signal)
    }
  }
}
