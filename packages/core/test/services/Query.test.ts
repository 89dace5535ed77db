import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { type ArtifactFilter, FIELDS, type FilterField, filterText, LOOKUPS_OF, SORT_FIELDS } from "../../src/domain/ArtifactFilter.ts"
import { conditionOf } from "../../src/domain/FilterValues.ts"
import { EXIT } from "../../src/domain/SheafError.ts"
import * as DuckDbClient from "../../src/layers/DuckDbClient.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts, type SaveItem } from "../../src/services/Artifacts.ts"
import { Instance } from "../../src/services/Instance.ts"
import { Keys } from "../../src/services/Keys.ts"
import { Query } from "../../src/services/Query.ts"
import { writeTableFile } from "../../src/services/TableFile.ts"
import { inOrder, type Known, meeting } from "../../src/testing/MemoryFilter.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

/** Numbers from 0 up to 1 that are the same in every run. */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

const HOSTILE = [
  "100%.csv", "a_b.csv", "a%b_c.csv", "it's \"quoted\".csv", "'; DROP TABLE reg.artifact; --.csv", "$1.csv", "$(touch pwned).csv", "[a]*.csv", "{x,y}.csv", "a?b.csv",
  "caf\u00e9.csv", "cafe\u0301.csv", "CAF\u00c9.CSV", "\u{1f600}.csv", "\uff5e.csv", "\u0421\u041b\u041e\u0412\u041e.csv", "+x.csv", "^x$.csv", "(x).csv", "a|b.csv", " .csv", "-- .csv", "--json", "a.tar.gz", "NULL", "null", "true"
]
const FOLDERS = ["raw", "raw/plate1", "raw/Plate1", "RAW", "bronze/x", "%", "_", "deep/er/est"]

let instance: TemporaryInstance
let all: ReadonlyArray<Known>

const fill = async (): Promise<void> => {
  const random = randomFrom(7)
  const pick = <A>(from: ReadonlyArray<A>): A => from[Math.floor(random() * from.length)]!
  const items: Array<SaveItem> = []
  for (const [i, name] of [...HOSTILE, ...HOSTILE, ...Array.from({ length: 200 }, (_, n) => `f${n}.${pick(["csv", "tsv", "parquet", "txt"])}`)].entries()) {
    const key = `${FOLDERS[i % FOLDERS.length]}/${name}`
    const descriptions = ["50% of_it", "line one\nline two", "it's\ta tab", "", "Plate ONE", "\u{1f600}", "back\\slash"]
    items.push({
      content: `${i % 170}${"x".repeat(Math.floor(random() ** 3 * 5000))}`.slice(0, i % 170 === 3 ? 1 : undefined),
      key,
      onDuplicate: "alias",
      ...(random() < 0.6 ? { description: pick(descriptions) } : {}),
      ...(random() < 0.5 ? { kind: pick(["dataset", "model"]) } : {})
    })
  }
  items.push({ content: "no key at all", description: "only a description" })
  await instance.run(Effect.gen(function*() {
    yield* (yield* Artifacts).saveMany(items)
    const keys = yield* Keys
    yield* keys.mv("deep/er/est", "deeper")
    yield* keys.unalias("raw/100%.csv")
    const { registryPath } = yield* Instance
    yield* Effect.scoped(Effect.flatMap(DuckDbClient.make({ path: registryPath }), (client) =>
      client.write(async (s) => {
        await s.run(`UPDATE reg.artifact SET created_at = TIMESTAMP '2025-12-30' + INTERVAL 1 HOUR * (hash(uid) % 150)::INTEGER + INTERVAL 1 MICROSECOND * (hash(size) % 3)::INTEGER`)
        await s.run(`INSERT INTO reg.label VALUES ('label001', 'qc passed', NULL, NULL, NULL, NULL, TIMESTAMP '2026-01-01'), ('label002', 'raw%', 'state', 'label001', NULL, NULL, TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.artifact_label SELECT uid, 'label001', NULL, created_at FROM reg.artifact WHERE hash(uid || 'a') % 3 = 0`)
        await s.run(`INSERT INTO reg.artifact_label SELECT uid, 'label002', NULL, created_at FROM reg.artifact WHERE hash(uid || 'b') % 3 = 0`)
        await s.run(`INSERT INTO reg.collection VALUES ('collection00000', 'c', 0, true, 'my set', 'h', NULL, NULL, NULL, 1, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01'),
          ('collection10000', 'd', 0, true, 'gone', 'h', NULL, NULL, NULL, -1, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.collection_member SELECT c, row_number() OVER (PARTITION BY c ORDER BY uid) - 1, uid
          FROM reg.artifact, (VALUES ('collection00000'), ('collection10000')) v(c) WHERE hash(uid || 'c') % 4 = 0`)
        await s.run(`INSERT INTO reg.transform VALUES ('transform0000000', 'transform000', 0, true, 'scripts/qc.py', 'script', NULL, NULL, TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.run VALUES ('run0000000000000', 'transform0000000', 'finished', NULL, NULL, NULL, NULL, 0, NULL, TIMESTAMP '2026-01-01', NULL)`)
        await s.run(`UPDATE reg.artifact SET run = 'run0000000000000' WHERE hash(uid || 'd') % 5 = 0`)
        await s.run(`UPDATE reg.artifact SET visibility = -1 WHERE description = 'back\\slash'`)
      })))
  }))
}

