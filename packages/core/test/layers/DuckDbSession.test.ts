import { assert, describe, it } from "@effect/vitest"
import * as duck from "@duckdb/node-api"
import { Effect } from "effect"
import { DuckDbConnection, literal, withLiterals } from "../../src/layers/DuckDbSession.ts"

const connected = Effect.acquireRelease(
  Effect.promise(async () => {
    const connection = await (await duck.DuckDBInstance.create(":memory:")).connect()
    return { connection, s: new DuckDbConnection(duck, connection) }
  }),
  ({ s }) => Effect.sync(() => s.close())
)

const TEXTS = ["", "it's", "''", "'; DROP TABLE t; --", "$1 $2", "\"quoted\"", "back\\slash", "new\nline\ttab", "nul\0inside", "\0", "é \u{1F600} \uFFFD", "{}[]", "\\u0041"]

describe("parameters", () => {
  it.live("come back as they went in, alone, in lists and inserted", () =>
    Effect.gen(function*() {
      const { s } = yield* connected
      yield* Effect.promise(async () => {
        for (const text of TEXTS) assert.deepStrictEqual(await s.rows("SELECT $1 AS v", [text]), [{ v: text }])
        for (const value of [0, -1, 2 ** 40, -(2 ** 40), 1.5, -1e-9, true, false, null]) assert.deepStrictEqual(await s.rows("SELECT $1 AS v", [value]), [{ v: value }])
        assert.deepStrictEqual(await s.rows("SELECT $1::VARCHAR[] AS v, $2::BIGINT[] AS n, len($3::VARCHAR[]) AS none", [[...TEXTS, null], [1, null, 2 ** 40], []]),
          [{ v: [...TEXTS, null], n: [1, null, 2 ** 40], none: 0 }])
        await s.run("CREATE TABLE t (text VARCHAR, i INTEGER, b BIGINT, y TINYINT, time TIMESTAMP, yes BOOLEAN, d DOUBLE)")
        for (const text of TEXTS) await s.insert("t", { text, i: -1, b: 2 ** 40, y: 1, time: 1_700_000_000_000_001, yes: true, d: 2 })
        await s.insert("t", { text: null, yes: null, i: 5 })
        const rows = await s.rows<{ text: string | null }>("SELECT * FROM t")
        assert.deepStrictEqual(rows.map(({ text }) => text), [...TEXTS, null])
        assert.deepStrictEqual(rows[1], { text: "it's", i: -1, b: 2 ** 40, y: 1, time: 1_700_000_000_000_001, yes: true, d: 2 } as never)
        assert.deepStrictEqual(rows.at(-1), { text: null, i: 5, b: null, y: null, time: null, yes: null, d: null } as never)
      })
    }).pipe(Effect.scoped))

  it.live("stand where the statement names them, and nowhere inside quotes", () =>
    Effect.sync(() => {
      assert.strictEqual(withLiterals(`SELECT $2, '$1', "$1", $10, $1, 'it''s $2'`, ["a", "b", ...Array.from({ length: 8 }, (_, i) => i)]),
        `SELECT 'b', '$1', "$1", 7, 'a', 'it''s $2'`)
      assert.throws(() => literal({}))
    }))
})

describe("statements that are executed again after the data has changed", () => {
  // Why selections are not prepared: should this begin to fail, DuckDB has mended it and they could be kept.
  it.live("give wrong results in DuckDB itself", () =>
    Effect.gen(function*() {
      const { connection, s } = yield* connected
      yield* Effect.promise(async () => {
        await s.run("CREATE TABLE t AS SELECT 'x' AS text")
        const prepared = await connection.prepare("SELECT text FROM t ORDER BY text")
        assert.deepStrictEqual((await prepared.runAndReadAll()).getRows(), [["x"]])
        await s.run("INSERT INTO t VALUES ('a longer text')")
        assert.notDeepEqual((await prepared.runAndReadAll()).getRows(), [["a longer text"], ["x"]])
      })
    }).pipe(Effect.scoped))

  it.live("give right ones here", () =>
    Effect.gen(function*() {
      const { s } = yield* connected
      yield* Effect.promise(async () => {
        await s.run("CREATE TABLE t (text VARCHAR, n BIGINT)")
        const texts: Array<string> = []
        for (const text of ["x", "yy", "a longer text", "b".repeat(300)]) {
          await s.insert("t", { text, n: text.length })
          texts.push(text)
          const sorted = [...texts].sort().map((value) => ({ value }))
          assert.deepStrictEqual(await s.rows("SELECT text AS value FROM t ORDER BY text"), sorted)
          assert.deepStrictEqual(await s.rows("SELECT text AS value FROM t WHERE n < $1 GROUP BY text ORDER BY text", [1000]), sorted)
          assert.deepStrictEqual(await s.rows("SELECT text AS value FROM t WHERE text IN (SELECT unnest($1::VARCHAR[])) ORDER BY text", [texts]), sorted)
          assert.deepStrictEqual(await s.rows("SELECT count(*) AS n FROM t WHERE n >= $1", [text.length]), [{ n: 1 }])
        }
      })
    }).pipe(Effect.scoped))
})
