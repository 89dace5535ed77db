import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { COMMAND, instance, type Workplace } from "./Cli.ts"

const storedIn = (place: Workplace): ReadonlyArray<string> =>
  readdirSync(join(place.directory, "storage"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "root.json")
    .map((entry) => join(entry.parentPath, entry.name).slice(join(place.directory, "storage").length + 1))
    .sort()

describe("convert", () => {
  it("moves objects to where their keys say and back, and leaves alone what stands in the way", async () => {
    const place = await instance()
    for (const name of ["raw/a.csv", "raw/sub/b.csv", "raw/100%.csv", "raw/neu é.csv"]) place.write(name, `${name}\n`)
    await place.json("ingest", "raw")
    const before = storedIn(place)
    const plan = await place.json("convert", "--to", "semantic", "raw/", "--dry-run")
    expect(plan.moves).toHaveLength(4)
    expect(storedIn(place)).toEqual(before)

    mkdirSync(join(place.directory, "storage/raw/sub"), { recursive: true })
    writeFileSync(join(place.directory, "storage/raw/sub/b.csv"), "somebody's own\n")
    const first = await place.run("convert", "--to", "semantic", "raw/", "--json")
    expect(first.code).toBe(10)
    expect(JSON.parse(first.stdout)).toMatchObject({ left: [{ key: "raw/sub/b.csv" }] })
    expect(readFileSync(join(place.directory, "storage/raw/sub/b.csv"), "utf8")).toBe("somebody's own\n")
    expect(existsSync(join(place.directory, "storage/raw/a.csv"))).toBe(true)
    expect(await place.json("show", "raw/a.csv")).toMatchObject({ keyIsVirtual: false, path: join(place.directory, "storage/raw/a.csv") })

    // What could not be moved keeps the place of its uid; a rename gives it no other.
    expect((await place.json("mv", "raw/", "bronze/")).objects).toHaveLength(3)
    expect((await place.json("convert", "--to", "semantic", "bronze/")).moves).toHaveLength(1)
    expect(existsSync(join(place.directory, "storage/bronze/neu é.csv"))).toBe(true)
    expect(existsSync(join(place.directory, "storage/raw/a.csv"))).toBe(false)
    expect((await place.json("convert", "--to", "virtual", "bronze/")).moves).toHaveLength(4)
    expect(storedIn(place)).toEqual([...before, "raw/sub/b.csv"].sort())
    expect(await place.json("verify")).toMatchObject({ checked: 4, ok: 4 })
  })

  it("killed at any moment and run again, it leaves every object where the registry says, and no second one", { timeout: 120_000 }, async () => {
    const place = await instance()
    for (let i = 0; i < 60; i++) place.write(`raw/${i}.csv`, `content ${i}\n`)
    await place.json("ingest", "raw")
    for (let round = 0; round < 8; round++) {
      const to = round % 2 === 0 ? "semantic" : "virtual"
      await new Promise((resolve) => {
        const child = spawn(process.execPath, [COMMAND, "convert", "--to", to, "raw/"], { cwd: place.directory, stdio: "ignore" })
        const timer = setTimeout(() => child.kill("SIGKILL"), 250 + round * 60)
        child.on("close", () => {
          clearTimeout(timer)
          resolve(undefined)
        })
      })
    }
    await place.json("convert", "--to", "semantic", "raw/")
    // Whoever writes next takes away what was left.
    place.write("more/last.csv", "last\n")
    await place.json("ingest", "more")
    expect(storedIn(place).filter((name) => !name.startsWith(".sheaf/"))).toHaveLength(60)
    expect(storedIn(place).filter((name) => /^\.sheaf\/[^/]{2}\//.test(name))).toHaveLength(1)
    expect(await place.json("verify")).toMatchObject({ checked: 61, ok: 61 })
  })
})