const survey = (): Promise<ReadonlyArray<Known>> =>
  instance.run(Effect.gen(function*() {
    const artifacts = yield* Query.everything.all
    const { registryPath } = yield* Instance
    const texts = (sql: string) =>
      Effect.scoped(Effect.flatMap(DuckDbClient.make({ path: registryPath }), (client) =>
        Effect.map(client.query<{ uid: string; text: string }>(sql), (rows) => (uid: string) => rows.filter((row) => row.uid === uid).map(({ text }) => text))))
    const history = yield* texts(`SELECT artifact AS uid, key AS text FROM reg.key UNION SELECT artifact, key FROM reg.key_history`)
    // What is below a label counts as having it.
    const labels = yield* texts(`SELECT artifact AS uid, unnest([name, l.uid]) AS text FROM reg.artifact_label JOIN reg.label l ON l.uid = label
      UNION ALL SELECT artifact, unnest(['qc passed', 'label001']) FROM reg.artifact_label WHERE label = 'label002'`)
    const collections = yield* texts(`SELECT artifact AS uid, unnest(['my set', collection]) AS text FROM reg.collection_member WHERE collection = 'collection00000'`)
    const storage = yield* texts(`SELECT artifact AS uid, unnest([url, r.uid]) AS text FROM reg.location JOIN reg.storage_root r ON r.uid = root`)
    const times = yield* texts(`SELECT uid, unnest([epoch_us(created_at), epoch_us(updated_at)])::VARCHAR AS text FROM reg.artifact`)
    return artifacts.map((artifact) => ({
      artifact,
      keyHistory: history(artifact.uid),
      labels: labels(artifact.uid),
      collections: collections(artifact.uid),
      storage: storage(artifact.uid),
      path: artifact.locations.map(({ path }) => path),
      transform: artifact.run === null ? [] : ["scripts/qc.py", "transform0000000"],
      createdBy: artifact.createdBy === null ? [] : [artifact.createdBy],
      createdAt: Number(times(artifact.uid)[0]),
      updatedAt: Number(times(artifact.uid)[1])
    }))
  }))

beforeAll(async () => {
  instance = await temporaryInstance()
  await fill()
  all = await survey()
})

const uidsOf = (query: Query): Promise<ReadonlyArray<string>> => instance.run(Effect.map(query.all, (found) => found.map(({ uid }) => uid)))

