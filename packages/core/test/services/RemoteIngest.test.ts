import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { driver as local } from "../../../storage-local/src/index.ts"
import type { Artifact } from "../../src/domain/Artifact.ts"
import type { IngestEvent, IngestSummary } from "../../src/domain/IngestReport.ts"
import { type StorageDriver, StorageError, type StorageHandle, type WriteOptions } from "../../src/ports/Storage.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Ingest, type IngestRequest } from "../../src/services/Ingest.ts"
import { Reading } from "../../src/services/Reading.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { driver as memory } from "../../src/testing/MemoryStorage.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

const md5 = (text: string): string => createHash("md5").update(text).digest("base64url")

/** A store that counts its writes, and refuses the keys that it is told. */
const countingStore = (multipart: StorageHandle["capabilities"]["multipart"]) => {
  const inner = memory()
  const seen = { writes: 0, reads: 0, partDigests: [] as Array<WriteOptions["partDigests"]>, refuse: (_key: string): StorageError["kind"] | null => null }
  const wrap = (handle: StorageHandle): StorageHandle => ({
    ...handle,
    capabilities: { ...handle.capabilities, multipart },
    read: (key, options) => Stream.suspend(() => {
      seen.reads++
      return handle.read(key, options)
    }),
    write: (key, body, options) =>
      Effect.suspend(() => {
        seen.writes++
        seen.partDigests.push(options.partDigests)
        const kind = seen.refuse(key)
        return kind === null ? handle.write(key, body, options) : Effect.fail(new StorageError({ kind, driver: "memory", operation: "write", key, retry: false }))
      })
  })
  const store: StorageDriver = { ...inner, open: (url, options) => Effect.map(inner.open(url, options), wrap) }
  return { store, seen }
}

const instanceWithBucket = async (options: Parameters<typeof temporaryInstance>[0] = {}, multipart: StorageHandle["capabilities"]["multipart"] = null) => {
  const { seen, store } = countingStore(multipart)
  const bucket = await Effect.runPromise(Effect.scoped(store.open("memory://bucket", { create: true, readOnly: false })))
  const instance = await temporaryInstance(options, [local, store])
  await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.add("memory://bucket", { name: "bucket" })))
  seen.writes = 0
  seen.partDigests.length = 0
  return { instance, seen, bucket, put: (key: string, text: string) => Effect.runPromise(bucket.write(key, { type: "bytes", bytes: Buffer.from(text) }, { mode: "replace" })) }
}

const ingest = async (instance: TemporaryInstance, request: IngestRequest): Promise<{ readonly summary: IngestSummary; readonly items: ReadonlyArray<IngestEvent & { type: "item" }> }> => {
  const events = await instance.run(Effect.flatMap(Ingest, (service) => Stream.runCollect(service.ingest({ items: true, ...request }))))
  return { summary: events.find((event) => event.type === "summary")!, items: events.filter((event) => event.type === "item") }
}

const get = (instance: TemporaryInstance, reference: string): Promise<Artifact> => instance.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference)))

const textOf = (instance: TemporaryInstance, uid: string): Promise<string> =>
  instance.run(Effect.flatMap(Reading, (reading) => Effect.map(Stream.runCollect(reading.open(uid)), (chunks) => Buffer.concat([...chunks]).toString())))

const keysIn = (handle: StorageHandle, prefix: string) => Effect.runPromise(Effect.map(Stream.runCollect(handle.list({ prefix })), (objects) => objects.map(({ key }) => key)))

