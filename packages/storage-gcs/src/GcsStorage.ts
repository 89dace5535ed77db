/**
 * A storage root that is a bucket in Google Cloud Storage, or a path in one.
 */
import { STORAGE_CONTRACT, Storage, type StorageCapabilities, type StorageDriver, type StorageError, type StorageHandle, type StorageProbe } from "@sheaf/core/ports/Storage"
import { Config, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { VERIFIABLE } from "@sheaf/core/workers/BodyDigests"
import { Bucket, type BucketSettings } from "./Bucket.ts"
import { DRIVER, failure } from "./GcsFailure.ts"
import { gcsUrl, type GcsPlace, isOfGoogle, parseGcsUrl, placeFrom } from "./GcsUrl.ts"
import { WriteMarks } from "./ObjectCommit.ts"
import { copyObject } from "./ObjectCopying.ts"
import { deleteObjects } from "./ObjectDeletion.ts"
import { listObjects } from "./ObjectListing.ts"
import { readObject, statObject } from "./ObjectReading.ts"
import { MAX_OBJECT, writeObject } from "./ObjectWriting.ts"
import { CHUNK_UNIT, ResumableUpload } from "./ResumableUpload.ts"

const VERSION = "0.0.0"

const MIB = 1024 * 1024
const CHUNK_SIZE = 8 * MIB
const IDLE_TIMEOUT = 60_000
const AT_ONCE = 16

/** How to open a bucket, or a path in one, as a storage root. */
export const Options = Schema.Struct({
  bucket: Schema.NonEmptyString,
  /** Path in the bucket below which the objects are. Default: the whole bucket. */
  prefix: Schema.optionalKey(Schema.String),
  /** URL of another server than Google's. Default: `STORAGE_EMULATOR_HOST`. */
  endpoint: Schema.optionalKey(Schema.NonEmptyString),
  /** Send no credentials; only to a named endpoint. Default: true for an endpoint that is not below `googleapis.com`, so that it sees no token unasked. */
  anonymous: Schema.optionalKey(Schema.Boolean),
  /** Content of a JSON file of credentials, such as a service account's key. Default: what the SDK finds (Application Default Credentials). */
  credentials: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
  /** Refuse every write. Default false. */
  readOnly: Schema.optionalKey(Schema.Boolean),
  /** Bytes of a chunk of a large object, and of the largest that is sent in one request: a multiple of 256 KiB, up to 1 GiB. Default 8 MiB. */
  chunkSize: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: CHUNK_UNIT, maximum: 1024 * MIB }), Schema.isMultipleOf(CHUNK_UNIT))),
  /** Milliseconds without a byte after which a connection counts as dead. Default 60,000. */
  idleTimeout: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0)))
})
export type Options = typeof Options.Type

/** Opens a bucket. Fails with `Unavailable` when it is not there, and with `AuthExpired` or `PermissionDenied` when it may not be used. */
export const make = (options: Options): Effect.Effect<StorageHandle, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const place = yield* parsed("open", () => placeFrom({
      bucket: options.bucket,
      prefix: (options.prefix ?? "").replace(/^\/+/, ""),
      endpoint: options.endpoint ?? null
    }))
    const { chunkSize = CHUNK_SIZE } = options
    if (chunkSize % CHUNK_UNIT !== 0) return yield* failure("Unsupported", "open", "", `chunkSize is a multiple of ${CHUNK_UNIT}`)
    if (options.anonymous === true && place.endpoint === null) return yield* failure("Unsupported", "open", "", "Google is not asked without credentials; anonymous needs an endpoint")
    const credentials = options.credentials === undefined ? null : credentialsIn(Redacted.value(options.credentials))
    if (credentials === undefined) return yield* failure("AuthExpired", "open", "", "credentials are not the content of a JSON file of credentials")
    return yield* openBucket(place, {
      readOnly: options.readOnly ?? false,
      anonymous: options.anonymous ?? (isForeign(place) && credentials === null),
      credentials,
      chunkSize,
      idleTimeout: options.idleTimeout ?? IDLE_TIMEOUT
    })
  })

/** A bucket as the storage of a program that works on one root. */
export const layer = (options: Options): Layer.Layer<Storage, StorageError> => Layer.effect(Storage, make(options))

/** The same with its options from the configuration. */
export const layerConfig = (config: Config.Wrap<Options>): Layer.Layer<Storage, StorageError | Config.ConfigError> =>
  Layer.effect(Storage, Effect.flatMap(Config.unwrap(config), make))

