/** A bucket in a MinIO of the test file's own, and a look at it that is not the product's. */
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { type MinioServer, startMinio } from "../../storage-s3/test/servers/Minio.ts"
import { refuseMissing, sayMissed } from "../../storage-s3/test/servers/TestServer.ts"

export interface MinioBucket {
  readonly server: MinioServer
  readonly bucket: string
  /** Straight to the server. */
  readonly client: S3Client
  /** What a command needs in its environment. */
  readonly environment: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string }
  /** Names of all objects below a prefix, without it, sorted. */
  readonly names: (prefix: string) => Promise<ReadonlyArray<string>>
  readonly read: (name: string) => Promise<Buffer>
  /** Uploads in parts, of any object, that are neither completed nor aborted: as the server keeps them, since it lists only those of a name that is known. */
  readonly unfinishedUploads: () => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** Null, with a line about it, where there is no MinIO; a failure where `CI` is set. */
export const minioBucket = async (bucket: string): Promise<MinioBucket | null> => {
  const server = await startMinio()
  if (server === null) {
    refuseMissing("minio")
    sayMissed("minio")
    return null
  }
  const { accessKeyId, endpoint, secretAccessKey } = server.address
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    server,
    bucket,
    client,
    environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    names: async (prefix) => {
      const found: Array<string> = []
      for (let token: string | undefined; ;) {
        const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}/`, ContinuationToken: token }))
        for (const { Key } of page.Contents ?? []) found.push(Key!.slice(prefix.length + 1))
        token = page.NextContinuationToken
        if (token === undefined) return found.sort()
      }
    },
    read: async (name) => Buffer.from(await (await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }))).Body!.transformToByteArray()),
    unfinishedUploads: () => {
      const folder = join(server.data, ".minio.sys", "multipart")
      return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as ReadonlyArray<string>).filter((path) => path.endsWith("xl.meta")) : []
    },
    stop: async () => {
      client.destroy()
      await server.stop()
    }
  }
}
