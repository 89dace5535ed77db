/**
 * A storage root that is a bucket in S3, or a path in one.
 */
import { STORAGE_CONTRACT, Storage, type StorageCapabilities, type StorageDriver, type StorageError, type StorageHandle, type StorageProbe } from "@sheaf/core/ports/Storage"
import { Config, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { VERIFIABLE } from "@sheaf/core/workers/BodyDigests"
import { Bucket, type BucketSettings } from "./Bucket.ts"
import { firstObjects } from "./BucketAnswer.ts"
import { MultipartUpload, PARTS } from "./MultipartUpload.ts"
import { WriteMarks } from "./ObjectCommit.ts"
import { copyObject } from "./ObjectCopying.ts"
import { deleteObjects } from "./ObjectDeletion.ts"
import { listObjects } from "./ObjectListing.ts"
import { NOTICES } from "./ObjectNames.ts"
import { readObject, statObject } from "./ObjectReading.ts"
import { MAX_OBJECT, writeObject } from "./ObjectWriting.ts"
import { DRIVER, failure } from "./S3Failure.ts"
import { parseS3Url, placeFrom, type S3Place, s3Url } from "./S3Url.ts"
import { abortLeftovers, settleDoubts } from "./UploadNotices.ts"

const VERSION = "0.0.0"

const MIB = 1024 * 1024
/** Also the chunk of the hash `sha256-tree`. */
const PART_SIZE = 8 * MIB
const IDLE_TIMEOUT = 60_000
const AT_ONCE = 16

/** How to open a bucket, or a path in one, as a storage root. */
export const Options = Schema.Struct({
  bucket: Schema.NonEmptyString,
  /** Path in the bucket below which the objects are. Default: the whole bucket. */
  prefix: Schema.optionalKey(Schema.String),
  /** Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, that of the profile; `us-east-1` where an endpoint is named. */
  region: Schema.optionalKey(Schema.NonEmptyString),
  /** URL of a store other than AWS. Default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`. */
  endpoint: Schema.optionalKey(Schema.NonEmptyString),
  /** Name the bucket in the path instead of the host. Default: where an endpoint is named. */
  pathStyle: Schema.optionalKey(Schema.Boolean),
  /** Refuse every write. Default false. */
  readOnly: Schema.optionalKey(Schema.Boolean),
  /** Both or none. Default: what the SDK finds, as in the environment or a profile. */
  accessKeyId: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
  secretAccessKey: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
  sessionToken: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
  /** Bytes of a part of a large object, and of the largest that is sent in one request: 5 MiB to 1 GiB. Default 8 MiB. */
  partSize: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: PARTS.min, maximum: 1024 * MIB }))),
  /** Milliseconds without a byte after which a connection counts as dead. Default 60,000. */
  idleTimeout: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0)))
})
export type Options = typeof Options.Type

/** Opens a bucket. Fails with `Unavailable` when it is not there, and with `AuthExpired` or `PermissionDenied` when it may not be used. */
export const make = (options: Options): Effect.Effect<StorageHandle, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const { accessKeyId, secretAccessKey, sessionToken } = options
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
      return yield* failure("AuthExpired", "open", "", "of accessKeyId and secretAccessKey one is missing")
    }
    const place = yield* parsed("open", () => placeFrom({
      bucket: options.bucket,
      prefix: (options.prefix ?? "").replace(/^\/+/, ""),
      region: options.region ?? null,
      endpoint: options.endpoint ?? null,
      pathStyle: options.pathStyle ?? null
    }))
    return yield* openBucket(place, {
      readOnly: options.readOnly ?? false,
      credentials: accessKeyId === undefined || secretAccessKey === undefined ? null : {
        accessKeyId: Redacted.value(accessKeyId),
        secretAccessKey: Redacted.value(secretAccessKey),
        ...(sessionToken === undefined ? {} : { sessionToken: Redacted.value(sessionToken) })
      },
      partSize: options.partSize ?? PART_SIZE,
      idleTimeout: options.idleTimeout ?? IDLE_TIMEOUT
    })
  })

/** A bucket as the storage of a program that works on one root. */
export const layer = (options: Options): Layer.Layer<Storage, StorageError> => Layer.effect(Storage, make(options))

