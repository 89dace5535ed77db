/**
 * Ingest into a root in S3, killed with SIGKILL at random moments, its whole process group, and then run to the end.
 *
 * `SHEAF_KILLS` and `SHEAF_KILL_FILES` make the run longer, `SHEAF_KILL_SEED` repeats one.
 */
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect, Exit, Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type FaultProxy, faultProxy, type SeenRequest } from "../../storage-s3/test/servers/FaultProxy.ts"
import { COMMAND, workplace, type Workplace } from "./Cli.ts"
import { type MinioBucket, minioBucket } from "./MinioBucket.ts"
import { seeded } from "./Seeded.ts"

const KILLS = Number(process.env["SHEAF_KILLS"] ?? 4)
const FILES = Number(process.env["SHEAF_KILL_FILES"] ?? 300)
const SEED = Number(process.env["SHEAF_KILL_SEED"] ?? Date.now() % 1_000_000)
/** Goes in parts. */
const LARGE = 20 * 1024 * 1024

const scope = Effect.runSync(Scope.make())
let store: MinioBucket | null = null
let proxy: FaultProxy

beforeAll(async () => {
  store = await minioBucket("sheaf-killed")
  if (store === null) return
  proxy = await Effect.runPromise(Scope.provide(faultProxy(store.server.address.endpoint), scope))
  Object.assign(process.env, store.environment)
})

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await store?.stop()
})

const nameOf = (i: number): string => (i === 0 ? "large.bin" : `d${String(Math.floor(i / 100)).padStart(3, "0")}/f${i}.txt`)

/** Every twentieth small file is a copy of the one before it. */
const contentOf = (i: number, generation: number): Buffer => {
  const line = `${i % 20 === 7 ? i - 1 : i} of generation ${generation}\n`
  return i === 0 ? Buffer.alloc(LARGE, line) : Buffer.from(line.repeat(1 + (i % 40)))
}

const writeAll = (folder: string, generation: number): void => {
  for (let i = 0; i < FILES; i++) {
    if (i % 100 === 0) mkdirSync(join(folder, `d${String(i / 100).padStart(3, "0")}`), { recursive: true })
    writeFileSync(join(folder, nameOf(i)), contentOf(i, generation))
  }
}

/** Runs ingest to its end; how long it took, in milliseconds. */
const runToEnd = async (place: Workplace): Promise<number> => {
  const started = performance.now()
  const { code, stderr } = await place.run("ingest", "data", "--quiet")
  expect(code, stderr).toBe(0)
  return performance.now() - started
}

/**
 * When to kill: after some milliseconds, or while the Nth request that changes the bucket, or that is about an upload in parts, is on its way, which then
 * still arrives.
 */
type Moment = { readonly milliseconds: number } | { readonly change: number } | { readonly part: number }

const isChange = ({ method }: SeenRequest): boolean => method !== "GET" && method !== "HEAD"
const isOfParts = (one: SeenRequest): boolean => isChange(one) && /[?&]upload(?:s|Id)\b/.test(one.url)

/** Runs a command in a process group of its own and kills the group; says whether it was still running then. */
const runAndKill = (place: Workplace, moment: Moment, args: ReadonlyArray<string> = ["ingest", "data", "--quiet"]): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd: place.directory, stdio: "ignore", detached: true })
    let isRunning = true
    const kill = (): void => {
      if (isRunning) process.kill(-child.pid!, "SIGKILL")
    }
    const timer = "milliseconds" in moment ? setTimeout(kill, moment.milliseconds) : null
    if (!("milliseconds" in moment)) {
      let left = "part" in moment ? moment.part : moment.change
      const counts = "part" in moment ? isOfParts : isChange
      proxy.before((one) => isRunning && counts(one) && --left === 0, async () => kill())
    }
    child.on("close", (code) => {
      isRunning = false
      if (timer !== null) clearTimeout(timer)
      resolve(code === null)
    })
  })

/** What the tables themselves say. */
const examine = async (place: Workplace) => {
  const db = await DuckDBInstance.create(":memory:")
  const connection = await db.connect()
  await connection.run(`ATTACH '${join(place.directory, ".sheaf", "registry.duckdb")}' AS reg (READ_ONLY)`)
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS() as ReadonlyArray<Record<string, any>>
  const [sums] = await rows(`SELECT
      (SELECT count(*) - count(DISTINCT uid) FROM reg.artifact) AS twice_uid,
      (SELECT count(*) - count(DISTINCT (hash, size)) FROM reg.artifact) AS twice_content,
      (SELECT count(*) - count(DISTINCT key) FROM reg.key) AS twice_key,
      (SELECT count(*) - count(DISTINCT object_key) FROM reg.location) AS twice_object,
      (SELECT count(*) FROM reg.key k ANTI JOIN reg.artifact a ON a.uid = k.artifact) AS keys_to_nothing,
      (SELECT count(*) FROM reg.artifact a ANTI JOIN reg.location l ON l.artifact = a.uid AND l.state = 'ok') AS without_bytes,
      (SELECT count(*) FROM reg.journal) AS open_operations`)
  const keys = await rows("SELECT k.key, a.size, l.object_key FROM reg.key k JOIN reg.artifact a ON a.uid = k.artifact JOIN reg.location l ON l.artifact = a.uid")
  const objects = (await rows("SELECT object_key FROM reg.location")).map((row) => row["object_key"] as string).sort()
  connection.closeSync()
  db.closeSync()
  return { sums: Object.fromEntries(Object.entries(sums!).map(([name, n]) => [name, Number(n)])), keys, objects }
}

