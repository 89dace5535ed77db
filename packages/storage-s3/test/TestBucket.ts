/** Empty places in a test server, and a look at them that is not the driver's. */
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import type { StorageError, StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Redacted, type Scope } from "effect"
import { make, type Options } from "../src/index.ts"
import type { ServerAddress } from "./servers/TestServer.ts"

const BUCKET = "sheaf-tests"

export interface TestPlace {
  readonly options: Options
  readonly bucket: string
  readonly prefix: string
  /** A client of the tests' own, straight to the server. */
  readonly client: S3Client
  /** Names of all objects below the prefix, without it. */
  readonly names: () => Promise<ReadonlyArray<string>>
  /** Uploads of an object that are neither completed nor aborted. */
  readonly uploads: (key: string) => Promise<number>
}

const clientOf = ({ accessKeyId, endpoint, secretAccessKey }: ServerAddress): S3Client =>
  new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, requestChecksumCalculation: "WHEN_REQUIRED" })

let places = 0

/** A new empty place; `proxy` is the endpoint that the driver is told instead of the server's. */
export const testPlace = (server: ServerAddress, more: Partial<Options> = {}): Effect.Effect<TestPlace, never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* Effect.acquireRelease(Effect.sync(() => clientOf(server)), (client) => Effect.sync(() => client.destroy()))
    yield* Effect.promise(() => client.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error: Error) => {
      if (error.name !== "BucketAlreadyOwnedByYou" && error.name !== "BucketAlreadyExists") throw error
    }))
    const prefix = `place-${process.pid}-${++places}`
    return {
      client,
      bucket: BUCKET,
      prefix,
      options: {
        bucket: BUCKET, prefix, region: "us-east-1", endpoint: server.endpoint,
        accessKeyId: Redacted.make(server.accessKeyId), secretAccessKey: Redacted.make(server.secretAccessKey), ...more
      },
      names: async () => {
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${prefix}/` }))
        return Contents.map(({ Key }) => Key!.slice(prefix.length + 1))
      },
      uploads: async (key) => {
        const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: `${prefix}/${key}` }))
        return Uploads.length
      }
    }
  })

/** A new empty place, opened. */
export const opened = (server: ServerAddress, more: Partial<Options> = {}): Effect.Effect<TestPlace & { readonly storage: StorageHandle }, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const place = yield* testPlace(server, more)
    return { ...place, storage: yield* make(place.options) }
  })
