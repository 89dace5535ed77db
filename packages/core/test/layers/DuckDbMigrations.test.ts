import { assert, describe, it } from "@effect/vitest"
import * as duck from "@duckdb/node-api"
import { Effect } from "effect"
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createRegistry, migrate, schemaOf } from "../../src/layers/DuckDbMigrations.ts"
import { type Migration, MIGRATIONS, SCHEMA_VERSION } from "../../src/layers/DuckDbSchema.ts"
import { DuckDbConnection } from "../../src/layers/DuckDbSession.ts"
import { startProcess } from "./ChildProcess.ts"
import { folder } from "./RegistryFolder.ts"

const connected = Effect.acquireRelease(
  Effect.promise(async () => new DuckDbConnection(duck, await (await duck.DuckDBInstance.create(":memory:")).connect())),
  (connection) => Effect.sync(() => connection.close())
)

const NEXT: Migration = { version: SCHEMA_VERSION + 1, statements: ["CREATE TABLE reg.later (i INTEGER)", "ALTER TABLE reg.account ADD COLUMN email VARCHAR"] }

/** Uses the file at the path, attached as `reg`. */
const attached = <A>(s: DuckDbConnection, path: string, use: () => Promise<A>): Effect.Effect<A> =>
  Effect.promise(async () => {
    await s.run(`ATTACH '${path}' AS reg`)
    try {
      return await use()
    } finally {
      await s.run("DETACH reg")
    }
  })

describe("migrations", () => {
  it.live("a new registry has the schema of this program, and no draft is left", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const path = join(directory, "registry.duckdb")
      const s = yield* connected
      const dead = startProcess(process.execPath, ["-e", ""])
      yield* Effect.promise(() => dead.ended)
      writeFileSync(`${path}.new-${dead.process.pid}-abc`, "left by a process that was killed")
      yield* Effect.promise(() => createRegistry(s, path))
      yield* Effect.promise(() => createRegistry(s, path))
      assert.deepStrictEqual(readdirSync(directory), ["registry.duckdb"])
      assert.strictEqual(yield* attached(s, path, () => schemaOf(s)), SCHEMA_VERSION)
    }).pipe(Effect.scoped))

  it.live("an older registry is brought forward, with what is in it", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "registry.duckdb")
      const s = yield* connected
      yield* Effect.promise(() => createRegistry(s, path))
      yield* attached(s, path, () => s.run("INSERT INTO reg.account VALUES ('u', 'ada', now()::TIMESTAMP)"))
      yield* attached(s, path, () => migrate(s, [...MIGRATIONS, NEXT]))
      const rows = yield* attached(s, path, () => s.rows("SELECT handle, email, (SELECT count(*) FROM reg.later) AS later FROM reg.account"))
      assert.deepStrictEqual(rows, [{ handle: "ada", email: null, later: 0 }])
      assert.strictEqual(yield* attached(s, path, () => schemaOf(s)), NEXT.version)
    }).pipe(Effect.scoped))

  it.live("killed between the tables and their version, the next run only writes the version", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "registry.duckdb")
      const s = yield* connected
      yield* Effect.promise(() => createRegistry(s, path))
      const old = yield* attached(s, path, async () => {
        await migrate(s, [...MIGRATIONS, NEXT])
        await s.run(`UPDATE reg.meta SET value = '${SCHEMA_VERSION}' WHERE name = 'schema'`)
        return schemaOf(s)
      })
      assert.strictEqual(old, SCHEMA_VERSION)
      yield* attached(s, path, () => migrate(s, [...MIGRATIONS, NEXT]))
      assert.strictEqual(yield* attached(s, path, () => schemaOf(s)), NEXT.version)
    }).pipe(Effect.scoped))

  it.live("a migration that fails changes nothing", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "registry.duckdb")
      const s = yield* connected
      yield* Effect.promise(() => createRegistry(s, path))
      const broken: Migration = { version: NEXT.version, statements: [...NEXT.statements, "CREATE TABLE reg.later (i INTEGER)"] }
      const failed = yield* attached(s, path, () => migrate(s, [...MIGRATIONS, broken]).then(() => false, () => true))
      assert.isTrue(failed)
      yield* attached(s, path, () => migrate(s, [...MIGRATIONS, NEXT]))
      assert.strictEqual(yield* attached(s, path, () => schemaOf(s)), NEXT.version)
    }).pipe(Effect.scoped))
})
