import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import type { Cell, Row } from "../../src/domain/Content.ts"
import { type CannotEncode, Sheaf } from "../../src/Promise.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

const instance = () => Sheaf.init(join(temporaryFolder(), "data"), { drivers })

/** Numbers from 0 up to 1, the same every time. */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const TEXTS = ["", "a", "A", " ", ",", "\t", "\"", "\"\"", "\n", "\r\n", "\r", "a\"b,c\r\nd", "\ufeff", "\ufeffx", "\0", "=1+1", "ü😀", "null", "1", "e\u0301", "%41", "__proto__", "$1", "'"]
const NUMBERS = [0, -0, 1, -1, 0.1, 1e21, -1e-7, 5e-324, 2 ** 53, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]
const BIGINTS = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 10n ** 37n]

type Kind = "text" | "number" | "integer" | "bigint" | "boolean" | "date"
const KINDS: ReadonlyArray<Kind> = ["text", "number", "integer", "bigint", "boolean", "date"]

/** A table whose columns have one type each and holes. */
const someRows = (next: () => number): ReadonlyArray<Row> => {
  const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(next() * all.length)]!
  const cell = (kind: Kind): Cell => {
    switch (kind) {
      case "text": return `${pick(TEXTS)}${pick(TEXTS)}`
      case "number": return next() < 0.5 ? pick(NUMBERS) : (next() - 0.5) * 10 ** Math.floor(next() * 40 - 20)
      case "integer": return Math.floor((next() - 0.5) * 1e9)
      case "bigint": return pick(BIGINTS)
      case "boolean": return next() < 0.5
      case "date": return new Date(Math.floor((next() - 0.3) * 4e12))
    }
  }
  const names = [...new Set(Array.from({ length: 1 + Math.floor(next() * 5) }, () => `${pick(["", "f", "g", "h", "a b"])}${pick(TEXTS.filter((text) => !text.includes("\0") && text.toLowerCase() === text))}`))]
    .filter((name) => name !== "")
  const columns = [...(names.length === 0 ? ["only"] : names)].map((name) => [name, pick(KINDS)] as const)
  return Array.from({ length: 1 + Math.floor(next() * 8) }, () =>
    Object.fromEntries(columns.flatMap(([name, kind]) => (next() < 0.1 ? [] : [[name, next() < 0.15 ? null : cell(kind)]]))))
}

const fieldsIn = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => [...new Set(rows.flatMap((row) => Object.keys(row)))]

/** What delimited text says of a cell. */
const asText = (value: Cell): string =>
  value === null || value === undefined ? "" : value instanceof Date ? value.toISOString() : Object.is(value, -0) ? "-0" : String(value)

const full = (rows: ReadonlyArray<Row>, cell: (value: Cell, field: string) => unknown) => {
  const fields = fieldsIn(rows)
  return rows.map((row) => Object.fromEntries(fields.map((field) => [field, cell(Object.hasOwn(row, field) ? row[field] : null, field)])))
}

