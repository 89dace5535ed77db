import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { findInstance, loadInstance } from "../../src/services/Instance.ts"
import { setConfig } from "../../src/services/InstanceConfig.ts"
import { Sheaf } from "../../src/Sheaf.ts"
import { drivers, initialize, openInstance, temporaryFolder, temporaryInstance } from "./TemporaryInstance.ts"
import type { InitOptions } from "../../src/services/InstanceInit.ts"

const initFails = (directory: string, options: InitOptions = {}) => Effect.runPromise(Effect.flip(Sheaf.init(directory, { ...options, drivers })))

/** Every path below a folder, to see that nothing was changed. */
const below = (folder: string): ReadonlyArray<string> => (readdirSync(folder, { recursive: true }) as Array<string>).sort()

describe("making an instance", () => {
  it("makes missing parents, a registry with the default root, and marks the root", async () => {
    const directory = join(temporaryFolder(), "a", "b")
    const { created, instance, storage } = await initialize(directory, { hash: "sha256", name: "lab" })
    expect(created).toBe(true)
    expect(instance.config).toMatchObject({ format: 1, name: "lab", hash: "sha256", keyPolicy: "virtual", onDuplicate: "alias", durability: "full" })
    expect(storage.url).toBe(`file://${directory}/storage`)
    expect(JSON.parse(readFileSync(join(directory, "storage", ".sheaf", "root.json"), "utf8"))).toEqual({ format: 1, root: storage.uid, instance: instance.config.uid })
    const roots = await openInstance(directory).runPromise(Effect.flatMap(Registry, (registry) => registry.roots))
    expect(roots).toEqual([storage])
  })

  it("does nothing the second time, and refuses other settings then", async () => {
    const directory = temporaryFolder()
    const first = await initialize(directory)
    const files = below(directory)
    const second = await initialize(directory, { storage: join(directory, "storage") })
    expect(second).toEqual({ ...first, created: false })
    const other = await initFails(directory, { storage: join(directory, "elsewhere") })
    expect(other).toMatchObject({ _tag: "InstanceConflict", exitCode: EXIT.conflict })
    expect(other.hint).toContain("sheaf storage add")
    expect(await initFails(directory, { hash: "sha256" })).toMatchObject({ _tag: "InstanceConflict" })
    expect(below(directory)).toEqual(files)
  })

  it("is refused inside another instance, and inside a storage root of another one", async () => {
    const outer = temporaryFolder()
    await initialize(outer)
    expect(await initFails(join(outer, "storage", "inner"))).toMatchObject({ _tag: "InstanceConflict", directory: join(outer, "storage", "inner") })
    const data = temporaryFolder()
    await initialize(temporaryFolder(), { storage: data })
    const inRoot = await initFails(join(data, "deep", "inner"))
    expect(inRoot).toMatchObject({ _tag: "InstanceConflict" })
    expect(inRoot.message).toContain("a storage root of another instance")
    expect(existsSync(join(data, "deep"))).toBe(false)
  })

  it("cannot take the storage root of another instance, nor a folder below it", async () => {
    const data = temporaryFolder()
    await initialize(temporaryFolder(), { storage: data })
    for (const storage of [data, join(data, "below")]) {
      const folder = temporaryFolder()
      const error = await initFails(join(folder, "mine"), { storage })
      expect(error).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.conflict })
      expect(below(folder)).toEqual([])
    }
  })

  it("works around data that is there already, and inside it", async () => {
    const data = temporaryFolder()
    mkdirSync(join(data, "raw"))
    writeFileSync(join(data, "raw", "a.csv"), "1")
    await initialize(join(data, "instance"), { storage: data })
    const { outcome, artifact, key } = await openInstance(join(data, "instance")).runPromise(
      Effect.flatMap(Artifacts, (artifacts) => artifacts.save(join(data, "raw", "a.csv"))))
    expect({ outcome, key, path: artifact.path, keyIsVirtual: artifact.keyIsVirtual }).toEqual({
      outcome: "created", key: "raw/a.csv", path: join(data, "raw", "a.csv"), keyIsVirtual: false
    })
    const own = await openInstance(join(data, "instance")).runPromise(
      Effect.flip(Effect.flatMap(Artifacts, (artifacts) => artifacts.save(join(data, "instance", ".sheaf", "config.json"), { key: "x.json" }))))
    expect(own).toMatchObject({ _tag: "InvalidInput" })
  })

  it("leaves nothing behind where it cannot be made", async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, "file"), "")
    expect(await initFails(join(folder, "file"))).toMatchObject({ _tag: "FileError", code: "ENOTDIR" })
    expect(await initFails(join(folder, "file", "below"))).toMatchObject({ _tag: "FileError", code: "ENOTDIR" })
    expect(await initFails(join(folder, "new"), { storage: join(folder, "file") })).toMatchObject({ _tag: "StorageError" })
    expect(await initFails(join(folder, "new"), { storage: join(folder, "new", ".sheaf", "data") })).toMatchObject({ _tag: "StorageRootProblem" })
    expect(await initFails(join(folder, "new"), { storage: "nowhere://bucket" })).toMatchObject({ _tag: "StorageError", kind: "Unsupported" })
    expect(below(folder)).toEqual(["file"])
    if (process.getuid?.() !== 0) {
      mkdirSync(join(folder, "closed"))
      chmodSync(join(folder, "closed"), 0o555)
      expect(await initFails(join(folder, "closed", "new"))).toMatchObject({ _tag: "FileError", code: "EACCES", exitCode: EXIT.permission })
    }
  })

  it("killed at any moment leaves no instance or a whole one, and the next attempt makes one", async () => {
    const script = join(import.meta.dirname, "InitProcess.ts")
    for (let i = 0; i < 8; i++) {
      const folder = temporaryFolder()
      const directory = join(folder, "instance")
      const child = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "ignore"] })
      const ended = new Promise((resolve) => child.on("exit", resolve))
      // Killed once it has begun, at a point that differs each time.
      await new Promise<void>((resolve) => {
        child.stdout.once("data", () => resolve())
        child.once("exit", () => resolve())
      })
      const until = performance.now() + i * 18
      while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
      child.kill("SIGKILL")
      await ended
      const report = await initialize(directory)
      const roots = await openInstance(directory).runPromise(Effect.flatMap(Registry, (registry) => registry.roots))
      expect(roots).toEqual([report.storage])
      expect(JSON.parse(readFileSync(join(directory, "storage", ".sheaf", "root.json"), "utf8"))).toMatchObject({ root: report.storage.uid, instance: report.instance.config.uid })
      expect(readdirSync(join(directory, ".sheaf")).filter((name) => name.startsWith("config"))).toEqual(["config.json"])
    }
  })

  it("several processes at once make one instance", async () => {
    const directory = join(temporaryFolder(), "instance")
    const reports = await Promise.all(Array.from({ length: 4 }, () => new Promise<number | null>((resolve) => {
      spawn(process.execPath, [join(import.meta.dirname, "InitProcess.ts"), directory], { stdio: "ignore" }).on("exit", resolve)
    })))
    expect(reports).toEqual([0, 0, 0, 0])
    const { created, storage } = await initialize(directory)
    expect(created).toBe(false)
    expect(JSON.parse(readFileSync(join(directory, "storage", ".sheaf", "root.json"), "utf8"))).toMatchObject({ root: storage.uid })
  })
})

