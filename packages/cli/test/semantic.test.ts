/** Key policy `semantic`: the path of a key holds what the key points at, through new versions, renames, deletions and kills. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { COMMAND, instance, type Workplace } from "./Cli.ts"

const semantic = async (): Promise<Workplace> => {
  const place = await instance()
  await place.json("config", "set", "keyPolicy", "semantic")
  return place
}

const at = (place: Workplace, name: string): string => readFileSync(join(place.directory, "storage", name), "utf8")

/** Files of the root outside `.sheaf/`, and how many objects are inside. */
const standing = (place: Workplace): { readonly named: ReadonlyArray<string>; readonly virtual: number } => {
  const root = join(place.directory, "storage")
  const all = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== "root.json")
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  return { named: all.filter((name) => !name.startsWith(".sheaf/")).sort(), virtual: all.filter((name) => /^\.sheaf\/[^/]{2}\//.test(name)).length }
}

describe("under key policy semantic", () => {
  it("a new version takes the key's path, and the older one keeps its bytes", async () => {
    const place = await semantic()
    for (const content of ["one", "two", "three"]) {
      place.write("raw/a.txt", content)
      const saved = await place.json("add", "raw/a.txt", "--key", "raw/a.txt")
      expect(saved.artifact).toMatchObject({ keyIsVirtual: false, path: join(place.directory, "storage/raw/a.txt") })
    }
    expect(at(place, "raw/a.txt")).toBe("three")
    for (const [i, content] of ["one", "two", "three"].entries()) expect((await place.run("cat", `raw/a.txt@${i + 1}`)).stdout).toBe(content)
    expect(standing(place)).toEqual({ named: ["raw/a.txt"], virtual: 2 })
    expect(await place.json("verify")).toMatchObject({ checked: 3, ok: 3 })
  })

  it("an ingest does the same for a tree, and leaves alone what is not its own", async () => {
    const place = await semantic()
    const write = (round: string) => {
      for (let i = 0; i < 30; i++) place.write(`in/d${i % 3}/${i}.txt`, `${i < 20 ? round : ""} ${i}\n`)
    }
    mkdirSync(join(place.directory, "storage/set/d0"), { recursive: true })
    writeFileSync(join(place.directory, "storage/set/d0/0.txt"), "somebody's own")
    for (const round of ["first", "second", "third"]) {
      write(round)
      await place.json("ingest", "in", "--key", "set")
    }
    expect(at(place, "set/d0/0.txt")).toBe("somebody's own")
    for (let i = 1; i < 20; i++) expect(at(place, `set/d${i % 3}/${i}.txt`)).toBe(`third ${i}\n`)
    expect((await place.run("cat", "set/d0/0.txt@2")).stdout).toBe("second 0\n")
    expect(standing(place)).toMatchObject({ virtual: 20 * 2 + 1 })
    expect(await place.json("verify")).toMatchObject({ checked: 70, ok: 70 })
  })

  it("a rename moves the object, says what could not follow, and frees the path for others", async () => {
    const place = await semantic()
    for (const name of ["a", "b", "c"]) place.write(`raw/${name}.txt`, name)
    await place.json("ingest", "raw")
    mkdirSync(join(place.directory, "storage/bronze"))
    writeFileSync(join(place.directory, "storage/bronze/c.txt"), "somebody's own")
    const moved = await place.run("mv", "raw/", "bronze/")
    expect(moved.stdout).toContain("2 objects moved")
    expect(moved.stderr).toContain("the object of bronze/c.txt stays at raw/c.txt")
    expect(standing(place).named).toEqual(["bronze/a.txt", "bronze/b.txt", "bronze/c.txt", "raw/c.txt"])
    expect((await place.run("cat", "bronze/c.txt")).stdout).toBe("c")
    // Each into the place of the other.
    await place.json("mv", "bronze/a.txt", "x.txt")
    await place.json("mv", "bronze/b.txt", "bronze/a.txt")
    await place.json("mv", "x.txt", "bronze/b.txt")
    expect([at(place, "bronze/a.txt"), at(place, "bronze/b.txt")]).toEqual(["b", "a"])
    // The object that could not follow makes room for a new artifact.
    place.write("new.txt", "new")
    await place.json("add", "new.txt", "--key", "raw/c.txt")
    expect(at(place, "raw/c.txt")).toBe("new")
    expect((await place.run("cat", "bronze/c.txt")).stdout).toBe("c")
    expect(await place.json("verify")).toMatchObject({ checked: 4, ok: 4 })
  })

  it("what is in the trash makes room as well, and comes back", async () => {
    const place = await semantic()
    let trashed = ""
    for (const content of ["old", "new"]) {
      place.write("a.txt", content)
      const saved = await place.json("add", "a.txt", "--key", "k.txt")
      if (content === "new") continue
      trashed = saved.artifact.uid
      await place.json("rm", "k.txt")
    }
    expect(at(place, "k.txt")).toBe("new")
    await place.json("rm", "k.txt")
    await place.json("restore", trashed)
    expect((await place.run("cat", "k.txt")).stdout).toBe("old")
    expect(at(place, "k.txt")).toBe("old")
  })

  it("killed while it renames, every object is where the registry says, and the same again does the rest", { timeout: 120_000 }, async () => {
    const place = await semantic()
    for (let i = 0; i < 400; i++) place.write(`k0/${i}.csv`, `content ${i}\n`)
    await place.json("ingest", "k0", "--key", "k0")
    let killed = 0
    for (let round = 0; round < 8; round++) {
      const name = (await place.run("ls", "--json")).stdout.includes("k0/") ? 0 : 1
      await new Promise((resolve) => {
        const child = spawn(process.execPath, [COMMAND, "mv", `k${name}/`, `k${1 - name}/`], { cwd: place.directory, stdio: "ignore" })
        const timer = setTimeout(() => child.kill("SIGKILL"), 300 + round * 25)
        child.on("close", (code) => {
          clearTimeout(timer)
          if (code === null) killed++
          resolve(undefined)
        })
      })
      expect(await place.json("verify")).toMatchObject({ checked: 400, ok: 400 })
    }
    expect(killed).toBeGreaterThan(0)
    const name = (await place.run("ls", "--json")).stdout.includes("k0/") ? 0 : 1
    await place.json("convert", "--to", "semantic", `k${name}/`)
    place.write("more.csv", "more\n")
    await place.json("add", "more.csv", "--key", "more.csv")
    const { named, virtual } = standing(place)
    expect([named.filter((path) => path.startsWith(`k${name}/`)).length, named.length, virtual]).toEqual([400, 401, 0])
    expect(existsSync(join(place.directory, "storage", `k${1 - name}`))).toBe(false)
  })
})
