/** Storage roots in S3, by the command line. */
import { CreateBucketCommand, DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startMinio } from "../../storage-s3/test/servers/Minio.ts"
import { refuseMissing, sayMissed, type TestServer } from "../../storage-s3/test/servers/TestServer.ts"
import { checkArtifact, md5 } from "./ArtifactShape.ts"
import { finished, instance, PACKAGE, start, workplace } from "./Cli.ts"

const BUCKET = "sheaf-command"
let server: TestServer | null = null
let client: S3Client
let roots = 0

beforeAll(async () => {
  server = await startMinio()
  if (server === null) {
    refuseMissing("minio")
    return sayMissed("minio")
  }
  const { accessKeyId, endpoint, secretAccessKey } = server.address
  client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey })
})

afterAll(() => server?.stop())

/** A URL for a root of one's own. */
const rootUrl = (): { readonly url: string; readonly prefix: string } => {
  const prefix = `root ${++roots}`
  return { url: `s3://${BUCKET}/${prefix}/?endpoint=${server!.address.endpoint}`, prefix }
}

const namesBelow = async (prefix: string): Promise<ReadonlyArray<string>> => {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${prefix}/` }))
  return Contents.map(({ Key }) => Key!.slice(prefix.length + 1))
}

describe("a storage root in S3", () => {
  it("is added, filled, read, verified and forgotten", async (context) => {
    if (server === null) return context.skip()
    const { prefix, url } = rootUrl()
    const place = await instance()
    const root = await place.json("storage", "add", url, "--name", "cloud")
    expect(root).toMatchObject({
      scheme: "s3", name: "cloud", default: false, readOnly: false, url: `s3://${BUCKET}/${encodeURIComponent(prefix)}?region=us-east-1&endpoint=${server.address.endpoint}&path-style=true`
    })
    expect(await place.failure("storage", "add", url)).toMatchObject({ exit: 4 })
    place.write("plate.csv", "well,signal\nA1,0.93\n")
    const { artifact } = await place.json("add", "plate.csv", "--key", "raw/plate.csv", "--storage", "cloud")
    checkArtifact(artifact)
    expect(artifact).toMatchObject({ storage: root.url, hash: md5("well,signal\nA1,0.93\n") })
    expect(artifact.path.startsWith(`s3://${BUCKET}/`)).toBe(true)
    const names = await namesBelow(prefix)
    expect(names.filter((name) => name !== ".sheaf/root.json")).toEqual([expect.stringMatching(/^\.sheaf\/[0-9A-Za-z]{2}\/[0-9A-Za-z]{20}\.csv$/)])
    expect(names).toHaveLength(2)

    const cat = await place.run("cat", "raw/plate.csv")
    expect(cat).toMatchObject({ code: 0, stdout: "well,signal\nA1,0.93\n" })
    await place.json("get", "raw/plate.csv", "-o", "again.csv")
    expect(readFileSync(join(place.directory, "again.csv"), "utf8")).toBe("well,signal\nA1,0.93\n")
    const path = (await place.run("get", "raw/plate.csv")).stdout.trim()
    expect(readFileSync(path, "utf8")).toBe("well,signal\nA1,0.93\n")
    expect((await place.json("cache", "raw/plate.csv")).cachedAt).toBe(path)
    expect(await place.json("verify")).toMatchObject({ checked: 1, ok: 1 })
    expect(await place.json("storage", "verify", "cloud")).toMatchObject({ wrote: true, driver: { name: "s3" } })
    expect((await place.run("doctor")).code).toBe(0)

    expect(await place.failure("storage", "remove", "cloud")).toMatchObject({ exit: 4 })
    await place.json("copy", "raw/plate.csv", "--to", join(place.directory, "storage"))
    await place.json("storage", "remove", "cloud")
    expect(await namesBelow(prefix)).toHaveLength(1)
    expect((await place.run("cat", "raw/plate.csv")).stdout).toBe("well,signal\nA1,0.93\n")
  })

  it("is the first root of an instance, takes large files, and tells damaged and missing objects", async (context) => {
    if (server === null) return context.skip()
    const { prefix, url } = rootUrl()
    const place = workplace()
    await place.json("init", "--storage", url)
    expect(await place.json("init", "--storage", url)).toMatchObject({ created: false })
    const large = "0123456789abcdef".repeat(1_200_000)
    place.write("large.txt", large)
    place.write("small.txt", "small")
    place.write("gone.txt", "gone")
    await place.json("add", "large.txt", "--key", "large.txt")
    await place.json("add", "small.txt", "--key", "small.txt")
    await place.json("add", "gone.txt", "--key", "gone.txt")
    expect(await place.json("verify")).toMatchObject({ checked: 3, ok: 3 })
    const ran = await place.run("cat", "large.txt")
    expect(ran.stdout === large).toBe(true)

    const keyOf = async (key: string): Promise<string> => `${prefix}/${(await place.json("show", key)).path.split("/").slice(-3).join("/")}`
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: await keyOf("small.txt"), Body: "smell" }))
    await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: await keyOf("gone.txt") }))
    const verified = await place.run("verify", "--json")
    expect(verified.code).toBe(5)
    expect(JSON.parse(verified.stdout)).toMatchObject({ checked: 3, ok: 1, damaged: [{ expected: md5("small"), found: md5("smell") }], missing: [{}] })
    expect(await place.failure("cat", "small.txt")).toMatchObject({ exit: 5 })
  })

  it("takes a directory, and registers objects where they are from its listing", async (context) => {
    if (server === null) return context.skip()
    const { prefix, url } = rootUrl()
    const place = await instance()
    await place.json("storage", "add", url, "--name", "cloud")
    for (let n = 0; n < 30; n++) place.write(`run/${n % 3}/${n}.csv`, `content ${n % 25}`)
    const copied = await place.json("ingest", "run", "--storage", "cloud")
    expect(copied).toMatchObject({ mode: "managed", counts: { files: 30, created: 25, aliased: 5, failed: 0 } })
    expect(await namesBelow(prefix)).toHaveLength(26)
    expect(await place.json("ingest", "run", "--storage", "cloud")).toMatchObject({ counts: { existing: 30 } })

    for (const name of ["legacy/a b.csv", "legacy/é/b.csv", "legacy/c%.csv"]) await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/${name}`, Body: name }))
    const found = await place.json("ingest", `s3://${BUCKET}/${prefix}/legacy?endpoint=${server.address.endpoint}`)
    expect(found).toMatchObject({ mode: "in-place", counts: { files: 3, created: 3, failed: 0 } })
    const shown = await place.json("show", "legacy/é/b.csv")
    expect(shown).toMatchObject({ hash: md5("legacy/é/b.csv"), hashType: "md5" })
    expect((await place.run("cat", "legacy/a b.csv")).stdout).toBe("legacy/a b.csv")
    expect(await place.json("verify", "--storage", "cloud")).toMatchObject({ checked: 28, ok: 28 })
  })

  it("holds folders, file by file, and copies of them", async (context) => {
    if (server === null) return context.skip()
    const { prefix, url } = rootUrl()
    const place = await instance()
    await place.json("storage", "add", url, "--name", "cloud")
    place.write("image.zarr/.zattrs", "{}")
    place.write("image.zarr/0/ü 0.0", "abc")
    const { artifact } = await place.json("add", "image.zarr", "--folder", "--key", "image.zarr", "--storage", "cloud")
    expect(artifact).toMatchObject({ nFiles: 2, size: 5 })
    expect((await namesBelow(prefix)).map((name) => name.replace(/^\.sheaf\/..\/[0-9A-Za-z]{20}/, "UID"))).toEqual(expect.arrayContaining([".sheaf/root.json", "UID.zarr/.zattrs", "UID.zarr/0/ü 0.0"]))
    expect(await place.run("cat", "image.zarr/0/ü 0.0")).toMatchObject({ code: 0, stdout: "abc" })
    expect(await place.run("get", "image.zarr")).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("sheaf get REF -o PATH") })
    expect((await place.json("show", "image.zarr")).locations).toMatchObject([{ state: "ok" }])
    await place.json("export", "image.zarr", "exported")
    expect(readFileSync(join(place.directory, "exported/image.zarr/.zattrs"), "utf8")).toBe("{}")
    await place.json("get", "image.zarr", "-o", "out.zarr")
    expect(readFileSync(join(place.directory, "out.zarr/0/ü 0.0"), "utf8")).toBe("abc")
    expect(await place.json("copy", "image.zarr", "--to", join(place.directory, "storage"))).toMatchObject({ copied: true })
    expect(await place.json("verify")).toMatchObject({ checked: 4, ok: 4 })
    expect((await place.run("get", "image.zarr")).code).toBe(0)
    await place.json("rm", "image.zarr", "--permanent", "--yes")
    expect(await namesBelow(prefix)).toEqual([".sheaf/root.json"])
    expect((await place.run("doctor")).code).toBe(0)
  })

  it("of another instance is not written into", async (context) => {
    if (server === null) return context.skip()
    const { url } = rootUrl()
    await (await instance()).json("storage", "add", url)
    const other = await instance()
    expect(await other.failure("storage", "add", url)).toMatchObject({ exit: 4, error: { code: "StorageRootProblem" } })
    await other.json("storage", "add", url, "--read-only")
  })

  it("that cannot be used says why, without a word of the credentials", async (context) => {
    if (server === null) return context.skip()
    const place = await instance()
    const failing = async (url: string, env: Readonly<Record<string, string>> = {}) => {
      const ran = await finished(start(place.directory, ["--json", "--verbose", "storage", "add", url], env))
      for (const secret of [server!.address.secretAccessKey, "hush-hush-hush"]) expect(ran.stdout + ran.stderr).not.toContain(secret)
      return { exit: ran.code, kind: JSON.parse(ran.stderr.trim().split("\n").at(-1)!).error.kind }
    }
    const endpoint = server.address.endpoint
    expect(await failing(`s3://no-such-bucket?endpoint=${endpoint}`)).toEqual({ exit: 8, kind: "Unavailable" })
    expect(await failing(`s3://${BUCKET}?endpoint=http://127.0.0.1:9`)).toEqual({ exit: 8, kind: "Unavailable" })
    expect(await failing(`s3://${BUCKET}?endpoint=${endpoint}`, { AWS_SECRET_ACCESS_KEY: "hush-hush-hush" })).toEqual({ exit: 7, kind: "PermissionDenied" })
    expect(await failing(`s3://user:hush-hush-hush@${BUCKET}?endpoint=${endpoint}`)).toEqual({ exit: 1, kind: "KeyInvalid" })
    expect(await failing(`s3://${BUCKET}?endpoint=${endpoint}&secret_key=hush-hush-hush`)).toEqual({ exit: 1, kind: "KeyInvalid" })
  })
})

