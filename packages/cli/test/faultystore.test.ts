/**
 * A root in S3 behind a network that fails one request in five, in every way there is: ingest, and reading everything back.
 *
 * `SHEAF_FAULT_FILES` makes the run longer, `SHEAF_FAULT_SEED` repeats one.
 */
import { Effect, Exit, Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Fault, type FaultProxy, faultProxy } from "../../storage-s3/test/servers/FaultProxy.ts"
import { workplace } from "./Cli.ts"
import { type MinioBucket, minioBucket } from "./MinioBucket.ts"
import { seeded } from "./Seeded.ts"

const FILES = Number(process.env["SHEAF_FAULT_FILES"] ?? 300)
const SEED = Number(process.env["SHEAF_FAULT_SEED"] ?? Date.now() % 1_000_000)
/** Of the requests, so many fail. */
const SHARE = 0.2

const scope = Effect.runSync(Scope.make())
let store: MinioBucket | null = null
let proxy: FaultProxy

beforeAll(async () => {
  store = await minioBucket("sheaf-faults")
  if (store === null) return
  proxy = await Effect.runPromise(Scope.provide(faultProxy(store.server.address.endpoint), scope))
  Object.assign(process.env, store.environment)
})

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await store?.stop()
})

/** What networks and stores do to a request. */
const FAULTS: ReadonlyArray<Fault> = [
  { type: "reset" },
  { type: "delay", milliseconds: 200 },
  { type: "answer", status: 500 },
  { type: "answer", status: 503, code: "SlowDown" },
  { type: "answer", status: 429, code: "TooManyRequests" },
  { type: "say", status: 502, body: "<html>bad gateway</html>" },
  { type: "cut", after: 20, by: "reset" },
  { type: "cut", after: 20, by: "end" },
  { type: "halfRequest" },
  { type: "loseAnswer" }
]

const nameOf = (i: number): string => (i === 0 ? "large.bin" : `d${i % 7}/f${i}.txt`)
const contentOf = (i: number): string => `${i} of the run\n`.repeat(i === 0 ? 900_000 : 1 + (i % 40))

it(`an ingest of ${FILES} files, and reading them back, lose nothing when one request in five fails (seed ${SEED})`, { timeout: 3_600_000 }, async (context) => {
  if (store === null) return context.skip()
  const random = seeded(SEED)
  const place = workplace()
  await place.json("init", "--storage", `s3://${store.bucket}/root?endpoint=${proxy.endpoint}`)
  for (let i = 0; i < FILES; i++) place.write(`data/${nameOf(i)}`, contentOf(i))
  const before = proxy.seen.length
  for (const fault of FAULTS) {
    const share = SHARE / FAULTS.length
    proxy.on(() => random() < share, fault, Number.POSITIVE_INFINITY)
  }
  const first = await place.json("ingest", "data")
  expect(first.counts).toMatchObject({ files: FILES, created: FILES, failed: 0 })
  const written = proxy.seen.length
  expect((await place.json("export", "data", "again"))).toBeDefined()
  expect(await place.json("verify")).toMatchObject({ checked: FILES, ok: FILES, damaged: [], missing: [] })

  const wrong = Array.from({ length: FILES }, (_, i) => nameOf(i)).filter((name) =>
    !readFileSync(join(place.directory, "again", name)).equals(readFileSync(join(place.directory, "data", name))))
  expect(wrong).toEqual([])
  const objects = (await store.names("root")).filter((name) => name !== ".sheaf/root.json")
  expect(objects.length).toBe(FILES)
  expect(store.unfinishedUploads()).toEqual([])

  const sent = proxy.seen.slice(before, written)
  const puts = sent.filter(({ method }) => method === "PUT")
  const bytes = puts.reduce((sum, { headers }) => sum + Number(headers["content-length"] ?? 0), 0)
  const needed = Array.from({ length: FILES }, (_, i) => contentOf(i).length).reduce((a, b) => a + b, 0)
  const attempts = new Map<string, number>()
  for (const { method, url } of sent) attempts.set(`${method} ${url}`, (attempts.get(`${method} ${url}`) ?? 0) + 1)
  process.stdout.write(
    `ingest: ${sent.length} requests, ${sent.length - attempts.size} of them again; ${bytes} bytes sent for ${needed}; reading twice: ${proxy.seen.length - written} requests\n`
  )
  expect(sent.length - attempts.size, "without a fault nothing is proved").toBeGreaterThan(FILES / 20)
})
