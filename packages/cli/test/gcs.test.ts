/** Storage roots in Google Cloud Storage, by the command line, on the strict fake of its driver's tests. */
import { Effect, Exit, Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type StrictGcs, strictGcs } from "../../storage-gcs/test/servers/StrictGcs.ts"
import { checkArtifact, md5 } from "./ArtifactShape.ts"
import { instance, start, finished, workplace } from "./Cli.ts"

const BUCKET = "sheaf-command"
const scope = Effect.runSync(Scope.make())
let gcs: StrictGcs
let roots = 0

beforeAll(async () => {
  gcs = await Effect.runPromise(Scope.provide(strictGcs(), scope))
  gcs.bucket(BUCKET)
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** A URL for a root of one's own. */
const rootUrl = (): { readonly url: string; readonly prefix: string } => {
  const prefix = `root ${++roots}`
  return { url: `gs://${BUCKET}/${prefix}/?endpoint=${gcs.endpoint}`, prefix }
}

const namesBelow = (prefix: string): ReadonlyArray<string> =>
  gcs.bucket(BUCKET).all().map(({ name }) => name).filter((name) => name.startsWith(`${prefix}/`)).map((name) => name.slice(prefix.length + 1))

describe("a storage root in Google Cloud Storage", () => {
  it("is added, filled, read, verified and forgotten", async () => {
    const { prefix, url } = rootUrl()
    const place = await instance()
    const root = await place.json("storage", "add", url, "--name", "cloud")
    expect(root).toMatchObject({
      scheme: "gs", name: "cloud", default: false, readOnly: false, url: `gs://${BUCKET}/${encodeURIComponent(prefix)}?endpoint=${gcs.endpoint}`
    })
    expect(await place.failure("storage", "add", url)).toMatchObject({ exit: 4 })
    place.write("plate.csv", "well,signal\nA1,0.93\n")
    const { artifact } = await place.json("add", "plate.csv", "--key", "raw/plate.csv", "--storage", "cloud")
    checkArtifact(artifact)
    expect(artifact).toMatchObject({ storage: root.url, hash: md5("well,signal\nA1,0.93\n") })
    expect(artifact.path.startsWith(`gs://${BUCKET}/`)).toBe(true)
    expect(namesBelow(prefix)).toHaveLength(2)
    expect(namesBelow(prefix)).toEqual(expect.arrayContaining([".sheaf/root.json", expect.stringMatching(/^\.sheaf\/[0-9A-Za-z]{2}\/[0-9A-Za-z]{20}\.csv$/)]))

    expect(await place.run("cat", "raw/plate.csv")).toMatchObject({ code: 0, stdout: "well,signal\nA1,0.93\n", stderr: "" })
    await place.json("get", "raw/plate.csv", "-o", "again.csv")
    expect(readFileSync(join(place.directory, "again.csv"), "utf8")).toBe("well,signal\nA1,0.93\n")
    expect(await place.json("verify")).toMatchObject({ checked: 1, ok: 1 })
    expect(await place.json("storage", "verify", "cloud")).toMatchObject({ wrote: true, driver: { name: "gcs" } })
    expect((await place.run("doctor")).code).toBe(0)

    expect(await place.failure("storage", "remove", "cloud")).toMatchObject({ exit: 4 })
    await place.json("copy", "raw/plate.csv", "--to", join(place.directory, "storage"))
    await place.json("storage", "remove", "cloud")
    expect(namesBelow(prefix)).toHaveLength(1)
    expect((await place.run("cat", "raw/plate.csv")).stdout).toBe("well,signal\nA1,0.93\n")
  })

  it("is the first root of an instance, takes large files, and tells damaged and missing objects", async () => {
    const { prefix, url } = rootUrl()
    const place = workplace()
    await place.json("init", "--storage", url)
    expect(await place.json("init", "--storage", url)).toMatchObject({ created: false })
    const large = "0123456789abcdef".repeat(1_200_000)
    place.write("large.txt", large)
    place.write("small.txt", "small")
    place.write("gone.txt", "gone")
    for (const name of ["large.txt", "small.txt", "gone.txt"]) await place.json("add", name, "--key", name)
    expect(await place.json("verify")).toMatchObject({ checked: 3, ok: 3 })
    expect(gcs.uploads.open()).toBe(0)
    const ran = await place.run("cat", "large.txt")
    expect(ran.stdout === large).toBe(true)

    const nameOf = async (key: string): Promise<string> => `${prefix}/${(await place.json("show", key)).path.split("/").slice(-3).join("/")}`
    gcs.bucket(BUCKET).put(await nameOf("small.txt"), Buffer.from("smell"), {}, new URLSearchParams())
    gcs.bucket(BUCKET).delete(await nameOf("gone.txt"), new URLSearchParams())
    const verified = await place.run("verify", "--json")
    expect(verified.code).toBe(5)
    expect(JSON.parse(verified.stdout)).toMatchObject({ checked: 3, ok: 1, damaged: [{ expected: md5("small"), found: md5("smell") }], missing: [{}] })
    expect(await place.failure("cat", "small.txt")).toMatchObject({ exit: 5 })

    await place.json("rm", "large.txt", "--permanent", "--yes")
    expect(namesBelow(prefix).filter((name) => name.endsWith(".txt"))).toHaveLength(1)
  })

  it("takes a directory, and registers objects where they are from its listing", async () => {
    const { prefix, url } = rootUrl()
    const place = await instance()
    await place.json("storage", "add", url, "--name", "cloud")
    for (let n = 0; n < 30; n++) place.write(`run/${n % 3}/${n}.csv`, `content ${n % 25}`)
    const copied = await place.json("ingest", "run", "--storage", "cloud")
    expect(copied).toMatchObject({ mode: "managed", counts: { files: 30, created: 25, aliased: 5, failed: 0 } })
    expect(namesBelow(prefix)).toHaveLength(26)
    expect(await place.json("ingest", "run", "--storage", "cloud")).toMatchObject({ counts: { existing: 30 } })

    const bucket = gcs.bucket(BUCKET)
    for (const name of ["legacy/a b.csv", "legacy/é/b.csv", "legacy/c%.csv"]) bucket.put(`${prefix}/${name}`, Buffer.from(name), {}, new URLSearchParams())
    bucket.put(`${prefix}/legacy/composed.csv`, Buffer.from("no MD5"), {}, new URLSearchParams(), 2)
    const found = await place.run("--json", "ingest", `gs://${BUCKET}/${prefix}/legacy?endpoint=${gcs.endpoint}`)
    expect(found.code).toBe(10)
    expect(JSON.parse(found.stdout)).toMatchObject({ mode: "in-place", counts: { files: 4, created: 3, failed: 1 } })
    expect(await place.json("show", "legacy/é/b.csv")).toMatchObject({ hash: md5("legacy/é/b.csv"), hashType: "md5" })
    expect((await place.run("cat", "legacy/a b.csv")).stdout).toBe("legacy/a b.csv")
    const again = await place.json("ingest", `gs://${BUCKET}/${prefix}/legacy?endpoint=${gcs.endpoint}`, "--rehash")
    expect(again).toMatchObject({ counts: { files: 4, created: 1, existing: 3, failed: 0 } })
    expect(await place.json("verify", "--storage", "cloud")).toMatchObject({ checked: 29, ok: 29 })
  })

  it("of another instance is not written into", async () => {
    const { url } = rootUrl()
    await (await instance()).json("storage", "add", url)
    const other = await instance()
    expect(await other.failure("storage", "add", url)).toMatchObject({ exit: 4, error: { code: "StorageRootProblem" } })
    await other.json("storage", "add", url, "--read-only")
  })

  it("that cannot be used says why, without a word of credentials", async () => {
    const place = await instance()
    const failing = async (url: string, env: Readonly<Record<string, string>> = {}) => {
      const ran = await finished(start(place.directory, ["--json", "--verbose", "storage", "add", url], env))
      expect(ran.stdout + ran.stderr).not.toContain("hush-hush-hush")
      return { exit: ran.code, kind: JSON.parse(ran.stderr.trim().split("\n").at(-1)!).error.kind }
    }
    const noCredentials = { GOOGLE_APPLICATION_CREDENTIALS: "", HOME: place.directory, CLOUDSDK_CONFIG: place.directory, METADATA_SERVER_DETECTION: "none" }
    expect(await failing(`gs://no-such-bucket?endpoint=${gcs.endpoint}`)).toEqual({ exit: 8, kind: "Unavailable" })
    expect(await failing(`gs://${BUCKET}?endpoint=http://127.0.0.1:9`)).toEqual({ exit: 8, kind: "Unavailable" })
    expect(await failing(`gs://${BUCKET}/a`, noCredentials)).toEqual({ exit: 7, kind: "AuthExpired" })
    expect(await failing(`gs://user:hush-hush-hush@${BUCKET}`)).toEqual({ exit: 1, kind: "KeyInvalid" })
    expect(await failing(`gs://${BUCKET}?token=hush-hush-hush`)).toEqual({ exit: 1, kind: "KeyInvalid" })
  })
})
