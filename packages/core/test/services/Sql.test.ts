import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect, Stream } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { VIEWS } from "../../src/layers/DuckDbViews.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Instance } from "../../src/services/Instance.ts"
import { Sql } from "../../src/services/Sql.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

const query = (text: string, tables: Readonly<Record<string, string>> = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const { columns, rows } = yield* (yield* Sql).query({ query: text, tables })
    return { columns, rows: yield* Stream.runCollect(rows) }
  }))

let instance: TemporaryInstance

beforeAll(async () => {
  instance = await temporaryInstance()
  await instance.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany([
    { content: "name,value\nx,1.5\ny,2.5\n", key: "raw/plate.csv" },
    { content: "name,value\nx,1.5\ny,2.5\n", key: "raw/alias of plate.csv" },
    { content: gzipSync("a\tb\n1\t2\n"), key: "raw/t.tsv.gz" },
    { content: "{\"a\": 1}\n{\"a\": 2}\n", key: "raw/l.jsonl" },
    { content: "text", key: "notes.txt" }
  ])))
})

describe("a query", () => {
  it("sees every documented view", async () => {
    for (const view of Object.keys(VIEWS)) await instance.run(query(`SELECT * FROM ${view}`))
    expect(await instance.run(query("SELECT key, size FROM artifacts ORDER BY key DESC"))).toEqual({
      columns: ["key", "size"],
      rows: [["raw/t.tsv.gz", expect.any(Number)], ["raw/plate.csv", 23], ["raw/l.jsonl", 18], ["notes.txt", 4]]
    })
    expect((await instance.run(query("SELECT key FROM keys WHERE NOT is_primary"))).rows).toEqual([["raw/alias of plate.csv"]])
    expect((await instance.run(query("WITH n AS (SELECT unnest([3, 1]) AS v) SELECT v + i FROM n, range(2) r(i) ORDER BY 1"))).rows).toEqual([[1], [2], [3], [4]])
  })

  it("gives values that JSON can hold, and each column a name of its own", async () => {
    const { columns, rows } = await instance.run(query(
      `SELECT sum(size) AS s, 9007199254740993::HUGEINT AS h, TIMESTAMP '2026-01-02 03:04:05.678901' AS t, 'nan'::DOUBLE AS n, 1.25::DECIMAL(9, 4) AS d, NULL AS x, true AS b, [1, 2] AS l,
        {'a': 'b'} AS o, 1 AS a, 2 AS a, 'it''s "q"' AS "odd ""name""" FROM artifacts`))
    expect(new Set(columns).size).toBe(columns.length)
    expect(columns.at(-1)).toBe("odd \"name\"")
    expect(rows).toEqual([[expect.any(Number), 9007199254740992, "2026-01-02T03:04:05.678Z", null, 1.25, null, true, [1, 2], { a: "b" }, 1, 2, "it's \"q\""]])
  })

  it("of many rows is read in order, and the registry is free meanwhile", async () => {
    const keys = await instance.run(Effect.scoped(Effect.gen(function*() {
      const { count, rows } = yield* (yield* Sql).query({ query: "SELECT range AS i FROM range(12000) ORDER BY i DESC" })
      expect(count).toBe(12_000)
      let seen = 0
      return yield* rows.pipe(
        Stream.tap(() => (++seen === 1 ? Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("written meanwhile", { key: "z.txt" })) : Effect.void)),
        Stream.map(([i]) => i as number),
        Stream.runCollect
      )
    })))
    expect(keys).toEqual(Array.from({ length: 12_000 }, (_, i) => 11_999 - i))
    expect((await instance.run(query("SELECT count(*) FROM artifacts WHERE key = 'z.txt'"))).rows).toEqual([[1]])
  })

  it("sees the content of the artifacts it names, compared with their hashes", async () => {
    const { run } = instance
    expect((await run(query("SELECT sum(value) FROM plate JOIN artifacts a ON a.key = 'raw/plate.csv'", { plate: "raw/plate.csv" }))).rows).toEqual([[4]])
    expect((await run(query("SELECT t.a + b, l.a FROM t, l ORDER BY 2", { t: "raw/t.tsv.gz", l: "raw/l.jsonl" }))).rows).toEqual([[3, 1], [3, 2]])
    expect(await instance.fails(query("SELECT 1", { t: "notes.txt" }))).toMatchObject({ _tag: "InvalidInput", what: "table t", reason: expect.stringContaining(".txt") })
    expect(await instance.fails(query("SELECT 1", { t: "none.csv" }))).toMatchObject({ _tag: "NotFound" })
    expect(await instance.fails(query("SELECT 1", { "t\"; DROP": "raw/plate.csv" }))).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(query("SELECT 1", { artifacts: "raw/plate.csv" }))).toMatchObject({ _tag: "InvalidInput", what: "table artifacts" })
    const damaged = await temporaryInstance()
    const { artifact } = await damaged.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("a\n1\n", { key: "a.csv" })))
    await import("node:fs").then(({ chmodSync }) => chmodSync(artifact.path!, 0o644))
    writeFileSync(artifact.path!, "a\n2\n")
    expect(await damaged.fails(query("SELECT * FROM t", { t: "a.csv" }))).toMatchObject({ exitCode: EXIT.integrity })
  })
})

