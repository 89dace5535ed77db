import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, ManagedRuntime, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Registry } from "../../src/ports/Registry.ts"
import { Sheaf as Facade } from "../../src/Promise.ts"
import { Sheaf } from "../../src/Sheaf.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Query } from "../../src/services/Query.ts"
import { Sql } from "../../src/services/Sql.ts"
import { writeTableFile } from "../../src/services/TableFile.ts"
import { make } from "../../src/testing/MemoryPorts.ts"
import { drivers, initialize, openInstance, temporaryFolder } from "../services/TemporaryInstance.ts"

const keys = Effect.flatMap(Artifacts, (artifacts) => Effect.map(Stream.runCollect(artifacts.list()), (all) => all.map(({ key }) => key)))

describe("an instance with its records in memory", () => {
  it("does everything without DuckDB being there, and leaves no registry file", () => {
    const folder = temporaryFolder()
    const directory = join(folder, "instance")
    mkdirSync(join(folder, "data"))
    for (const name of ["b.csv", "c.csv"]) writeFileSync(join(folder, "data", name), name)
    const printed = execFileSync(process.execPath, [join(import.meta.dirname, "WithoutDuckDbProcess.ts"), directory, join(folder, "data")], { encoding: "utf8" })
    expect(JSON.parse(printed)).toEqual({ unwell: [], keys: ["moved/b.csv", "moved/c.csv", "a.txt"] })
    expect(existsSync(join(directory, ".sheaf", "registry.duckdb"))).toBe(false)
  })

  it("lives as long as its registry, whoever opens it", async () => {
    const directory = join(temporaryFolder(), "instance")
    const registry = make()
    const sheaf = await Facade.init(directory, { drivers, registry })
    await sheaf.saveContent("x", { key: "x.txt" })
    await sheaf.close()
    await using again = await Facade.open(directory, { drivers, registry })
    expect((await again.get("x.txt")).size).toBe(1)
    await using other = await Facade.open(directory, { drivers, registry: make() })
    await expect(other.get("x.txt")).rejects.toMatchObject({ _tag: "NotFound" })
  })

  it("can be one that has its records in DuckDB otherwise, given its storage roots", async () => {
    const directory = join(temporaryFolder(), "instance")
    await initialize(directory)
    const kept = openInstance(directory)
    await kept.runPromise(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("kept", { key: "kept.txt" })))
    const roots = await kept.runPromise(Effect.flatMap(Registry, (service) => service.roots))
    const inMemory = ManagedRuntime.make(Sheaf.layer({ instance: directory, drivers, registry: make(roots) }))
    const saved = await inMemory.runPromise(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("tried", { key: "tried.txt" })))
    expect(existsSync(saved.artifact.path!)).toBe(true)
    expect(await inMemory.runPromise(keys)).toEqual(["tried.txt"])
    expect(await kept.runPromise(keys)).toEqual(["kept.txt"])
    await inMemory.dispose()
  })

  it("refuses what needs an SQL engine, and says so", async () => {
    const folder = temporaryFolder()
    const registry = make()
    await initialize(join(folder, "instance"), { registry })
    const runtime = openInstance(join(folder, "instance"), drivers, { registry })
    const sql = Effect.scoped(Effect.flatMap(Sql, (service) => service.query({ query: "SELECT 1" })))
    expect(await runtime.runPromise(Effect.flip(sql))).toMatchObject({ _tag: "InvalidInput", reason: "a registry in memory has no SQL engine" })
    const table = writeTableFile(Query.everything, join(folder, "table.csv"))
    expect(await runtime.runPromise(Effect.flip(table))).toMatchObject({ _tag: "InvalidInput", reason: "a registry in memory has no SQL engine" })
    expect(readdirSync(folder)).toEqual(["instance"])
  })
})