/** The same with its options from the configuration. */
export const layerConfig = (config: Config.Wrap<Options>): Layer.Layer<Storage, StorageError | Config.ConfigError> =>
  Layer.effect(Storage, Effect.flatMap(Config.unwrap(config), make))

/** Buckets as storage roots, by URLs such as `s3://bucket/prefix?region=eu-central-1`. */
export const driver: StorageDriver = {
  scheme: "s3",
  name: DRIVER,
  normalize: (url) => Effect.map(parsed("normalize", () => parseS3Url(url)), s3Url),
  // What a bucket is made with is the business of who pays for it.
  open: (url, { readOnly }) => Effect.flatMap(parsed("open", () => parseS3Url(url)), (place) =>
    openBucket(place, { readOnly, credentials: null, partSize: PART_SIZE, idleTimeout: IDLE_TIMEOUT }))
}

const parsed = (operation: string, parse: () => S3Place): Effect.Effect<S3Place, StorageError> =>
  Effect.try({ try: parse, catch: (error) => failure((error as StorageError).kind, operation, "", ((error as StorageError).cause as Error).message) })

const openBucket = (place: S3Place, settings: BucketSettings): Effect.Effect<StorageHandle, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const bucket = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => Bucket.open(place, settings),
        catch: (error) => failure("Unsupported", "open", "", `the SDK of S3 cannot be loaded (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`)
      }),
      ({ client }) => Effect.sync(() => client.destroy())
    )
    yield* Effect.tryPromise({
      try: () => bucket.client.config.region(),
      catch: () => failure("Unsupported", "open", "", "no region is known: add ?region=REGION to the URL, or set AWS_REGION")
    })
    yield* bucket.attempt("open", "", (signal) => settings.readOnly ? lookInto(bucket, "open", signal) : abortLeftovers(bucket))
    if (!settings.readOnly) yield* Effect.addFinalizer(() => Effect.promise(() => settleDoubts(bucket)))
    return handleOf(bucket)
  })

/** One request that succeeds where the bucket is there and may be listed. */
const lookInto = async (bucket: Bucket, operation: string, signal: AbortSignal): Promise<void> => {
  await firstObjects(bucket, operation, bucket.names.root, { atMost: 1, signal })
}

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
    multipart: { ...PARTS, size: bucket.settings.partSize },
    maxObjectSize: MAX_OBJECT,
    maxKeyBytes: bucket.names.maxKeyBytes,
    keyCharset: "unicode",
    caseSensitive: true,
    checksumsReturned: ["md5", "sha256"],
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
    const isReachable = yield* bucket.attempt("probe", "", (signal) => lookInto(bucket, "probe", signal)).pipe(
      Effect.as(true),
      Effect.catchIf((error) => error.kind === "Unavailable" || error.kind === "Timeout", () => Effect.succeed(false))
    )
    // What could be written to once is not asked again.
    if (isReachable && isWritable !== true && !readOnly) isWritable = yield* mayWrite(bucket)
    return { reachable: isReachable, writable: isReachable && isWritable === true, freeBytes: null, clockSkew: isReachable ? bucket.clockSkew : null } satisfies StorageProbe
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
    rename: (from) => unsupported("rename", from, "S3 cannot rename an object in one step"),
    copy: (from, to) => copyObject(bucket, marks, from, to),
    localPath: (key) => unsupported("localPath", key, "objects in S3 have no path"),
    // What was acknowledged is durable.
    flush: Effect.void
  }
}

/** Whether an object could be written: an upload is begun, which makes nothing visible, and aborted. */
const mayWrite = (bucket: Bucket): Effect.Effect<boolean, StorageError> => {
  const name = `${bucket.names.root}${NOTICES}probe`
  return Effect.uninterruptible(bucket.attempt("probe", "", async () => {
    await (await MultipartUpload.begin(bucket, new WriteMarks(), { operation: "probe", key: "", name, mode: "replace" })).dispose()
    return true
  })).pipe(Effect.catchIf((error) => error.kind === "PermissionDenied" || error.kind === "Unsupported", () => Effect.succeed(false)))
}