describe("a filter", () => {
  it("finds what the same filter finds in memory, whatever the keys are called", async () => {
    expect(all.length).toBeGreaterThan(150)
    const random = randomFrom(42)
    const pick = <A>(from: ReadonlyArray<A>): A => from[Math.floor(random() * from.length)]!
    const texts = [...HOSTILE, ...FOLDERS, "plate", "%", "_", "'", "\\", "\u0301", "e\u0301", "\u{1f600}", "qc passed", "raw%", "my set", "gone", "label001", "scripts/qc.py", "run0000000000000", "md5", ".csv", "", "x\0y", "\ud800"]
    const patterns = ["^raw/", "\\.csv$", "[0-9]+", "a|b", "^$", "\\$", "caf\u00e9?", "[^a-z]x"]
    const globs = ["*.csv", "raw/*", "raw/**", "**/*.tsv", "**/f?.csv", "f[0-4]*", "[!f]*", "{raw,RAW}/*", "raw/**/f1*", "*", "%", "?*"]
    const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null)
    const text = (field: FilterField): string => {
      const own = all[Math.floor(random() * all.length)]!.artifact
      const value = field === "key" || field === "keyHistory" ? pick(own.keys.length > 0 ? own.keys : ["none"]) : textOf((own as unknown as Record<string, unknown>)[field]) ?? pick(texts)
      if (random() < 0.4) return pick(texts)
      const from = Math.floor(random() * value.length)
      // Half of a character outside the first plane is no text, which the registry takes for U+FFFD and JavaScript for a part of the character.
      const whole = Buffer.from(random() < 0.4 ? value : value.slice(from, from + 1 + Math.floor(random() * 6))).toString()
      return random() < 0.3 ? whole.toUpperCase() : whole
    }
    const times = ["2025", "2026-01", "2026-01-01", "2026-01-02T03:00", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00.000001Z", "2025-12-31T23:00:00+02:00"]
    const value = (field: FilterField, lookup: string): unknown => {
      if (lookup === "isnull") return random() < 0.5
      switch (FIELDS[field].type) {
        case "boolean":
          return random() < 0.5
        case "number":
          return pick([0, 1, 2, 10, 100, 1.5, "1KB", "1KiB", ...all.slice(0, 5).map(({ artifact }) => artifact.size)])
        case "time":
          return pick(times)
        default:
          return lookup === "regex" ? pick(patterns) : lookup === "glob" ? pick(globs) : text(field)
      }
    }
    const condition = (): ArtifactFilter => {
      const field = pick(Object.keys(FIELDS) as ReadonlyArray<FilterField>)
      const lookup = pick(LOOKUPS_OF[FIELDS[field].type])
      const count = lookup === "range" ? 2 : Math.floor(random() * 4)
      return conditionOf(field, lookup, lookup === "range" || lookup === "in" ? Array.from({ length: count }, () => value(field, lookup)) : value(field, lookup))
    }
    const filter = (depth: number): ArtifactFilter => {
      const kind = random()
      if (depth === 0 || kind < 0.4) return condition()
      if (kind < 0.6) return { type: "not", filter: filter(depth - 1) }
      return { type: kind < 0.8 ? "and" : "or", filters: Array.from({ length: Math.floor(random() * 4) }, () => filter(depth - 1)) }
    }
    let matched = 0
    for (let i = 0; i < 400; i++) {
      const asked = filter(i % 4)
      const order = { field: pick(SORT_FIELDS), descending: random() < 0.5 }
      const expected = inOrder(all.filter(meeting(asked)), order).map(({ artifact }) => artifact.uid)
      const query = Query.of(asked).orderBy(order.field, order.descending ? "desc" : "asc")
      expect(await uidsOf(query), `${filterText(asked)} by ${order.field}`).toEqual(expected)
      expect(await instance.run(Query.of(asked).count), filterText(asked)).toBe(expected.length)
      if (expected.length > 0 && expected.length < all.length) matched++
    }
    // Filters that match nothing or everything would show nothing.
    expect(matched).toBeGreaterThan(40)
  })

  it("gives pages that put together are all, in every order", async () => {
    for (const field of SORT_FIELDS) {
      for (const direction of ["asc", "desc"] as const) {
        const query = Query.everything.where({ suffix: [".csv", ".tsv", ""] }).orderBy(field, direction)
        const uids: Array<string> = []
        let next: string | null = null
        do {
          const page: { readonly artifacts: ReadonlyArray<{ readonly uid: string }>; readonly next: string | null } = await instance.run(query.page(23, next))
          uids.push(...page.artifacts.map(({ uid }) => uid))
          next = page.next
        } while (next !== null)
        expect(uids, `${field} ${direction}`).toEqual(await uidsOf(query))
      }
    }
    const { next } = await instance.run(Query.everything.page(2))
    expect(await instance.fails(Query.everything.orderBy("size").page(2, next))).toMatchObject({ _tag: "InvalidInput", exitCode: EXIT.usage })
    expect(await instance.fails(Query.everything.page(2, "nonsense"))).toMatchObject({ _tag: "InvalidInput" })
  })
})