describe("the suite for storage drivers on a root in S3", () => {
  it("leaves nothing in the bucket when it is stopped", async (context) => {
    if (server === null) return context.skip()
    const { prefix, url } = rootUrl()
    const place = await instance()
    await place.json("storage", "add", url, "--name", "cloud")
    const before = await namesBelow(prefix)
    const child = start(place.directory, ["--json", "storage", "verify", "cloud", "--conformance", "--yes"])
    const ran = finished(child)
    while (!(await namesBelow(prefix)).some((name) => name.startsWith(".sheaf/verify-"))) continue
    child.kill("SIGINT")
    const { code, stdout } = await ran
    expect(code).toBe(130)
    expect(JSON.parse(stdout).conformance).toMatchObject({ failed: 0, interrupted: true, leftover: null })
    expect(await namesBelow(prefix)).toEqual(before)
  })
})

describe("the SDK of S3", () => {
  it("is a part of the command that is loaded only when a root in S3 is opened", async () => {
    const place = await instance()
    place.write("a.txt", "content")
    await place.json("add", "a.txt", "--key", "a.txt")
    const dist = join(PACKAGE, "dist")
    const parts = readdirSync(dist).filter((name) => name.endsWith(".js") && readFileSync(join(dist, name), "utf8").includes('"S3Client"'))
    expect(parts.length).toBeGreaterThan(0)
    /** Files of the command that a run of it has loaded. */
    const loaded = async (...args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
      const folder = mkdtempSync(join(place.directory, "coverage-"))
      await finished(start(place.directory, args, { NODE_V8_COVERAGE: folder }))
      return readdirSync(folder).flatMap((name) =>
        (JSON.parse(readFileSync(join(folder, name), "utf8")) as { readonly result: ReadonlyArray<{ readonly url: string }> }).result.map(({ url }) => basename(url)))
    }
    for (const args of [["cat", "a.txt"], ["storage", "list"], ["verify"]]) {
      const files = await loaded(...args)
      expect(files.some((name) => name.startsWith("CoreServices-"))).toBe(true)
      expect(files.filter((name) => parts.includes(name))).toEqual([])
    }
    expect((await loaded("storage", "add", "s3://bucket?endpoint=http://127.0.0.1:9")).filter((name) => parts.includes(name))).not.toEqual([])
  })
})
