/** One instance with roots in a directory, in S3 and in Google Cloud Storage (a strict fake), each of which goes away in turn. */
import { Effect, Exit, Scope } from "effect"
import { readdirSync, readFileSync, renameSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { strictGcs } from "../../storage-gcs/test/servers/StrictGcs.ts"
import { instance } from "./Cli.ts"
import { gateTo } from "./Gate.ts"
import { type MinioBucket, minioBucket } from "./MinioBucket.ts"

const BUCKET = "sheaf-three"
/** Names of the roots; `here` is the directory that an instance begins with. */
const ROOTS = ["here", "s3", "gcs"] as const
type RootName = (typeof ROOTS)[number]
/** Where second copies go. */
const SECOND: Readonly<Record<RootName, ReadonlyArray<RootName>>> = { here: ["gcs", "s3"], s3: ["here"], gcs: ["s3"] }
const FILES = ["both.csv", "deep/er/é b.csv", "only.csv"]

const scope = Effect.runSync(Scope.make())
let store: MinioBucket | null = null

beforeAll(async () => {
  store = await minioBucket(BUCKET)
  if (store !== null) Object.assign(process.env, store.environment)
})

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await store?.stop()
})

const contentOf = (root: RootName, name: string): string => `${name} in ${root}\n`

const filesBelow = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()

/** All files with their content, without those that are only in these roots. */
const expectedWithout = (away: ReadonlyArray<RootName>): Readonly<Record<string, string>> =>
  Object.fromEntries(ROOTS.flatMap((root) =>
    FILES.filter((name) => !away.includes(root) || (name === "both.csv" && SECOND[root].some((second) => !away.includes(second)))).map((name) => [`${root}/${name}`, contentOf(root, name)])))

it("an instance with a local root, one in S3 and one in Google Cloud Storage gives every byte back, and loses only what is in a root that is away", { timeout: 600_000 }, async (context) => {
  if (store === null) return context.skip()
  const gcs = await Effect.runPromise(Scope.provide(strictGcs(), scope))
  gcs.bucket(BUCKET)
  const gates = { s3: await gateTo(store.server.address.endpoint), gcs: await gateTo(gcs.endpoint) }
  const place = await instance()
  const local = join(place.directory, "storage")
  const nameOf = (root: RootName): string => (root === "here" ? local : root)
  await place.json("storage", "add", `s3://${BUCKET}/place?endpoint=${gates.s3.endpoint}`, "--name", "s3")
  await place.json("storage", "add", `gs://${BUCKET}/place?endpoint=${gates.gcs.endpoint}`, "--name", "gcs")
  for (const root of ROOTS) {
    for (const name of FILES) place.write(`${root}/${name}`, contentOf(root, name))
    const { counts, mode } = await place.json("ingest", root, "--storage", nameOf(root))
    expect({ counts, mode }).toMatchObject({ mode: "managed", counts: { files: FILES.length, created: FILES.length, failed: 0 } })
  }
  await place.json("collection", "create", "all", ...ROOTS.flatMap((root) => FILES.map((name) => `${root}/${name}`)))
  for (const root of ROOTS) {
    for (const second of SECOND[root]) await place.json("copy", `${root}/both.csv`, "--to", nameOf(second))
  }
  expect(await place.json("verify")).toMatchObject({ checked: 13, ok: 13, damaged: [], missing: [] })

  let exports = 0
  /** What an export of the collection gives, and its exit code. */
  const exported = async () => {
    const folder = `out-${++exports}`
    const { code } = await place.run("collection", "export", "all", folder)
    const out = join(place.directory, folder)
    return { code, files: Object.fromEntries(filesBelow(out).map((name) => [name, readFileSync(join(out, name), "utf8")])) }
  }
  expect(await exported()).toEqual({ code: 0, files: expectedWithout([]) })

  let round = 0
  const checkWithout = async (...away: ReadonlyArray<RootName>): Promise<void> => {
    const [gone] = away
    // A collection comes as far as it can.
    expect(await exported()).toEqual({ code: 10, files: expectedWithout(away) })
    expect(await place.failure("cat", `${gone}/only.csv`)).toMatchObject({ exit: 8, error: { code: "NoGoodLocation", reason: "unreachable" } })
    expect(await place.failure("get", `${gone}/only.csv`, "-o", "got.csv")).toMatchObject({ exit: 8 })
    expect(await place.run("cat", `${gone}/both.csv`)).toMatchObject({ code: 0, stdout: contentOf(gone!, "both.csv") })
    // Nothing can be written there, and everything elsewhere.
    place.write(`more/${++round}.csv`, `new ${round}`)
    expect(await place.failure("ingest", "more", "--storage", nameOf(gone!))).toMatchObject({ exit: 8 })
    for (const other of ROOTS.filter((root) => !away.includes(root))) {
      place.write(`more/${++round}.csv`, `new ${round}`)
      expect(await place.json("ingest", "more", "--storage", nameOf(other))).toMatchObject({ counts: { failed: 0 } })
      expect(await place.run("cat", `more/${round}.csv`)).toMatchObject({ code: 0, stdout: `new ${round}` })
      expect(await place.run("cat", `${other}/only.csv`)).toMatchObject({ code: 0, stdout: contentOf(other, "only.csv"), stderr: "" })
    }
    // What could not be reached is not taken for lost.
    expect((await place.json("show", `${gone}/only.csv`)).locations).toMatchObject([{ state: "ok" }])
  }

  renameSync(local, `${local} elsewhere`)
  await checkWithout("here")
  renameSync(`${local} elsewhere`, local)
  for (const name of ["s3", "gcs"] as const) {
    await gates[name].close()
    await checkWithout(name)
    await gates[name].open()
  }
  expect(await exported()).toEqual({ code: 0, files: expectedWithout([]) })
  await gates.s3.close()
  await gates.gcs.close()
  await checkWithout("s3", "gcs")
  await Promise.all([gates.s3.open(), gates.gcs.open()])
  const { checked, ok } = await place.json("verify")
  expect(ok).toBe(checked)
  await gates.s3.close()
  await gates.gcs.close()
})