describe("what a query may not do", () => {
  const OUTSIDE = "/etc/passwd"
  it.each([
    `SELECT * FROM read_csv('${OUTSIDE}')`,
    `SELECT * FROM read_text('${OUTSIDE}')`,
    `SELECT * FROM read_blob('${OUTSIDE}')`,
    `SELECT * FROM '${OUTSIDE}'`,
    `SELECT (SELECT max(content) FROM read_text('${OUTSIDE}'))`,
    `WITH x AS MATERIALIZED (FROM glob('/etc/*')) SELECT * FROM x`,
    `SELECT * FROM system.main.read_text('${OUTSIDE}')`,
    `SELECT * FROM sniff_csv('${OUTSIDE}')`,
    `SELECT * FROM query('SELECT * FROM read_text(''${OUTSIDE}'')')`,
    `SELECT * FROM query_table('artifacts')`,
    `SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))`,
    `FROM enable_logging('QueryLog', storage := 'file', storage_path := '/tmp/sheaf-log')`,
    `FROM enable_profiling(save_location := '/tmp/sheaf-profile.txt')`,
    `FROM force_checkpoint('reg')`,
    `COPY artifacts TO '/tmp/sheaf-out.csv'`,
    `ATTACH '/tmp/other.duckdb'`,
    `INSTALL httpfs`,
    `LOAD httpfs`,
    `PRAGMA version`,
    `SET threads = 1`,
    `RESET enable_external_access`,
    `EXPORT DATABASE '/tmp/sheaf-export'`,
    `CREATE TABLE x AS SELECT 1`,
    `INSERT INTO reg.meta VALUES ('a', 'b')`,
    `DELETE FROM reg.artifact`,
    `UPDATE reg.artifact SET size = 0`,
    `DETACH reg`,
    `CALL force_checkpoint('reg')`,
    `SELECT 1; SELECT 2`,
    `SELECT 1; DROP VIEW artifacts`,
    `SELECT 1) ; DROP VIEW artifacts; SELECT * FROM (SELECT 1`,
    `SELECT * FROM reg.artifact`,
    `SELECT * FROM REG.meta`,
    `SELECT nothing FROM artifacts`,
    `SELECT`,
    ``,
    ` ; `,
    `-- nothing`,
    `SELECT 1\0; SELECT 2`
  ])("%s", async (sql) => {
    const path = await instance.run(Effect.map(Instance, ({ registryPath }) => registryPath))
    const before = readFileSync(path)
    const error = await instance.fails(query(sql))
    expect(error).toMatchObject({ _tag: "InvalidInput", what: "the query", exitCode: EXIT.usage })
    expect(JSON.stringify(error)).not.toContain("root:x:0")
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it("a file beside the registry, by a table of the same name", async () => {
    writeFileSync(join(instance.folder, "secret.csv"), "a\n1\n")
    expect(await instance.fails(query(`SELECT * FROM '${join(instance.folder, "secret.csv")}'`))).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(query(`SELECT * FROM "${join(instance.folder, "secret.csv")}", t`, { t: "raw/plate.csv" }))).toMatchObject({ _tag: "InvalidInput" })
  })
})