describe("a query", () => {
  it("for one artifact that finds several is MultipleResults, which lists them", async () => {
    const error = await instance.fails(Query.everything.where({ suffix: ".csv" }).one)
    const count = await instance.run(Query.everything.where({ suffix: ".csv" }).count)
    expect(error).toMatchObject({ _tag: "MultipleResults", exitCode: EXIT.conflict, total: count, reference: "suffix=.csv" })
    expect((error as { candidates: ReadonlyArray<string> }).candidates.length).toBeGreaterThan(1)
    expect(await instance.fails(Query.everything.where({ suffix: ".none" }).one)).toMatchObject({ _tag: "NotFound", exitCode: EXIT.notFound })
    expect(await instance.run(Query.everything.where({ suffix: ".none" }).oneOrNone)).toBe(null)
    const key = all.find(({ artifact }) => artifact.keys.length > 1)!.artifact.keys[1]!
    expect((await instance.run(Query.everything.where({ key }).one)).keys).toContain(key)
  })

  it("by key prefix, substring or glob gives all matches", async () => {
    const holds = (test: (key: string) => boolean) => all.filter(({ artifact }) => artifact.keys.some(test)).length
    expect(await instance.run(Query.everything.where({ key: { startswith: "raw/" } }).count)).toBe(holds((key) => key.startsWith("raw/")))
    expect(await instance.run(Query.everything.where({ key: { contains: "%" } }).count)).toBe(holds((key) => key.includes("%")))
    expect(await instance.run(Query.everything.where({ key: { glob: "raw/*" } }).count)).toBe(holds((key) => /^raw\/[^/]*$/.test(key)))
    expect(await instance.run(Query.everything.where(["key__glob=*.tsv"]).count)).toBe(holds((key) => key.endsWith(".tsv")))
  })

  it("has first, limit, exists and nested or and not", async () => {
    const { run } = instance
    const small = Query.everything.where({ size: { lt: 1000 }, or: [{ suffix: ".tsv" }, { not: { key: { startswith: "raw" } } }] }).orderBy("size", "desc")
    const found = await run(small.all)
    expect(found.length).toBeGreaterThan(3)
    expect(found.every(({ keys, size, suffix }) => size < 1000 && (suffix === ".tsv" || !keys.some((key) => key.startsWith("raw"))))).toBe(true)
    expect(await run(small.first)).toEqual(found[0])
    expect(await run(small.limit(2).all)).toEqual(found.slice(0, 2))
    expect(await run(small.limit(2).count)).toBe(2)
    expect(await run(small.exists)).toBe(true)
    expect(await run(small.where({ suffix: "nothing" }).exists)).toBe(false)
    expect(await run(small.limit(0).all)).toEqual([])
    expect(await run(Query.everything.where({ suffix: "nothing" }).first)).toBe(null)
  })

  it("refuses what it cannot mean, and names the near field or lookup", async () => {
    const problem = (...words: ReadonlyArray<string>) => instance.fails(Query.everything.where(words).all)
    expect(await problem("sise=3")).toMatchObject({ _tag: "InvalidInput", what: "filter on sise", hint: "Did you mean size?" })
    expect(await problem("created_att__gte=2026")).toMatchObject({ hint: "Did you mean createdAt?" })
    expect(await problem("key__icontain=x")).toMatchObject({ what: "filter key__icontain", hint: "Did you mean icontains or contains?" })
    expect(await problem("size__contains=3")).toMatchObject({ reason: "size is a number and has no contains" })
    expect(await problem("size=10 plates")).toMatchObject({ reason: "\"10 plates\" is no number" })
    expect(await problem("createdAt=2026-02-30")).toMatchObject({ reason: "\"2026-02-30\" is no date or time" })
    expect(await problem("isLatest=maybe")).toMatchObject({ reason: "\"maybe\" is neither true nor false" })
    expect(await problem("size__range=1")).toMatchObject({ reason: "takes two values and got 1" })
    expect(await problem("plate")).toMatchObject({ hint: "For a part of a key: key__icontains=plate." })
    expect(await problem("key__regex=(")).toMatchObject({ _tag: "InvalidInput", what: "filter key__regex=(", reason: expect.stringContaining("missing )") })
    expect(await problem("not:key__glob=[z-a]")).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(Query.everything.where({ labels: 3 as never }).all)).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(Query.everything.orderBy("labels" as never).all)).toMatchObject({ _tag: "InvalidInput", what: "order by labels" })
  })

  it("is written to a file by the engine, never over another without being told to", async () => {
    const query = Query.everything.where({ key: { startswith: "raw/" } }).orderBy("key")
    const path = join(instance.folder, "result.csv")
    const written = await instance.run(writeTableFile(query, path))
    const expected = await instance.run(query.all)
    expect(written).toMatchObject({ path, rows: expected.length })
    const lines = readFileSync(path, "utf8").split("\n")
    expect(lines[0]).toBe("uid,key,description,suffix,kind,size,hash,hash_type,n_files,n_observations,version,is_latest,run,transform,created_by,created_at,updated_at")
    expect(lines[1]).toContain(expected[0]!.createdAt)
    expect(await instance.fails(writeTableFile(query, path))).toMatchObject({ _tag: "InvalidInput", reason: "exists already" })
    await instance.run(writeTableFile(query, path, { overwrite: true, format: "parquet" }))
    expect(readFileSync(path).subarray(0, 4).toString()).toBe("PAR1")
    expect(await instance.fails(writeTableFile(query, join(instance.folder, "none", "x.csv")))).toMatchObject({ _tag: "FileError", code: "ENOENT" })
    expect(await instance.fails(writeTableFile(Query.everything.where(["key__regex=("]), join(instance.folder, "y.csv")))).toMatchObject({ _tag: "InvalidInput" })
    expect(existsSync(join(instance.folder, "y.csv"))).toBe(false)
  })

  it("over very many artifacts comes in order, piece by piece, each artifact whole", async () => {
    const big = await temporaryInstance()
    const N = 120_000
    const client = <A>(use: (client: DuckDbClient.DuckDbClient["Service"]) => Effect.Effect<A, unknown>) =>
      big.run(Effect.flatMap(Instance, ({ registryPath }) => Effect.scoped(Effect.flatMap(DuckDbClient.make({ path: registryPath }), use))))
    await client((opened) =>
      opened.write(async (s) => {
        const uid = `left(md5(i::VARCHAR), 16) || '0000'`
        const from = (where: string): string => `FROM range(${N}) r(i) WHERE ${where}`
        await s.run(`INSERT INTO reg.artifact SELECT ${uid}, left(${uid}, 16), 0, true, CASE WHEN i % 3 > 0 THEN 'k' || i END, NULL, '.csv', NULL, CASE WHEN i % 7 > 0 THEN 'd' || i % 5 END, NULL,
          i % 1000, md5('h' || i), 'md5', NULL, NULL, NULL, CASE WHEN i % 11 = 0 THEN 'run0000000000000' END, 'a' || i % 2, 1, make_timestamp(i // 3), make_timestamp(i) ${from("true")}`)
        await s.run(`INSERT INTO reg.key SELECT 'k' || i, ${uid}, make_timestamp(i), 'created', NULL ${from("i % 3 > 0")}`)
        await s.run(`INSERT INTO reg.key SELECT 'more/' || j || '/' || i, ${uid}, make_timestamp(i + 10 - j), 'aliased', NULL FROM range(${N}) r(i), range(2) q(j) WHERE i % 30 = 1`)
        await s.run(`INSERT INTO reg.location SELECT ${uid}, uid, j || '/' || i, true, false, CASE WHEN j = 0 AND i % 4 = 0 THEN 'missing' ELSE 'ok' END, NULL, make_timestamp(i + j), NULL
          FROM range(${N}) r(i), range(2) q(j), reg.storage_root WHERE j = 0 OR i % 10 = 0`)
        await s.run(`INSERT INTO reg.label VALUES ('label001', 'b', NULL, NULL, NULL, NULL, TIMESTAMP '2026-01-01'), ('label002', 'a', NULL, NULL, NULL, NULL, TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.artifact_label SELECT ${uid}, 'label00' || j, NULL, make_timestamp(i) FROM range(${N}) r(i), range(1, 3) q(j) WHERE i % 40 < j`)
        await s.run(`INSERT INTO reg.collection VALUES ('collection00000', 'c', 0, true, 'set', 'h', NULL, NULL, NULL, 1, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.collection_member SELECT 'collection00000', i, ${uid} ${from("i % 50 = 0")}`)
        await s.run(`INSERT INTO reg.account VALUES ('a1', 'mara', TIMESTAMP '2026-01-01')`)
        await s.run(`INSERT INTO reg.run VALUES ('run0000000000000', 'transform0000000', 'finished', NULL, NULL, NULL, NULL, 0, NULL, TIMESTAMP '2026-01-01', NULL)`)
      }))
    const query = Query.everything.orderBy("description", "desc")
    const found = await big.run(query.all)
    expect(found.length).toBe(N)
    expect(new Set(found.map(({ uid }) => uid)).size).toBe(N)
    expect((await big.run(Stream.runCollect(query.uids))).join()).toBe(found.map(({ uid }) => uid).join())
    expect(new Set(await big.run(Stream.runCollect(Query.everything.uids))).size).toBe(N)
    expect((await big.run(query.page(1200))).artifacts).toEqual(found.slice(0, 1200))
    // A few are looked up in another way.
    const some = found.filter((_, i) => i % 251 === 0)
    expect(await big.run(Effect.flatMap(Registry, (registry) => registry.artifacts(some.map(({ uid }) => uid))))).toEqual(some)
    expect([some.some(({ keys }) => keys.length > 2), some.some(({ labels }) => labels.length > 1), some.some(({ collections }) => collections.length > 0)]).toEqual([true, true, true])
    expect(some.some(({ locations }) => locations.length > 1 && locations[1]!.state === "missing")).toBe(true)
    const times = (await big.run(Query.everything.limit(25_000).all)).map(({ createdAt }) => createdAt)
    expect(times).toEqual([...times].sort())
    expect(times.length).toBe(25_000)
    expect(await big.run(Query.everything.where({ size: { range: [10, 19] } }).count)).toBe(N / 100)

    const listed = await big.run(Effect.flatMap(Artifacts, (artifacts) => Stream.runCollect(artifacts.listArtifacts())))
    const first = ({ keys }: { readonly keys: ReadonlyArray<string> }) => [...keys].sort()[0]!
    const keyed = found.filter(({ keys }) => keys.length > 0).sort((a, b) => (first(a) < first(b) ? -1 : 1))
    expect(listed.map(({ uid }) => uid).join()).toBe(keyed.map(({ uid }) => uid).join())
    // What was spilled is given up, also when the reader goes away in the middle.
    await client((opened) => Effect.gen(function*() {
      const tables = opened.staging((s) => s.rows(`SELECT table_name FROM duckdb_tables() WHERE database_name <> 'reg'`))
      expect(yield* tables).toEqual([])
      yield* Effect.promise(() => big.run(query2000))
      expect(yield* tables).toEqual([])
    }))
  }, 120_000)
})

const query2000 = Query.everything.stream.pipe(Stream.take(2000), Stream.runDrain)
