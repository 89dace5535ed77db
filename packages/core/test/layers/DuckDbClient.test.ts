import { assert, describe, it } from "@effect/vitest"
import { DuckDBInstance } from "@duckdb/node-api"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { NotFound, type RegistryFailed } from "../../src/domain/SheafError.ts"
import { DuckDbClient, type DuckDbClientOptions, layer } from "../../src/layers/DuckDbClient.ts"
import { startProcess, startRegistryProcess, kill } from "./ChildProcess.ts"
import { folder } from "./RegistryFolder.ts"

type Client = DuckDbClient["Service"]

/** Runs with a client of a registry in a folder of its own. */
const withClient = <A, E>(use: (client: Client, path: string) => Effect.Effect<A, E>, options: Partial<DuckDbClientOptions> = {}) =>
  Effect.gen(function*() {
    const path = join(yield* folder, "registry.duckdb")
    return yield* Effect.flatMap(DuckDbClient, (client) => use(client, path)).pipe(Effect.provide(layer({ path, create: true, ...options })))
  }).pipe(Effect.scoped)

/** What a client says about a file that stands where its registry should be. */
const failureFor = (prepare: (path: string) => void | Promise<void>) =>
  Effect.gen(function*() {
    const path = join(yield* folder, "registry.duckdb")
    yield* Effect.promise(async () => prepare(path))
    const use = (client: Client) => Effect.all([Effect.flip(client.read(roots)), Effect.flip(client.write(roots))])
    const failures = yield* Effect.flatMap(DuckDbClient, use).pipe(Effect.provide(layer({ path })))
    assert.deepStrictEqual(failures[0].message, failures[1].message)
    return failures[0]
  }).pipe(Effect.scoped)

type Session = Parameters<Parameters<Client["read"]>[0]>[0]

const roots = (s: Session) => s.rows<{ n: number }>("SELECT count(*) AS n FROM reg.storage_root")
const addMeta = (name: string) => (s: Session) => s.run("INSERT INTO reg.meta VALUES ($1, 'x')", [name])
const metaNames = async (s: Session) => (await s.rows<{ name: string }>("SELECT name FROM reg.meta ORDER BY name")).map(({ name }) => name)

const makeRegistry = (path: string) =>
  Effect.runPromise(Effect.flatMap(DuckDbClient, (client) => client.write(addMeta("made"))).pipe(Effect.provide(layer({ path, create: true }))))

describe("transactions", () => {
  it.live("values come back as plain JavaScript", () =>
    withClient((client) =>
      Effect.gen(function*() {
        const rows = yield* client.staging((s) =>
          s.rows(`SELECT $1 AS text, $2::BIGINT AS big, make_timestamp($3) AS time, $4::VARCHAR[] AS list, $5 AS nothing, 1.5 AS decimal, true AS yes, sum(x) AS total
            FROM range(3) r(x)`, ["it's", 2 ** 40, 1_700_000_000_000_001, ["a", null], null]))
        assert.deepStrictEqual(rows, [{
          text: "it's", big: 2 ** 40, time: 1_700_000_000_000_001, list: ["a", null], nothing: null, decimal: 1.5, yes: true, total: 3
        }])
      })))

  it.live("what fails leaves nothing behind, and a tagged error comes out as it is", () =>
    withClient((client) =>
      Effect.gen(function*() {
        const thrown = new NotFound({ what: "thing", reference: "x", near: [] })
        const failure = yield* Effect.flip(client.write<void, NotFound>(async (s) => {
          await addMeta("never")(s)
          throw thrown
        }))
        assert.strictEqual(failure, thrown)
        assert.deepStrictEqual(yield* client.read(metaNames), ["schema"])
      })))

  it.live("a failed statement that the work ignores still fails the whole", () =>
    withClient((client) =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(client.write(async (s) => {
          await addMeta("never")(s)
          await s.run("INSERT INTO reg.meta VALUES (NULL, 'x')").catch(() => undefined)
        }))
        assert.strictEqual(failure._tag, "RegistryFailed")
        assert.deepStrictEqual(yield* client.read(metaNames), ["schema"])
      })))

  it.live("interrupted work is rolled back, and the next one finds everything in order", () =>
    withClient((client) =>
      Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(client.write(async (s) => {
          await addMeta("never")(s)
          Deferred.doneUnsafe(started, Effect.void)
          await s.rows("SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range % 7 = b.range")
        }))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        yield* client.write(addMeta("after"))
        assert.deepStrictEqual(yield* client.read(metaNames), ["after", "schema"])
      })))

  it.live("writes come one after the other; a read beside one sees one state", () =>
    withClient((client) =>
      Effect.gen(function*() {
        const [inRead, written] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        yield* client.write(addMeta("a"))
        const reading = yield* Effect.forkChild(client.read(async (s) => {
          const before = await metaNames(s)
          Deferred.doneUnsafe(inRead, Effect.void)
          await Effect.runPromise(Deferred.await(written))
          return [before, await metaNames(s)]
        }))
        yield* Deferred.await(inRead)
        let writing = 0
        yield* Effect.forEach(["b", "c", "d"], (name) => client.write(async (s) => {
          assert.strictEqual(++writing, 1)
          await addMeta(name)(s)
          writing -= 1
        }), { concurrency: "unbounded" })
        yield* Deferred.succeed(written, undefined)
        assert.deepStrictEqual(yield* Fiber.join(reading), [["a", "schema"], ["a", "schema"]])
        assert.deepStrictEqual(yield* client.read(metaNames), ["a", "b", "c", "d", "schema"])
      })))

  it.live("two clients of one file in one process do not get in each other's way", () =>
    withClient((client, path) =>
      Effect.gen(function*() {
        yield* Effect.gen(function*() {
          const other = yield* DuckDbClient
          yield* Effect.forEach(Array.from({ length: 20 }, (_, i) => `${i}`), (name, i) => (i % 2 === 0 ? client : other).write(addMeta(name)), { concurrency: 4 })
        }).pipe(Effect.provide(Layer.fresh(layer({ path: join(path, "..", ".", "registry.duckdb"), lockTimeoutMillis: 0 }))))
        assert.lengthOf(yield* client.read(metaNames), 21)
      })))
})