it("sees uploads in parts that are not finished", async (context) => {
  if (store === null) return context.skip()
  const at = { Bucket: store.bucket, Key: "elsewhere/begun.bin" }
  const { UploadId } = await store.client.send(new CreateMultipartUploadCommand(at))
  await store.client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "a part" }))
  expect(store.unfinishedUploads()).toHaveLength(1)
  await store.client.send(new AbortMultipartUploadCommand({ ...at, UploadId }))
  expect(store.unfinishedUploads()).toEqual([])
})

it(`an ingest into S3 loses nothing and leaves nothing behind, killed ${KILLS} times over ${FILES} files (seed ${SEED})`, { timeout: 3_600_000 }, async (context) => {
  if (store === null) return context.skip()
  const random = seeded(SEED)
  const place = workplace()
  await place.json("init", "--storage", `s3://${store.bucket}/root?endpoint=${proxy.endpoint}`)
  const data = join(place.directory, "data")
  writeAll(data, 0)
  let whole = 5_000
  let generation = 0
  let hit = 0
  let leftUploads = 0
  let leftObjects = 0
  for (let round = 0; round < KILLS; round++) {
    const at = random()
    const moment = round % 3 === 0 ? { part: 1 + Math.floor(at * 5) } : round % 3 === 1 ? { change: 1 + Math.floor(at * FILES) } : { milliseconds: at * whole }
    const isKilled = await runAndKill(place, moment)
    if (isKilled) hit++
    leftUploads += store.unfinishedUploads().length
    leftObjects += (await store.names("root")).length - 1 - (await examine(place)).objects.length
    // The registry opens after every kill.
    await place.json("info")
    if (round === 0) whole = await runToEnd(place)
    // Where nothing is left to do, there is new content.
    if (round % 3 !== 1 || !isKilled || random() < 0.3) writeAll(data, ++generation)
  }
  expect(hit, "a run that was not killed proves nothing").toBeGreaterThan(KILLS / 4)
  await runToEnd(place)
  expect((await place.json("ingest", "data")).counts).toMatchObject({ files: FILES, existing: FILES, failed: 0 })

  const { keys, objects, sums } = await examine(place)
  expect(sums).toEqual({ twice_uid: 0, twice_content: 0, twice_key: 0, twice_object: 0, keys_to_nothing: 0, without_bytes: 0, open_operations: 0 })
  expect(keys.length).toBe(FILES)
  expect((await store.names("root")).filter((name) => name !== ".sheaf/root.json")).toEqual(objects)
  expect(store.unfinishedUploads()).toEqual([])
  const byKey = new Map(keys.map((row) => [row["key"] as string, row["object_key"] as string]))
  const wrong: Array<string> = []
  for (let i = 0; i < FILES; i++) {
    const objectKey = byKey.get(`data/${nameOf(i)}`)
    if (objectKey === undefined || !(await store.read(`root/${objectKey}`)).equals(readFileSync(join(data, nameOf(i))))) wrong.push(nameOf(i))
  }
  expect(wrong).toEqual([])
  expect(await place.json("verify")).toMatchObject({ checked: objects.length, ok: objects.length, damaged: [], missing: [] })
  process.stdout.write(
    `killed ${hit} of ${KILLS} runs, ${generation + 1} generations of ${FILES} files, ${objects.length} objects; left by kills: ${leftObjects} objects, ${leftUploads} uploads in parts\n`
  )
})

it("a folder that is killed on its way into S3 leaves nothing once the next command has written there", { timeout: 300_000 }, async (context) => {
  if (store === null) return context.skip()
  const place = workplace()
  await place.json("init", "--storage", `s3://${store.bucket}/folders?endpoint=${proxy.endpoint}`)
  for (let i = 0; i < 60; i++) place.write(`tree/${i % 7}/${i}.txt`, `file ${i}`)
  const objects = async () => (await store!.names("folders")).filter((name) => name !== ".sheaf/root.json")
  let left = 0
  for (const change of [3, 30, 60]) {
    expect(await runAndKill(place, { change }, ["add", "tree", "--folder", "--key", "tree"])).toBe(true)
    left += (await objects()).length
    if (change === 30) {
      await place.json("gc", "--yes")
      expect(await objects()).toEqual([])
    }
  }
  expect(left).toBeGreaterThan(0)
  await place.json("add", "tree", "--folder", "--key", "tree")
  expect(await objects()).toHaveLength(60)
  expect(await place.json("verify")).toMatchObject({ checked: 60, ok: 60 })
})
