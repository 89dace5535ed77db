/**
 * Ingest killed with SIGKILL at random moments, its whole process group, and then run to the end.
 *
 * `SHEAF_KILLS` and `SHEAF_KILL_FILES` make the run longer, `SHEAF_KILL_SEED` repeats one.
 */
import { DuckDBInstance } from "@duckdb/node-api"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { COMMAND, instance, type Workplace } from "./Cli.ts"
import { seeded } from "./Seeded.ts"

const KILLS = Number(process.env["SHEAF_KILLS"] ?? 12)
const FILES = Number(process.env["SHEAF_KILL_FILES"] ?? 3_000)
const SEED = Number(process.env["SHEAF_KILL_SEED"] ?? Date.now() % 1_000_000)

const nameOf = (i: number): string => `d${String(Math.floor(i / 100)).padStart(3, "0")}/f${i}.txt`

/** Every twentieth file is a copy of the one before it, and a few are empty. */
const contentOf = (i: number, generation: number): string =>
  i % 97 === 0 ? "" : `${i % 20 === 7 ? i - 1 : i} of generation ${generation}\n`.repeat(1 + (i % 40))

const writeAll = (folder: string, generation: number): void => {
  for (let i = 0; i < FILES; i++) {
    if (i % 100 === 0) mkdirSync(join(folder, nameOf(i), ".."), { recursive: true })
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

/** Runs ingest in a process group of its own and kills the group after some milliseconds; says whether it was still running then. */
const runAndKill = (place: Workplace, after: number): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [COMMAND, "ingest", "data", "--quiet"], { cwd: place.directory, stdio: "ignore", detached: true })
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), after)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve(code === null)
    })
  })

/** Object files of a storage root, by their path below it. */
const objectsOf = (root: string): ReadonlyArray<string> =>
  readdirSync(join(root, ".sheaf"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => path !== ".sheaf/root.json")
    .sort()

/** What the tables themselves say. */
const examine = async (place: Workplace) => {
  const db = await DuckDBInstance.create(":memory:")
  const connection = await db.connect()
  await connection.run(`ATTACH '${join(place.directory, ".sheaf", "registry.duckdb")}' AS reg (READ_ONLY)`)
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS() as ReadonlyArray<Record<string, any>>
  const [sums] = await rows(`SELECT
      (SELECT count(*) - count(DISTINCT uid) FROM reg.artifact) AS twice_uid,
      (SELECT count(*) - count(DISTINCT key) FROM reg.key) AS twice_key,
      (SELECT count(*) FROM (SELECT stem FROM reg.artifact GROUP BY stem HAVING count(*) FILTER (WHERE is_latest) <> 1)) AS families_without_one_latest,
      (SELECT count(*) FROM reg.key k ANTI JOIN reg.artifact a ON a.uid = k.artifact) AS keys_to_nothing,
      (SELECT count(*) FROM reg.artifact a ANTI JOIN reg.location l ON l.artifact = a.uid AND l.state = 'ok') AS without_bytes,
      (SELECT count(*) FROM reg.journal) AS open_operations`)
  const keys = await rows("SELECT k.key, a.hash, a.size FROM reg.key k JOIN reg.artifact a ON a.uid = k.artifact")
  const objects = (await rows("SELECT object_key FROM reg.location ORDER BY 1")).map((row) => row["object_key"] as string)
  connection.closeSync()
  db.closeSync()
  return { sums: Object.fromEntries(Object.entries(sums!).map(([name, n]) => [name, Number(n)])), keys, objects }
}

it(`loses nothing and leaves nothing behind, killed ${KILLS} times over ${FILES} files (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  const random = seeded(SEED)
  const place = await instance()
  const data = join(place.directory, "data")
  writeAll(data, 0)
  let whole = 4_000
  let generation = 0
  let hit = 0
  for (let round = 0; round < KILLS; round++) {
    if (random() < 0.3) writeAll(data, ++generation)
    if (await runAndKill(place, random() * whole)) hit++
    else if (round % 2 === 0) writeAll(data, ++generation)
    // The registry opens after every kill.
    await place.json("info")
    if (round === 0) whole = await runToEnd(place)
  }
  expect(hit, "a run that was not killed proves nothing").toBeGreaterThan(KILLS / 4)
  await runToEnd(place)
  const again = await place.json("ingest", "data")
  expect(again.counts).toMatchObject({ files: FILES, existing: FILES, failed: 0 })
  const { keys, objects, sums } = await examine(place)
  expect(sums).toEqual({
    twice_uid: 0, twice_key: 0, families_without_one_latest: 0, keys_to_nothing: 0, without_bytes: 0, open_operations: 0
  })
  expect(keys.length).toBe(FILES)
  const byKey = new Map(keys.map((row) => [row["key"], row]))
  for (let i = 0; i < FILES; i++) {
    const bytes = readFileSync(join(data, nameOf(i)))
    expect(byKey.get(`data/${nameOf(i)}`), nameOf(i)).toMatchObject({ hash: createHash("md5").update(bytes).digest("base64url"), size: BigInt(bytes.length) })
  }
  expect(objectsOf(join(place.directory, "storage"))).toEqual(objects)
  expect(await place.json("verify")).toMatchObject({ checked: objects.length, ok: objects.length, damaged: [], missing: [] })
  process.stdout.write(`killed ${hit} of ${KILLS} runs, ${generation + 1} generations of ${FILES} files, ${objects.length} objects\n`)
})
