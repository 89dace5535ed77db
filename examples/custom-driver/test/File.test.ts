import type { StorageError, StorageHandle } from "@sheaf/core/ports/Storage"
import { Deferred, Effect, Fiber, type Scope, Stream } from "effect"
import { execFile } from "node:child_process"
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { driver, make } from "../src/index.js"
import { temporaryFolder } from "./TemporaryFolder.ts"

const MIB = 1024 * 1024

/** A test in a folder of its own. */
const inFolder = (run: (folder: string) => Effect.Effect<unknown, StorageError, Scope.Scope>) => () =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(temporaryFolder, run)))

const put = (storage: StorageHandle, key: string, bytes: Uint8Array) => storage.write(key, { type: "bytes", bytes }, { mode: "create" })
const kindOf = (effect: Effect.Effect<unknown, StorageError, Scope.Scope>) => Effect.map(Effect.orDie(Effect.flip(effect)), ({ kind, retry }) => [kind, retry])

/** What a statement says about the file, to somebody else. */
const query = (path: string, sql: string): unknown => {
  const db = new DatabaseSync(path)
  try {
    return Object.values(db.prepare(sql).get() ?? {})[0]
  } finally {
    db.close()
  }
}

it("several processes make the store and write into it at once: each object has one creator", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "deep/er/store.db")
    const run = promisify(execFile)
    const words = ["a", "b", "c"]
    const outputs = yield* Effect.promise(() => Promise.all(words.map((word) => run(process.execPath, [join(import.meta.dirname, "Writer.js"), path, word]))))
    expect(outputs.map(({ stdout }) => Number(stdout)).reduce((sum, n) => sum + n)).toBe(50)
    const storage = yield* make({ path })
    const objects = yield* Stream.runCollect(storage.list())
    expect(objects.length).toBe(50)
    for (const { key } of objects) {
      const text = Buffer.concat([...(yield* Stream.runCollect(storage.read(key)))]).toString()
      expect(words.map((word) => word.repeat(300_000))).toContain(text)
    }
  })))

it("what a killed process left of a write is removed a day later, and what is under way is not", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    const storage = yield* make({ path, create: true })
    const begun = yield* Deferred.make<void>()
    const open = () => Stream.concat(Stream.make(new Uint8Array(3 * MIB)), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
    const writer = yield* Effect.forkChild(storage.write("a", { type: "stream", open }, { mode: "create" }))
    yield* Deferred.await(begun)
    yield* Effect.scoped(make({ path }))
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(2)
    query(path, "UPDATE upload SET touched = touched - 90000000")
    yield* Effect.scoped(make({ path }))
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(0)
    yield* Fiber.interrupt(writer)
  })))

it("a write that fails or is interrupted takes its chunks back", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    const storage = yield* make({ path, create: true })
    expect(yield* kindOf(storage.write("a", { type: "bytes", bytes: new Uint8Array(3 * MIB) }, { mode: "create", expect: { md5: "1B2M2Y8AsgTpgAmY7PhCfg" } }))).toEqual(["ChecksumMismatch", false])
    const begun = yield* Deferred.make<void>()
    const open = () => Stream.concat(Stream.make(new Uint8Array(3 * MIB)), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
    const writer = yield* Effect.forkChild(storage.write("a", { type: "stream", open }, { mode: "create" }))
    yield* Deferred.await(begun)
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(2)
    yield* Fiber.interrupt(writer)
    expect(query(path, "SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM upload)")).toBe(0)
  })))

it("a file that somebody else is writing into for too long is Unavailable, can be read meanwhile, and can be written afterwards", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    const storage = yield* make({ path, create: true })
    yield* put(storage, "a", new Uint8Array(1))
    const other = yield* Effect.acquireRelease(Effect.sync(() => new DatabaseSync(path)), (db) => Effect.sync(() => db.close()))
    other.exec("BEGIN IMMEDIATE")
    expect(yield* kindOf(put(storage, "b", new Uint8Array(1)))).toEqual(["Unavailable", true])
    expect((yield* Stream.runCollect(storage.read("a"))).length).toBe(1)
    other.exec("ROLLBACK")
    yield* put(storage, "b", new Uint8Array(1))
  })))