describe("other processes", () => {
  it.live("RegistryBusy names the process that holds the file", () =>
    withClient((client, path) =>
      Effect.gen(function*() {
        yield* Effect.promise(() => makeRegistry(path))
        const before = Date.now()
        const holder = startRegistryProcess(["hold", path])
        yield* Effect.promise(() => holder.hasLines(1))
        const busy = yield* Effect.flip(client.write(addMeta("x")))
        const alsoBusy = yield* Effect.flip(client.read(metaNames))
        yield* Effect.promise(() => kill(holder))
        assert.strictEqual(alsoBusy._tag, "RegistryBusy")
        if (busy._tag !== "RegistryBusy") return assert.fail(String(busy))
        assert.strictEqual(busy.pid, holder.process.pid)
        assert.include(busy.command!, "hold")
        assert.isBelow(Math.abs(Date.parse(busy.startedAt!) - before), 60_000)
        assert.isAtLeast(busy.waitedSeconds, 0.2)
        assert.include(busy.message, `process ${holder.process.pid}`)
        yield* client.write(addMeta("x"))
      }), { lockTimeoutMillis: 200 }))

  it.live("a waiting process gets in while this one keeps writing", () =>
    withClient((client, path) =>
      Effect.gen(function*() {
        yield* client.write(addMeta("first"))
        const other = startRegistryProcess(["save", path, "other", "3"])
        let ended = false
        void other.ended.then(() => {
          ended = true
        })
        for (let i = 0; !ended; i++) yield* client.write(addMeta(`m${i}`))
        assert.deepStrictEqual(other.lines, ["other/0", "other/1", "other/2", "done"])
      })))

  it.live("the file is free at once after the client is closed, and a little later while it is open", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "registry.duckdb")
      yield* Effect.promise(() => makeRegistry(path))
      const writer = startRegistryProcess(["write", path])
      yield* Effect.promise(() => writer.ended)
      assert.deepStrictEqual(writer.lines, ["saved"])
      yield* Effect.gen(function*() {
        yield* (yield* DuckDbClient).write(addMeta("x"))
        const other = startRegistryProcess(["save", path, "other", "1"])
        assert.strictEqual(yield* Effect.promise(() => other.ended), 0)
      }).pipe(Effect.provide(layer({ path })))
    }).pipe(Effect.scoped))

  it.live("an open registry does not keep a process alive", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "registry.duckdb")
      const child = startRegistryProcess(["once", path])
      assert.strictEqual(yield* Effect.promise(() => child.ended), 0)
      assert.deepStrictEqual(child.lines, ["saved"])
      const reader = startRegistryProcess(["read", path])
      yield* Effect.promise(() => reader.ended)
      assert.deepInclude(JSON.parse(reader.lines[0]!), { artifacts: 1 })
    }).pipe(Effect.scoped))
})