describe("rows", () => {
  it("come back from every format as they were saved, whatever is in them", { timeout: 120_000 }, async () => {
    await using sheaf = await instance()
    const next = random(20_261_124)
    for (let n = 0; n < 16; n++) {
      const rows = someRows(next)
      if (fieldsIn(rows).length === 0) continue
      const suffixes = [".csv", ".tsv", ".csv.gz", ".jsonl", ".json", ".ndjson.gz", ".parquet"]
      const saved = await sheaf.saveMany(suffixes.map((suffix) => ({ content: { rows }, key: `t/${n}${suffix}`, onDuplicate: "new" })))
      expect(saved.map(({ status }) => status)).toEqual(suffixes.map(() => "fulfilled"))
      for (const suffix of [".csv", ".tsv", ".csv.gz"]) {
        expect(await sheaf.load(`t/${n}${suffix}`), suffix).toStrictEqual(full(rows, asText))
      }
      // JSON has no dates, and JSON.parse no bigints.
      const asJson = (value: Cell): unknown => (value instanceof Date ? value.toISOString() : typeof value === "bigint" ? Number(value) : value)
      for (const suffix of [".jsonl", ".json", ".ndjson.gz"]) {
        expect(await sheaf.load(`t/${n}${suffix}`), suffix).toStrictEqual(rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asJson(value)]))))
      }
      const exact = new Set(fieldsIn(rows).filter((field) => rows.every((row) => typeof row[field] !== "bigint" || Number.isSafeInteger(Number(row[field])))))
      expect(await sheaf.load(`t/${n}.parquet`)).toStrictEqual(full(rows, (value, field) => (typeof value === "bigint" && exact.has(field) ? Number(value) : value ?? null)))
    }
  })

  it("saved twice are existing: the same rows are the same bytes", async () => {
    await using sheaf = await instance()
    const rows = Array.from({ length: 5000 }, (_, i) => ({ i, even: i % 2 === 0, half: i / 2, name: `n${i % 7}`, at: new Date(i * 1000), big: BigInt(i) ** 6n }))
    for (const suffix of [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz"]) {
      const first = await sheaf.saveContent({ rows }, { key: `again/rows${suffix}`, onDuplicate: "new" })
      const second = await sheaf.saveContent({ rows: rows.map((row) => ({ ...row })) }, { key: `again/rows${suffix}` })
      expect([first.outcome, second.outcome, second.artifact.uid], suffix).toEqual(["created", "existing", first.artifact.uid])
      expect(second.artifact).toMatchObject({ suffix, nObservations: 5000 })
    }
    expect(await sheaf.saveContent({ rows: [] }, { key: "again/none.csv" })).toMatchObject({ artifact: { size: 0, nObservations: 0 } })
    expect(await sheaf.load("again/none.csv")).toEqual([])
    expect((await sheaf.get("again/rows.parquet")).nObservations).toBe(5000)
    expect(await sheaf.artifacts.where({ nObservations: { gte: 5000 } }).count()).toBe(10)
  })

  it("are plain RFC 4180: a header of all fields in the order in which they come first, null empty, an empty text in quotes", async () => {
    await using sheaf = await instance()
    const { artifact } = await sheaf.saveContent({ rows: [{ well: "A1", signal: 0.93 }, { well: "", note: "say \"hi\", twice\n", signal: null }] }, { key: "raw/plate.csv" })
    expect(readFileSync(artifact.path!, "utf8")).toBe("well,signal,note\nA1,0.93,\n\"\",,\"say \"\"hi\"\", twice\n\"\n")
    const zipped = await sheaf.saveContent({ rows: [{ a: null }] }, { key: "raw/one.CSV.GZ" })
    const bytes = readFileSync(zipped.artifact.path!)
    expect(gunzipSync(bytes).toString()).toBe("a\n\"\"\n")
    expect([...bytes.subarray(4, 10)]).toEqual([0, 0, 0, 0, expect.any(Number), 255])
  })

  it("in Parquet are typed columns that other programs see as such, 100,000 of them too", { timeout: 60_000 }, async () => {
    await using sheaf = await instance()
    const rows = Array.from({ length: 100_000 }, (_, i) => ({ well: `W${i}`, signal: i / 3, seen: i % 5 === 0 ? null : new Date(1_700_000_000_000 + i), n: 2n ** 60n + BigInt(i) }))
    const registry = statSync(join(sheaf.instance.directory, ".sheaf/registry.duckdb")).size
    const { artifact } = await sheaf.saveContent({ rows }, { key: "raw/big.parquet" })
    expect(artifact.nObservations).toBe(100_000)
    expect(statSync(join(sheaf.instance.directory, ".sheaf/registry.duckdb")).size - registry).toBeLessThan(2 ** 21)
    const described = await sheaf.sql("SELECT column_name, column_type FROM (DESCRIBE t)", { tables: { t: "raw/big.parquet" } })
    expect(described.map((row) => Object.values(row))).toEqual([["well", "VARCHAR"], ["signal", "DOUBLE"], ["seen", "TIMESTAMP WITH TIME ZONE"], ["n", "BIGINT"]])
    expect(await sheaf.load("raw/big.parquet")).toEqual(rows)
    expect(readdirSync(join(sheaf.instance.directory, ".sheaf/cache")).filter((name) => /^(content|table-spill)-/.test(name))).toEqual([])
  })
})

describe("a JSON value", () => {
  it("comes back as it was, also compressed, under any suffix that ends in .json", async () => {
    await using sheaf = await instance()
    const json = { name: "plate 1", wells: ["A1", "B1"], limits: { low: 0.1, high: null }, checked: true }
    for (const key of ["meta.json", "meta.json.gz", "meta.vitessce.json"]) {
      expect((await sheaf.saveContent({ json }, { key, onDuplicate: "new" })).outcome).toBe("created")
      expect(await sheaf.load(key)).toStrictEqual(json)
      expect((await sheaf.saveContent({ json: { ...json } }, { key })).outcome).toBe("existing")
    }
    expect((await sheaf.get("meta.json")).nObservations).toBeNull()
  })
})

