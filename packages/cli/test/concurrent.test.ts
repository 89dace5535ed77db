/** Several processes on one instance. */
import { spawn } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { finished, instance, start } from "./Cli.ts"

const FILES = 4_000

const write = (folder: string, of: (i: number) => string): void => {
  for (let i = 0; i < FILES; i++) {
    const directory = join(folder, `d${Math.floor(i / 200)}`)
    if (i % 200 === 0) mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `f${i}.txt`), of(i))
  }
}

it("two ingests of other folders and two of the same finish with nothing lost and nothing twice, while others read", { timeout: 120_000 }, async () => {
  const place = await instance()
  write(join(place.directory, "a"), (i) => `a ${i}`)
  // Half of b is what a holds.
  write(join(place.directory, "b"), (i) => (i % 2 === 0 ? `a ${i}` : `b ${i}`))
  const ingests = ["a", "b", "a"].map((folder) => finished(start(place.directory, ["ingest", folder, "--json"])))
  let running = true
  const all = Promise.all(ingests).finally(() => {
    running = false
  })
  let reads = 0
  do {
    const listed = await place.json("ls")
    expect(Array.isArray(listed)).toBe(true)
    reads++
  } while (running)
  const summaries = (await all).map(({ code, stderr, stdout }) => {
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout)
  })
  expect(reads).toBeGreaterThan(0)
  for (const { counts } of summaries) {
    expect(counts.files).toBe(FILES)
    expect(counts.created + counts.existing + counts.aliased).toBe(FILES)
  }
  const created = summaries.reduce((sum, { counts }) => sum + counts.created, 0)
  expect(created).toBe(FILES + FILES / 2)
  const info = await place.json("info")
  expect(info).toMatchObject({ artifacts: created, keys: 2 * FILES })
  const objects = readdirSync(join(place.directory, "storage", ".sheaf"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== "root.json")
  expect(objects.length).toBe(created)
  expect(await place.json("verify")).toMatchObject({ checked: created, ok: created })
})

it("names the process that holds the registry when the wait is over, exit 6", async () => {
  const place = await instance()
  const path = join(place.directory, ".sheaf", "registry.duckdb")
  const script = `import("@duckdb/node-api").then(async ({ DuckDBInstance }) => {
    const db = await DuckDBInstance.create(${JSON.stringify(path)}); globalThis.db = db; console.log("held"); setInterval(() => {}, 1000) })`
  const holder = spawn(process.execPath, ["-e", script], { cwd: join(import.meta.dirname, ".."), stdio: ["ignore", "pipe", "inherit"] })
  try {
    await new Promise((resolve) => holder.stdout.once("data", resolve))
    const { error, exit } = await place.failure("ls", "--lock-timeout", "0.2")
    expect(exit).toBe(6)
    expect(error).toMatchObject({ code: "RegistryBusy", pid: holder.pid })
    expect(error.command).toContain("node")
    expect(error.message).toContain(String(holder.pid))
  } finally {
    holder.kill("SIGKILL")
  }
  expect(await place.json("ls")).toEqual([])
})
