import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { driver as local } from "../../../storage-local/src/index.ts"
import type { StorageDriver, StorageHandle } from "../../src/ports/Storage.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Reading } from "../../src/services/Reading.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { driver as memory } from "../../src/testing/MemoryStorage.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

/** An instance with a root that has no paths, in which reads are counted. */
const withRemoteRoot = async () => {
  const inner = memory()
  const seen = { reads: 0 }
  const counting = (handle: StorageHandle): StorageHandle => ({
    ...handle,
    read: (key, options) => Stream.suspend(() => {
      if (!key.endsWith("root.json")) seen.reads++
      return handle.read(key, options)
    })
  })
  const store: StorageDriver = { ...inner, open: (url, options) => Effect.map(inner.open(url, options), counting) }
  const bucket = await Effect.runPromise(Effect.scoped(store.open("memory://bucket", { create: true, readOnly: false })))
  const instance = await temporaryInstance({}, [local, store])
  await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.add("memory://bucket", { name: "bucket" })))
  const save = (content: string, key: string) =>
    instance.run(Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.saveContent(content, { key, storage: "bucket" }), ({ artifact }) => artifact)))
  const cachePath = (uid: string) => Effect.flatMap(Reading, (reading) => reading.cachePath(uid))
  return { bucket, instance, save, cachePath, seen, cache: join(instance.directory, ".sheaf", "cache", "objects") }
}

describe("a path for content that is only in a store without paths", () => {
  it("is that of a compared, write-protected copy with its suffix, fetched once", async () => {
    const { cache, cachePath, instance, save, seen } = await withRemoteRoot()
    const artifact = await save("a,b\n", "raw/a.csv")
    const path = String(await instance.run(cachePath(artifact.uid)))
    expect(readFileSync(path, "utf8")).toBe("a,b\n")
    expect(path.endsWith(".csv")).toBe(true)
    expect(statSync(path).mode & 0o222).toBe(0)
    const { reads } = seen
    expect(await instance.run(cachePath(artifact.uid))).toBe(path)
    // Other artifacts with the same content have the same file.
    const twin = await instance.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("a,b\n", { key: "raw/b.csv", storage: "bucket", onDuplicate: "new" })))
    expect(await instance.run(cachePath(twin.artifact.uid))).toBe(path)
    expect(seen.reads).toBe(reads)
    expect(readdirSync(cache)).toHaveLength(1)
  })

  it("is not given for a damaged object, and nothing of it stays", async () => {
    const { bucket, cache, cachePath, instance, save } = await withRemoteRoot()
    const artifact = await save("content", "a.txt")
    const [object] = await Effect.runPromise(Stream.runCollect(bucket.list({ prefix: ".sheaf/" })).pipe(Effect.map((all) => all.filter(({ key }) => !key.endsWith("root.json")))))
    await Effect.runPromise(bucket.write(object!.key, { type: "bytes", bytes: Buffer.from("tnetnoc") }, { mode: "replace" }))
    expect(await instance.fails(cachePath(artifact.uid))).toMatchObject({ _tag: "Damaged" })
    expect(readdirSync(cache)).toEqual([])
  })

  it("is that of the object itself where a local root has one", async () => {
    const { cachePath, instance } = await withRemoteRoot()
    const { artifact } = await instance.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("here", { key: "a.txt" })))
    expect(String(await instance.run(cachePath(artifact.uid))).startsWith(instance.storage)).toBe(true)
  })
})

describe("the cache", () => {
  it("removes what was used longest ago when it is full, and nothing that was used just now", async () => {
    const { cache, cachePath, instance, save } = await withRemoteRoot()
    mkdirSync(cache, { recursive: true })
    for (const [name, gibibytes, hours] of [["old", 3, 3], ["older", 3, 5], ["recent", 3, 0], ["some.part", 1, 30], ["young.part", 3, 1]] as const) {
      const at = new Date(Date.now() - hours * 3_600_000)
      writeFileSync(join(cache, name), "")
      // Without using any space.
      truncateSync(join(cache, name), gibibytes * 1024 ** 3)
      utimesSync(join(cache, name), at, at)
    }
    const path = String(await instance.run(cachePath((await save("content", "a.txt")).uid)))
    expect(readdirSync(cache).sort()).toEqual([basename(path), "old", "recent", "young.part"].sort())
  })
})