it("a copy takes no room, and the bytes go with the last object that has them", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    const storage = yield* make({ path, create: true })
    yield* put(storage, "a", new Uint8Array(2 * MIB + 1))
    yield* storage.copy("a", "b")
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(3)
    yield* storage.write("a", { type: "bytes", bytes: new Uint8Array(1) }, { mode: "replace" })
    expect((yield* Stream.runCollect(storage.read("b"))).length).toBe(3)
    yield* storage.delete(["b"])
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(1)
    yield* storage.delete(["a"])
    expect(query(path, "SELECT count(*) FROM chunk")).toBe(0)
    expect(query(path, "SELECT count(*) FROM upload")).toBe(0)
  })))

it("what is wrong with the file is said by kind", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    expect(yield* kindOf(make({ path }))).toEqual(["Unavailable", true])
    expect(yield* kindOf(make({ path, create: true, readOnly: true }))).toEqual(["Unavailable", true])
    expect(yield* kindOf(make({ path: folder, create: true }))).toEqual(["Unsupported", false])
    writeFileSync(join(folder, "text.db"), "this is no database, however long one looks at it\n".repeat(100))
    expect(yield* kindOf(make({ path: join(folder, "text.db"), create: true }))).toEqual(["Unsupported", false])
    query(join(folder, "other.db"), "CREATE TABLE theirs (a)")
    expect(yield* kindOf(make({ path: join(folder, "other.db"), create: true }))).toEqual(["Unsupported", false])
    expect(query(join(folder, "other.db"), "SELECT count(*) FROM sqlite_schema")).toBe(1)

    const storage = yield* make({ path, create: true })
    yield* put(storage, "a", new Uint8Array(2 * MIB))
    const reading = yield* make({ path, readOnly: true })
    expect((yield* reading.stat("a")).size).toBe(2 * MIB)
    for (const write of [put(reading, "b", new Uint8Array(1)), reading.delete(["a"]), reading.rename("a", "b"), reading.copy("a", "b")]) {
      expect(yield* kindOf(write)).toEqual(["PermissionDenied", false])
    }
    expect(yield* reading.probe).toMatchObject({ reachable: true, writable: false })

    query(path, "UPDATE chunk SET bytes = x'00' WHERE n = 1")
    expect(yield* kindOf(Stream.runDrain(storage.read("a")))).toEqual(["Corrupt", false])

    renameSync(path, `${path}.gone`)
    expect(yield* kindOf(storage.stat("a"))).toEqual(["Unavailable", true])
    expect(yield* kindOf(put(storage, "b", new Uint8Array(1)))).toEqual(["Unavailable", true])
    expect(yield* storage.probe).toMatchObject({ reachable: false, writable: false })
  })))

it("an empty file becomes a store, as sheaf storage add needs it", inFolder((folder) =>
  Effect.gen(function*() {
    const path = join(folder, "store.db")
    writeFileSync(path, "")
    expect(yield* kindOf(make({ path, readOnly: true }))).toEqual(["Unsupported", false])
    yield* put(yield* make({ path }), "a", new Uint8Array(1))
  })))

it("two spellings of one root have one normal form, and what is no such URL is KeyInvalid", inFolder((folder) =>
  Effect.gen(function*() {
    mkdirSync(join(folder, "é ?"))
    symlinkSync("é ?", join(folder, "link"))
    const normal = `sqlite://${folder}/%C3%A9%20%3F/store.db`
    for (const spelling of [normal, `sqlite://${folder}/é %3F/store.db`, `sqlite://${folder}/link/../link/./store.db`]) expect(yield* driver.normalize(spelling)).toBe(normal)
    yield* put(yield* driver.open(normal, { create: true, readOnly: false }), "a", new Uint8Array(1))
    expect(yield* driver.normalize(`sqlite://${folder}/link/store.db`)).toBe(normal)
    for (const url of ["sqlite:store.db", "sqlite:///", "sqlite:///a/", "sqlite://host/a.db", "sqlite:///a.db?mode=ro", "sqlite:///a.db#b", "sqlite:///a%2Fb", "sqlite:///%00", "file:///a.db"]) {
      expect([url, yield* kindOf(driver.normalize(url))]).toEqual([url, ["KeyInvalid", false]])
    }
  })))