describe("files that cannot be used", () => {
  it.live("a missing file", () => Effect.map(failureFor(() => undefined), (failure) => assert.include(failure.message, "the file does not exist")))

  it.live("a missing folder", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "none", "registry.duckdb")
      const failure = yield* Effect.flip(Effect.provide(Effect.flatMap(DuckDbClient, (client) => client.write(addMeta("x"))), layer({ path, create: true })))
      assert.include(failure.message, "the file does not exist")
    }).pipe(Effect.scoped))

  it.live("something that is no database", () =>
    Effect.map(failureFor((path) => writeFileSync(path, "SQLite format 3\0 and so on")), (failure) => assert.include(failure.message, "not a DuckDB database")))

  it.live("an empty file", () =>
    Effect.map(failureFor((path) => writeFileSync(path, "")), (failure) => assert.strictEqual(failure._tag, "RegistryFailed")))

  it.live("a directory", () => Effect.map(failureFor((path) => void mkdirSync(path)), (failure) => assert.include(failure.message, "directory")))

  it.live("somebody else's DuckDB database", () =>
    Effect.map(failureFor(async (path) => {
      const instance = await DuckDBInstance.create(path)
      await (await instance.connect()).run("CREATE TABLE t (i INTEGER)")
      instance.closeSync()
    }), (failure) => assert.include(failure.message, "not a Sheaf registry")))

  it.live("a truncated registry", () =>
    Effect.map(failureFor(async (path) => {
      await makeRegistry(path)
      truncateSync(path, 20_000)
    }), (failure) => assert.include(failure.message, "damaged")))

  it.live("a registry with overwritten blocks", () =>
    Effect.map(failureFor(async (path) => {
      await makeRegistry(path)
      const file = openSync(path, "r+")
      writeSync(file, Buffer.alloc(readFileSync(path).length - 12_288, 0x55), 0, undefined, 12_288)
      closeSync(file)
    }), (failure) => assert.include(failure.message, "damaged")))

  it.live("a registry of a newer version, which stays as it is", () =>
    Effect.gen(function*() {
      let untouched = false
      const failure = yield* failureFor(async (path) => {
        await makeRegistry(path)
        const instance = await DuckDBInstance.create(path)
        const connection = await instance.connect()
        await connection.run("UPDATE meta SET value = '999' WHERE name = 'schema'")
        connection.closeSync()
        instance.closeSync()
        const before = readFileSync(path)
        const use = Effect.flatMap(DuckDbClient, (client) => Effect.ignore(client.write(addMeta("x"))))
        await Effect.runPromise(use.pipe(Effect.provide(layer({ path }))))
        untouched = before.equals(readFileSync(path))
      })
      assert.deepInclude(failure, { _tag: "RegistryNewer", found: 999, exitCode: 9 })
      assert.isTrue(untouched)
    }))

  it.live("a registry that can only be read is read, and not written", (context) =>
    Effect.gen(function*() {
      const directory = yield* folder
      const path = join(directory, "registry.duckdb")
      yield* Effect.promise(() => makeRegistry(path))
      chmodSync(path, 0o444)
      chmodSync(directory, 0o555)
      // The superuser may write everything, so an ordinary user has to try.
      const asUser = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
      const reader = startRegistryProcess(["read", path], asUser)
      const readerCode = yield* Effect.promise(() => reader.ended)
      const writer = startRegistryProcess(["write", path], asUser)
      const codes = [readerCode, yield* Effect.promise(() => writer.ended)]
      chmodSync(directory, 0o755)
      if (codes.some((code) => code !== 0)) return context.skip("no other user can run this program here")
      assert.deepInclude(JSON.parse(reader.lines[0]!), { artifacts: 0 })
      assert.deepInclude(JSON.parse(writer.lines[0]!), { tag: "RegistryFailed" })
      assert.match(writer.lines[0]!, /permission denied|can only be read/)
    }).pipe(Effect.scoped))

  it.live("a full disk fails with plain words, and nothing is lost", (context) =>
    Effect.gen(function*() {
      const directory = yield* folder
      const mounted = startProcess("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", directory])
      if ((yield* Effect.promise(() => mounted.ended.catch(() => 1))) !== 0) return context.skip("a small file system cannot be mounted here")
      yield* Effect.addFinalizer(() => Effect.promise(() => startProcess("umount", [directory]).ended))
      const path = join(directory, "registry.duckdb")
      const big = (name: string) => (s: Session) => s.run("INSERT INTO reg.meta SELECT $1, repeat('x', 100000) || i FROM range(10) r(i)", [name])
      const written = yield* Effect.gen(function*() {
        const client = yield* DuckDbClient
        for (let i = 0; i < 100; i++) {
          const result = yield* Effect.result(client.write(big(`b${i}`)))
          if (result._tag === "Failure") return [i, result.failure as RegistryFailed] as const
        }
        return assert.fail("the disk never got full")
      }).pipe(Effect.provide(layer({ path, create: true })))
      assert.include(written[1].message, "the disk is full")
      const names = yield* Effect.flatMap(DuckDbClient, (client) => client.read(metaNames)).pipe(Effect.provide(layer({ path })))
      assert.lengthOf(names, 10 * written[0] + 1)
    }).pipe(Effect.scoped))
})

describe("making a registry", () => {
  it.live("several processes at once make one", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const path = join(directory, "registry.duckdb")
      const children = Array.from({ length: 4 }, (_, i) => startRegistryProcess(["save", path, `p${i}`, "2"]))
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all(children.map((child) => child.ended))), [0, 0, 0, 0])
      const reader = startRegistryProcess(["read", path])
      yield* Effect.promise(() => reader.ended)
      assert.deepInclude(JSON.parse(reader.lines[0]!), { artifacts: 8, keys: 8 })
      assert.deepStrictEqual(readdirSync(directory), ["registry.duckdb"])
    }).pipe(Effect.scoped))
})