describe("what a format cannot hold", () => {
  it("is refused before anything changes, with the row and the field, and without the value", async () => {
    await using sheaf = await instance()
    const secret = "hunter2"
    for (const [content, key, row, field, reason] of [
      [{ rows: [{ a: 1 }, { a: { secret } }] }, "x.csv", 2, "a", "it is an object"],
      [{ rows: [{ a: [secret] }] }, "x.tsv", 1, "a", "it is an array"],
      [{ rows: [{ a: () => secret }] }, "x.csv.gz", 1, "a", "it is a function"],
      [{ rows: [{ a: `${secret}\ud800` }] }, "x.csv", 1, "a", "not valid Unicode"],
      [{ rows: [{ a: 1 }, { a: NaN }] }, "x.jsonl", 2, "$.a", "NaN"],
      [{ rows: [{ a: 1 }, { a: secret }] }, "x.parquet", 2, "a", "a column has one type"],
      [{ rows: [] }, "x.parquet", null, null, "no columns"],
      [{ rows: [{ a: 1 }] }, "x.parquet.gz", null, null, "rows can be .csv"],
      [{ rows: [{ a: 1 }] }, "x.txt", null, null, "rows can be .csv"],
      [{ rows: [{ a: 1 }] }, "x", null, null, "no suffix"],
      [{ rows: "abc" }, "x.csv", null, null, "not an array"],
      [{ json: { a: Infinity } }, "x.json", null, "$.a", "infinite"],
      [{ json: [1] }, "x.csv", null, null, "a JSON value can be .json"]
    ] as const) {
      const error = await sheaf.saveContent(content as never, { key }).catch((thrown: unknown) => thrown) as CannotEncode
      expect(error, `${key}: ${reason}`).toMatchObject({ _tag: "CannotEncode", key, row, field, exitCode: 2, hint: expect.stringContaining("Nothing was changed") })
      expect(error.message).toContain(reason)
      expect(error.message + JSON.stringify(error)).not.toContain(secret)
    }
    await expect(sheaf.saveContent(5 as never, { key: "x.txt" })).rejects.toMatchObject({ _tag: "InvalidInput" })
    await expect(sheaf.saveContent({ rows: [{ a: 1 }] }, { description: "without a key" })).rejects.toMatchObject({ _tag: "CannotEncode", key: null })
    expect(await sheaf.artifacts.count()).toBe(0)
    expect(readdirSync(join(sheaf.instance.directory, "storage"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(["root.json"])
  })

  it("refuses one of many, and the others are saved", async () => {
    await using sheaf = await instance()
    const results = await sheaf.saveMany([{ content: { rows: [{ a: 1 }] }, key: "a.csv" }, { content: { json: { a: Number.NaN } }, key: "b.json" }, { content: { rows: [{ a: 1 }] }, key: "c.parquet" }])
    expect(results.map((one) => (one.status === "fulfilled" ? one.value.outcome : (one.reason as CannotEncode)._tag))).toEqual(["created", "CannotEncode", "created"])
  })
})

describe("a stream", () => {
  it("is saved without being held in memory, and one that fails leaves nothing", async () => {
    await using sheaf = await instance()
    const piece = new Uint8Array(1 << 20).fill(7)
    const pieces = async function*(n: number, fails = false): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < n; i++) yield piece
      if (fails) throw new Error("the sender went away")
    }
    expect(await sheaf.saveContent({ stream: pieces(20) }, { key: "raw/long.bin" })).toMatchObject({ outcome: "created", artifact: { size: 20 << 20, suffix: ".bin" } })
    expect((await sheaf.saveContent({ stream: pieces(20) }, { key: "raw/long.bin" })).outcome).toBe("existing")
    await expect(sheaf.saveContent({ stream: pieces(2, true) }, { key: "raw/cut.bin" })).rejects.toMatchObject({ _tag: "InvalidInput", message: expect.stringContaining("the sender went away") })
    expect(await sheaf.artifacts.count()).toBe(1)
    expect(readdirSync(join(sheaf.instance.directory, ".sheaf/cache")).filter((name) => name.startsWith("content-"))).toEqual([])
  })
})

it("values are typed: the compiler finds what rows and JSON cannot hold", async () => {
  await using sheaf = await instance()
  interface Reading {
    readonly well: string
    readonly signal?: number
  }
  const rows: ReadonlyArray<Reading> = [{ well: "A1", signal: 1 }]
  await sheaf.saveContent({ rows }, { key: "typed.csv" })
  await sheaf.saveContent({ json: rows }, { key: "typed.json" })
  // @ts-expect-error A row is flat.
  await sheaf.saveContent({ rows: [{ nested: { a: 1 } }] }, { key: "bad.csv" }).catch(() => undefined)
  // @ts-expect-error JSON has no functions.
  await sheaf.saveContent({ json: { f: () => 1 } }, { key: "bad.json" }).catch(() => undefined)
  const table = await sheaf.load("typed.csv")
  expect(table[0]!["well"]).toBe("A1")
  const anything: unknown = await sheaf.load("typed.json")
  expect(anything).toEqual([{ well: "A1", signal: 1 }])
})