/** Buckets as storage roots, by URLs such as `gs://bucket/prefix`. */
export const driver: StorageDriver = {
  scheme: "gs",
  name: DRIVER,
  contract: STORAGE_CONTRACT,
  normalize: (url) => Effect.map(parsed("normalize", () => parseGcsUrl(url)), gcsUrl),
  // What a bucket is made with is the business of who pays for it. A root that was registered is where its URL says.
  open: (url, { readOnly }) => Effect.flatMap(parsed("open", () => parseGcsUrl(url, {})), (place) =>
    openBucket(place, { readOnly, anonymous: isForeign(place), credentials: null, chunkSize: CHUNK_SIZE, idleTimeout: IDLE_TIMEOUT }))
}

const isForeign = ({ endpoint }: GcsPlace): boolean => endpoint !== null && !isOfGoogle(endpoint)

const credentialsIn = (json: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

const parsed = (operation: string, parse: () => GcsPlace): Effect.Effect<GcsPlace, StorageError> =>
  Effect.try({ try: parse, catch: (error) => failure((error as StorageError).kind, operation, "", ((error as StorageError).cause as Error).message) })

const openBucket = (place: GcsPlace, settings: BucketSettings): Effect.Effect<StorageHandle, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const bucket = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => Bucket.open(place, settings),
        catch: (error) => failure("Unsupported", "open", "", `the SDK of Google Cloud Storage cannot be used (${(error as NodeJS.ErrnoException).code ?? "unknown"})`)
      }),
      (bucket) => Effect.sync(() => bucket.close())
    )
    yield* bucket.attempt("open", "", (signal) => bucket.look("open", "", signal))
    return handleOf(bucket)
  })

const handleOf = (bucket: Bucket): StorageHandle => {
  const { readOnly } = bucket.settings
  const marks = new WriteMarks()
  const capabilities: StorageCapabilities = {
    atomicCreate: true,
    atomicReplace: true,
    conditionalReplace: true,
    rangeRead: true,
    listOrdered: true,
    listStartAfter: true,
    emptyObject: true,
    copy: true,
    // Two requests are not one step.
    rename: false,
    multipart: { min: CHUNK_UNIT, max: MAX_OBJECT, maxParts: MAX_OBJECT / CHUNK_UNIT },
    maxObjectSize: MAX_OBJECT,
    maxKeyBytes: bucket.names.maxKeyBytes,
    keyCharset: "unicode",
    caseSensitive: true,
    checksumsReturned: ["md5"],
    checksumsVerified: VERIFIABLE,
    presign: false,
    localPath: false,
    hardLink: false,
    reflink: false,
    fsync: false,
    readOnly,
    concurrencyHint: AT_ONCE
  }
  const unsupported = (operation: string, key: string, detail: string): Effect.Effect<never, StorageError> =>
    Effect.flatMap(
      Effect.try({ try: () => bucket.nameOf(operation, key), catch: (error) => bucket.explain(operation, key, error) }),
      () => Effect.fail(failure("Unsupported", operation, key, detail))
    )
  let isWritable: boolean | null = readOnly ? false : null
  const probe = Effect.gen(function*() {
    const isReachable = yield* bucket.attempt("probe", "", (signal) => bucket.look("probe", "", signal)).pipe(
      Effect.as(true),
      Effect.catchIf((error) => error.kind === "Unavailable" || error.kind === "Timeout", () => Effect.succeed(false))
    )
    // What could be written to once is not asked again.
    if (isReachable && isWritable !== true && !readOnly) isWritable = yield* mayWrite(bucket)
    return { reachable: isReachable, writable: isReachable && isWritable === true, freeBytes: null, clockSkew: isReachable ? bucket.exchange.clockSkew : null } satisfies StorageProbe
  })
  return {
    info: { name: DRIVER, version: VERSION, contract: STORAGE_CONTRACT },
    capabilities,
    stat: (key) => statObject(bucket, key),
    read: (key, options) => readObject(bucket, key, options),
    write: (key, body, options) => writeObject(bucket, marks, key, body, options),
    delete: (keys) => deleteObjects(bucket, keys),
    list: (options) => listObjects(bucket, options),
    probe,
    rename: (from) => unsupported("rename", from, "Google Cloud Storage cannot rename an object in one step"),
    copy: (from, to) => copyObject(bucket, marks, from, to),
    localPath: (key) => unsupported("localPath", key, "objects in Google Cloud Storage have no path"),
    // What was acknowledged is durable.
    flush: Effect.void
  }
}

/** Whether an object could be written: an upload is begun, which makes nothing visible, and cancelled. */
const mayWrite = (bucket: Bucket): Effect.Effect<boolean, StorageError> =>
  Effect.uninterruptible(bucket.attempt("probe", "", async () => {
    const name = `${bucket.names.root}.sheaf/probe`
    const upload = await ResumableUpload.begin(bucket, new WriteMarks(), { operation: "probe", key: "", name, mode: "replace" }, null)
    await upload.dispose()
    return true
  })).pipe(Effect.catchIf((error) => error.kind === "PermissionDenied" || error.kind === "Unsupported", () => Effect.succeed(false)))