describe("finding an instance", () => {
  it("looks upwards, takes what is named, and resolves symlinks", async () => {
    const { directory, folder } = await temporaryInstance()
    mkdirSync(join(directory, "deep", "er"), { recursive: true })
    const find = (start: string, explicit: string | null = null) => Effect.runPromise(findInstance({ start, explicit }))
    expect(await find(join(directory, "deep", "er"))).toBe(directory)
    expect(await find(folder, directory)).toBe(directory)
    expect(await find(folder, join(directory, ".sheaf"))).toBe(directory)
    symlinkSync(directory, join(folder, "link"))
    expect((await Effect.runPromise(loadInstance(join(folder, "link")))).directory).toBe(realpathSync(directory))
    expect(await Effect.runPromise(Effect.flip(findInstance({ start: folder })))).toMatchObject({ _tag: "NoInstance", exitCode: EXIT.usage })
    expect(await Effect.runPromise(Effect.flip(findInstance({ start: directory, explicit: folder })))).toMatchObject({ _tag: "NoInstance" })
  })
})

describe("the config", () => {
  const damaged: ReadonlyArray<readonly [string, (config: Record<string, unknown>) => unknown, string]> = [
    ["text that is no JSON", () => "{", "not JSON"],
    ["another JSON value", () => [], "not a JSON object"],
    ["a missing field", ({ uid: _, ...rest }) => rest, "the field uid"],
    ["a field of the wrong type", (config) => ({ ...config, keyPolicy: 3 }), "the field keyPolicy"],
    ["a value that is none", (config) => ({ ...config, onDuplicate: "maybe" }), "the field onDuplicate"],
    ["a wrong value inside", (config) => ({ ...config, suffixes: { composite: [".a.b", "x"] } }), "the field suffixes.composite.1"]
  ]
  it.each(damaged)("with %s is refused, by its field", async (_, damage, words) => {
    const { directory } = await temporaryInstance()
    const path = join(directory, ".sheaf", "config.json")
    const damage1 = damage(JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>)
    writeFileSync(path, typeof damage1 === "string" ? damage1 : JSON.stringify(damage1))
    const error = await Effect.runPromise(Effect.flip(loadInstance(directory)))
    expect(error).toMatchObject({ _tag: "InvalidConfig", path })
    expect(error.message).toContain(words)
    expect(await Effect.runPromise(Sheaf.examine({ instance: directory, drivers }))).toContainEqual(expect.objectContaining({ check: "instance", ok: false }))
  })

  it("of a newer format is refused as that", async () => {
    const { directory } = await temporaryInstance()
    const path = join(directory, ".sheaf", "config.json")
    writeFileSync(path, JSON.stringify({ format: 2, everything: "else" }))
    expect(await Effect.runPromise(Effect.flip(loadInstance(directory)))).toMatchObject({ _tag: "RegistryNewer", found: 2, exitCode: EXIT.newerRegistry })
  })

  it("takes changes one by one, keeps what it does not know, and refuses what makes no sense", async () => {
    const { directory } = await temporaryInstance()
    const path = join(directory, ".sheaf", "config.json")
    const raw = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>
    writeFileSync(path, JSON.stringify({ ...raw, later: { kept: true } }))
    await Effect.runPromise(setConfig(path, "onDuplicate", "reuse"))
    await Effect.runPromise(setConfig(path, "suffixes.composite", ".bam.bai, .foo.bar"))
    for (const [name, value] of [["storage.retry", "2.5"], ["storage.timeout", 0], ["storage.concurrency", "8"]] as const) await Effect.runPromise(setConfig(path, name, value))
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      ...raw, onDuplicate: "reuse", suffixes: { composite: [".bam.bai", ".foo.bar"] }, storage: { retry: 2.5, timeout: 0, concurrency: 8 }, later: { kept: true }
    })
    expect(await Effect.runPromise(setConfig(path, "storage.concurrency", "auto"))).toMatchObject({ storage: { concurrency: "auto" } })
    const before = readFileSync(path, "utf8")
    for (const [name, value] of [["onDuplicate", "perhaps"], ["hash", "sha256"], ["uid", "x"], ["nonsense", "x"], ["suffixes.composite", "bai"], ["storage.retry", "-1"], ["storage.timeout", "soon"], ["storage.concurrency", "0"]] as const) {
      expect(await Effect.runPromise(Effect.flip(setConfig(path, name, value)))).toMatchObject({ _tag: "InvalidInput", exitCode: EXIT.usage })
    }
    expect(readFileSync(path, "utf8")).toBe(before)
    expect(readdirSync(join(directory, ".sheaf")).filter((name) => name.includes("tmp"))).toEqual([])
  })
})