describe("a directory copied into a store that is no directory", () => {
  it("stores each content once, and finds everything unchanged the second time", async () => {
    const { bucket, instance, seen } = await instanceWithBucket()
    for (let n = 0; n < 300; n++) instance.file(`run/${n % 7}/${n}.csv`, `content ${n % 250}`)
    instance.file("run/empty", "")
    instance.file("run/empty too", "")
    instance.file("run/new\nline\\%41.csv", "hostile")
    const source = `${instance.folder}/outside/run`
    const { items, summary } = await ingest(instance, { paths: [source], storage: "bucket" })
    expect(summary).toMatchObject({ mode: "managed", storage: "memory://bucket", counts: { files: 303, created: 253, aliased: 50, failed: 0 }, failures: [] })
    expect(items).toHaveLength(303)
    expect(seen.writes).toBe(253)
    expect(await keysIn(bucket, ".sheaf/")).toHaveLength(254)
    for (const item of items) expect(await textOf(instance, item.uid!)).toHaveLength(item.size!)
    expect(await textOf(instance, (await get(instance, "run/new%0Aline%5C%2541.csv")).uid)).toBe("hostile")
    const again = await ingest(instance, { paths: [source], storage: "bucket" })
    expect(again.summary.counts).toMatchObject({ files: 303, existing: 303 })
    expect(seen.writes).toBe(253)
  })

  it("makes a new version of a file that has changed, and keeps the old one readable", async () => {
    const { instance } = await instanceWithBucket()
    instance.file("run/a.csv", "first")
    await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket" })
    const first = await get(instance, "run/a.csv")
    instance.file("run/a.csv", "second")
    const { summary } = await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket" })
    expect(summary.counts).toMatchObject({ newVersion: 1, files: 1 })
    expect(await textOf(instance, (await get(instance, "run/a.csv")).uid)).toBe("second")
    expect(await textOf(instance, first.uid)).toBe("first")
  })

  it("stores every copy when duplicates are to be artifacts of their own", async () => {
    const { instance, seen } = await instanceWithBucket()
    for (const name of ["a", "b", "c"]) instance.file(`run/${name}.csv`, "same")
    const { summary } = await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket", onDuplicate: "new" })
    expect(summary.counts).toMatchObject({ files: 3, created: 3 })
    expect(seen.writes).toBe(3)
  })

  it("reports a file that the store refuses and goes on; a store that is down ends the run, and the next one finishes", async () => {
    const { bucket, instance, seen } = await instanceWithBucket({ keyPolicy: "semantic" })
    for (let n = 0; n < 50; n++) instance.file(`run/${n}.csv`, `content ${n}`)
    const source = `${instance.folder}/outside/run`
    seen.refuse = (key) => (key === "run/7.csv" ? "TooLarge" : null)
    const { summary } = await ingest(instance, { paths: [source], storage: "bucket" })
    expect(summary.counts).toMatchObject({ files: 50, created: 49, failed: 1 })
    expect(summary.failures).toEqual([{ path: expect.stringMatching(/run\/7\.csv$/), code: "TooLarge", message: expect.any(String) }])
    expect(await keysIn(bucket, "run/")).toHaveLength(49)

    for (let n = 0; n < 50; n++) instance.file(`other/${n}.csv`, `other ${n}`)
    let writes = 0
    seen.refuse = () => (++writes > 20 ? "Unavailable" : null)
    const failure = await instance.fails(Effect.flatMap(Ingest, (service) => Stream.runDrain(service.ingest({ paths: [`${instance.folder}/outside/other`], storage: "bucket" }))))
    expect(failure).toMatchObject({ _tag: "StorageError", kind: "Unavailable", exitCode: 8 })
    seen.refuse = () => null
    const { summary: finished } = await ingest(instance, { paths: [`${instance.folder}/outside/other`], storage: "bucket" })
    expect(finished.counts).toMatchObject({ files: 50, failed: 0 })
    expect((await keysIn(bucket, "other/")).length + (await keysIn(bucket, ".sheaf/")).length).toBe(51)
  })

  it("leaves nothing of what was on its way when the store went down, though it arrives later", async () => {
    const inner = memory()
    const bucket = await Effect.runPromise(Effect.scoped(inner.open("memory://bucket", { create: true, readOnly: false })))
    let arrive = (): void => undefined
    const arrival = new Promise<void>((resolve) => { arrive = resolve })
    let begin = (): void => undefined
    const begun = new Promise<void>((resolve) => { begin = resolve })
    let [isDown, onTheirWay] = [false, 0]
    const slow: StorageDriver = {
      ...inner,
      open: (url, options) => Effect.map(inner.open(url, options), (handle): StorageHandle => ({
        ...handle,
        capabilities: { ...handle.capabilities, concurrencyHint: 8 },
        write: (key, body, writing) => {
          if (!isDown) return handle.write(key, body, writing)
          if (body.type !== "bytes" || body.bytes.length !== 1) {
            if (++onTheirWay === 3) begin()
            return Effect.uninterruptible(Effect.andThen(Effect.promise(() => arrival), handle.write(key, body, writing)))
          }
          // The others are answered long after this one.
          setTimeout(arrive, 1_500)
          return Effect.andThen(Effect.promise(() => begun), Effect.fail(new StorageError({ kind: "Unavailable", driver: "memory", operation: "write", key, retry: false })))
        }
      }))
    }
    const instance = await temporaryInstance({}, [local, slow])
    await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.add("memory://bucket", { name: "bucket" })))
    isDown = true
    instance.file("run/a", "1")
    for (const name of ["b", "c", "d"]) instance.file(`run/${name}`, `content of ${name}`)
    const failure = await instance.fails(Effect.flatMap(Ingest, (service) => Stream.runDrain(service.ingest({ paths: [`${instance.folder}/outside/run`], storage: "bucket" }))))
    expect(failure).toMatchObject({ _tag: "StorageError", kind: "Unavailable" })
    // Whoever did not wait for them has given up by now.
    arrive()
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(await keysIn(bucket, ".sheaf/")).toEqual([".sheaf/root.json"])
  })

  it("gives a store that sends parts the digests of these, from the reading that made the hash", async () => {
    const MIB = 1024 * 1024
    const { instance, seen } = await instanceWithBucket({}, { min: 1, max: 8 * MIB, maxParts: 100, size: 2 * MIB })
    const content = randomBytes(5 * MIB + 3)
    const folder = `${instance.folder}/outside/data`
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${folder}/large.bin`, content)
    writeFileSync(`${folder}/whole.bin`, content.subarray(0, 2 * MIB))
    await ingest(instance, { paths: [folder], storage: "bucket" })
    const md5 = Buffer.concat([0, 2 * MIB, 4 * MIB].map((at) => createHash("md5").update(content.subarray(at, at + 2 * MIB)).digest()))
    expect(seen.partDigests.map((digests) => digests && { size: digests.size, md5: Buffer.from(digests.md5) })).toEqual([{ size: 2 * MIB, md5 }, undefined])
  })

  it("does not store what has changed since it was hashed", async () => {
    const { instance, seen } = await instanceWithBucket()
    const path = instance.file("run/a.csv", "first")
    instance.file("run/b.csv", "b")
    seen.refuse = () => {
      // The other file is being stored: now this one changes.
      instance.file("run/a.csv", "other")
      return null
    }
    const { summary } = await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket" })
    expect(path).toBeDefined()
    expect(summary.counts.files).toBe(2)
    for (const key of ["run/a.csv", "run/b.csv"]) {
      const artifact = await get(instance, key).catch(() => null)
      if (artifact !== null) expect(md5(await textOf(instance, artifact.uid))).toBe(artifact.hash)
    }
  })
})

describe("objects of a store, registered where they are", () => {
  it("takes hashes from the listing, without reading or writing an object", async () => {
    const { bucket, instance, put, seen } = await instanceWithBucket()
    await put("data/plate1/a.csv", "a")
    await put("data/plate1/b.csv", "b")
    await put("data/plate2/a again.csv", "a")
    await put("data-1/c.csv", "c")
    await put("data/skip.tmp", "x")
    seen.writes = seen.reads = 0
    const { items, summary } = await ingest(instance, { paths: ["memory://bucket/data"], exclude: ["*.tmp"] })
    expect(summary).toMatchObject({ mode: "in-place", keyPrefix: "data", counts: { files: 4, created: 2, aliased: 1, skipped: 1 }, bytes: 3 })
    expect(items.map(({ key, outcome }) => [key, outcome])).toEqual([
      ["data/plate1/a.csv", "created"], ["data/plate1/b.csv", "created"], ["data/plate2/a again.csv", "aliased"], [null, "skipped"]
    ])
    expect([seen.writes, seen.reads]).toEqual([0, 0])
    const artifact = await get(instance, "data/plate1/a.csv")
    expect(artifact).toMatchObject({ hash: md5("a"), hashType: "md5", keyIsVirtual: false, path: "memory://bucket/data/plate1/a.csv" })
    expect(artifact.locations).toHaveLength(2)
    expect(await textOf(instance, artifact.uid)).toBe("a")

    await put("data/plate1/a.csv", "changed")
    const again = await ingest(instance, { paths: ["memory://bucket/data/"], exclude: ["*.tmp"] })
    expect(again.summary.counts).toMatchObject({ files: 4, existing: 2, newVersion: 1 })
    expect(await textOf(instance, artifact.uid)).toBe("a")
    expect(await keysIn(bucket, "data/")).toHaveLength(4)
  })

  it("reads objects for their hash with --rehash, or where the instance hashes otherwise", async () => {
    const { instance, put } = await instanceWithBucket({ hash: "sha256" })
    await put("data/a.csv", "a")
    const plain = await ingest(instance, { paths: ["memory://bucket/data"] })
    expect(plain.items[0]).toMatchObject({ hash: md5("a"), outcome: "created" })
    const { items } = await ingest(instance, { paths: ["memory://bucket/data"], rehash: true, key: "hashed" })
    expect(items[0]).toMatchObject({ hash: createHash("sha256").update("a").digest("base64url"), key: "hashed/a.csv" })
  })

  it("refuses a place that is in no root, and an unknown scheme, before anything changes", async () => {
    const { instance } = await instanceWithBucket()
    const fails = (url: string) => instance.fails(Effect.flatMap(Ingest, (service) => Stream.runDrain(service.ingest({ paths: [url] }))))
    expect(await fails("memory://bucket-2/data")).toMatchObject({ _tag: "InvalidInput", hint: expect.stringContaining("sheaf storage add memory://bucket-2/data") })
    expect(await fails("ftp://host/data")).toMatchObject({ _tag: "StorageError", kind: "Unsupported" })
  })
})

describe("what a killed upload leaves", () => {
  it("is removed by whoever writes there next, and by gc, but never what is registered", async () => {
    const { bucket, instance, put } = await instanceWithBucket()
    instance.file("run/a.csv", "a")
    await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket" })
    const kept = (await keysIn(bucket, ".sheaf/")).filter((key) => key !== ".sheaf/root.json")
    const stray = `.sheaf/AB/${"AB".padEnd(20, "0")}.csv`
    await put(stray, "never registered")
    const { uid } = await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.show("bucket")))
    const folder = `${instance.directory}/.sheaf/cache/uploads/${uid}/.sheaf/pending`
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${folder}/999999999-1-dead.intent`, `{"pid":999999999,"startTicks":"1","host":"${hostname()}","bootId":"x"}\n${[stray, ...kept].join("\n")}\n`)
    instance.file("run/b.csv", "b")
    await ingest(instance, { paths: [`${instance.folder}/outside/run`], storage: "bucket" })
    const objects = await keysIn(bucket, ".sheaf/")
    expect(objects).not.toContain(stray)
    expect(objects).toEqual(expect.arrayContaining(kept))
    expect(objects).toHaveLength(3)
    expect(readdirSync(folder)).toEqual([])
  })
})
