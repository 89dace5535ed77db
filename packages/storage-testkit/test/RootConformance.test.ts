import type { StorageHandle } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { Effect, Layer, Stream } from "effect"
import { Storage } from "@sheaf/core/ports/Storage"
import { describe, expect, it } from "vitest"
import { conformanceCost, counted, prefixed, rootConformance } from "../src/index.ts"
import { conformance } from "../src/Vitest.ts"

const memory = (): Promise<StorageHandle> => Effect.runPromise(Effect.provide(Effect.gen(function*() { return yield* Storage }), MemoryStorage.layer))

const keys = (handle: StorageHandle) =>
  Effect.runPromise(Effect.map(Effect.all([Stream.runCollect(handle.list({ prefix: ".sheaf/" })), Stream.runCollect(handle.list())]), (all) => all.flat().map(({ key }) => key)))

const put = (handle: StorageHandle, key: string) => Effect.runPromise(handle.write(key, { type: "bytes", bytes: new Uint8Array(3) }, { mode: "create" }))

conformance("below a prefix", Layer.effect(Storage, Effect.map(Storage, (handle) => prefixed(handle, "a/é b/"))).pipe(Layer.provide(MemoryStorage.layer)), { many: 200 })
conformance("below a prefix in the registry's own folder", Layer.effect(Storage, Effect.map(Storage, (handle) => prefixed(handle, ".sheaf/x/"))).pipe(Layer.provide(MemoryStorage.layer)), { many: 200 })

describe("the suite on a root that is in use", () => {
  it("passes, touches nothing of what is there, and leaves nothing", async () => {
    const handle = await memory()
    for (const key of ["a", "folder/a", "folder/b", ".sheaf/root.json", "target"]) await put(handle, key)
    const before = await keys(handle)
    const report = await Effect.runPromise(rootConformance(handle, { many: 120 }))
    expect(report).toMatchObject({ failed: 0, interrupted: false, leftover: null })
    expect(report.cases.find(({ number }) => number === 44)).toMatchObject({ outcome: "skipped" })
    expect(await keys(handle)).toEqual(before)
  })

  it("leaves nothing when it is stopped in the middle of a case", async () => {
    const handle = await memory()
    const stop = new AbortController()
    const report = await Effect.runPromise(rootConformance({
      ...handle,
      // The case of bodies that fail never ends here.
      write: (key, body, options) => key.includes("/11/") ? Effect.andThen(handle.write(key, body, options), Effect.andThen(Effect.sync(() => stop.abort()), Effect.never)) : handle.write(key, body, options)
    }, { signal: stop.signal, many: 100 }))
    expect(report.interrupted).toBe(true)
    expect(report.cases.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await keys(handle)).toEqual([])
  })

  it("leaves nothing when it is interrupted", async () => {
    const handle = await memory()
    const stop = new AbortController()
    const stuck = { ...handle, flush: Effect.andThen(Effect.sync(() => stop.abort()), Effect.never) }
    await Effect.runPromise(rootConformance(stuck), { signal: stop.signal }).catch(() => undefined)
    expect(stop.signal.aborted).toBe(true)
    expect(await keys(handle)).toEqual([])
  })

  it("names what it could not remove", async () => {
    const handle = await memory()
    const sticky = { ...handle, delete: (all: ReadonlyArray<string>) => handle.delete(all.filter((key) => !key.endsWith("/3/a"))) }
    const { leftover } = await Effect.runPromise(rootConformance(sticky, { many: 100 }))
    expect(await keys(handle)).toEqual([`${leftover}3/a`])
  })

  it("removes what a killed run left a day ago, and not what runs now", async () => {
    const handle = await memory()
    await put(handle, ".sheaf/verify-aaaaaaaaaaaa/2/a")
    await put(handle, ".sheaf/verify-bbbbbbbbbbbb/2/a")
    const aged = { ...handle, list: (options?: Parameters<StorageHandle["list"]>[0]) => Stream.map(handle.list(options), (object) => object.key.includes("aaaa") ? { ...object, modifiedAt: Date.now() - 25 * 3_600_000 } : object) }
    await Effect.runPromise(rootConformance(aged, { many: 100 }))
    expect(await keys(handle)).toEqual([".sheaf/verify-bbbbbbbbbbbb/2/a"])
  })

  it("costs about what was said before", async () => {
    const { counts, handle } = counted(await memory())
    const said = conformanceCost(handle)
    const report = await Effect.runPromise(rootConformance(handle))
    expect(report.requests).toBeLessThanOrEqual(counts.requests)
    for (const name of ["requests", "bytesWritten", "bytesRead"] as const) {
      expect(said[name] / counts[name], name).toBeGreaterThan(0.8)
      expect(said[name] / counts[name], name).toBeLessThan(1.25)
    }
  })
})
