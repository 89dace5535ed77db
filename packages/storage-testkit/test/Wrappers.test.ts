import { resilient, resilientDriver } from "@sheaf/core/layers/ResilientStorage"
import { limited } from "@sheaf/core/layers/StorageConcurrency"
import { withTimeouts } from "@sheaf/core/layers/StorageTimeouts"
import { traced } from "@sheaf/core/layers/StorageTracing"
import { StorageError, type StorageHandle } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { Effect, Stream, Tracer } from "effect"
import { describe, expect, it } from "vitest"
import { FaultInjection } from "../src/index.ts"
import { conformance } from "../src/Vitest.ts"
import { allKeys, around, bytes, memoryRoot, put, quickly, textOf, trouble } from "./MemoryRoot.ts"

conformance("in memory, held out", around((handle) => resilient(handle)), { many: 200 })
conformance("in memory, one thing at a time", around((handle) => limited(handle, { limit: 1 })), { many: 200 })

describe("timeouts", () => {
  it("end what says nothing", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    yield* put(memory, "a")
    const silent = withTimeouts({
      ...memory, stat: () => Effect.never, delete: () => Effect.never, copy: () => Effect.never, probe: Effect.never, write: () => Effect.never,
      read: (key) => Stream.concat(memory.read(key), Stream.never), list: () => Stream.never
    }, { idle: 1000 })
    const all = [silent.stat("a"), silent.delete(["a"]), silent.copy("a", "b"), silent.probe, put(silent, "b"), Stream.runDrain(silent.read("a")), Stream.runDrain(silent.list())]
    for (const one of all) {
      const error = yield* Effect.flip(one as Effect.Effect<unknown, ReturnType<typeof trouble>>)
      expect(error).toMatchObject({ kind: "Timeout", retry: true, driver: "memory" })
    }
  })))

  it("do not count the time that others take", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const handle = withTimeouts(memory, { idle: 1000 })
    const slow = Stream.fromIterable(["a", "b", "c"]).pipe(Stream.mapEffect((text) => Effect.delay(Effect.succeed(bytes(text)), 5000)))
    yield* handle.write("a", { type: "stream", open: () => slow }, { mode: "create" })
    expect(yield* textOf(memory, "a")).toBe("abc")
    const read = yield* Stream.runCollect(Stream.tap(handle.read("a"), () => Effect.sleep(5000)))
    expect(Buffer.concat([...read]).toString()).toBe("abc")
  })))

  it("end a write that asks for no further piece", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const handle = withTimeouts({
      ...memory, write: (_key, body) => body.type === "stream" ? Effect.andThen(Stream.runDrain(Stream.take(body.open(), 1)), Effect.never) : Effect.never
    }, { idle: 1000 })
    const error = yield* Effect.flip(handle.write("a", { type: "stream", open: () => Stream.make(bytes("a"), bytes("b")) }, { mode: "create" }))
    expect(error.kind).toBe("Timeout")
  })))
})

/** Counts what is under way at once. */
const watching = (handle: StorageHandle) => {
  const seen = { now: 0, most: 0 }
  const one = <A, E>(effect: Effect.Effect<A, E>) => Effect.suspend(() => {
    seen.most = Math.max(seen.most, ++seen.now)
    return Effect.ensuring(Effect.andThen(Effect.sleep(10), effect), Effect.sync(() => { seen.now-- }))
  })
  return { seen, handle: { ...handle, stat: (key: string) => one(handle.stat(key)), write: (...all: Parameters<StorageHandle["write"]>) => one(handle.write(...all)) } }
}

describe("a limit on what happens at once", () => {
  it("is kept, and is the driver's own when none is given", () => quickly(Effect.gen(function*() {
    for (const [limit, expected] of [[3, 3], [undefined, 4]] as const) {
      const memory = yield* memoryRoot
      const { handle, seen } = watching({ ...memory, capabilities: { ...memory.capabilities, concurrencyHint: 4 } })
      const few = limited(handle, limit === undefined ? {} : { limit })
      const keys = Array.from({ length: 20 }, (_, n) => `${n}`)
      yield* Effect.forEach(keys, (key) => Effect.andThen(put(few, key), few.stat(key)), { concurrency: "unbounded" })
      expect(seen).toEqual({ now: 0, most: expected })
    }
  })))

  it("lets nobody wait for himself", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const one = limited(memory, { limit: 1 })
    for (let n = 0; n < 5; n++) yield* put(one, `a/${n}`, `${n}`)
    yield* Effect.forEach([0, 1, 2, 3, 4], (n) => one.write(`b/${n}`, { type: "stream", open: () => one.read(`a/${n}`) }, { mode: "create" }), { concurrency: "unbounded" })
    yield* Stream.runForEach(one.list({ prefix: "a/" }), ({ key }) => one.delete([key]))
    expect(yield* allKeys(memory)).toEqual(["b/0", "b/1", "b/2", "b/3", "b/4"])
  })))

  it("is not used up by what fails or is interrupted", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const one = limited(memory, { limit: 1 })
    const stuck = () => Stream.concat(Stream.make(bytes("a")), Stream.never)
    for (let n = 0; n < 3; n++) {
      yield* Effect.exit(Effect.timeout(one.write("a", { type: "stream", open: stuck }, { mode: "create" }), 50))
      yield* Effect.exit(one.write("a", { type: "stream", open: () => Stream.fail(trouble()) }, { mode: "create" }))
      yield* Effect.exit(one.stat("missing"))
      yield* Stream.runDrain(Stream.take(one.list(), 0))
    }
    yield* put(one, "a")
    expect(yield* allKeys(memory)).toEqual(["a"])
  })))
})

describe("tracing", () => {
  it("has a span for every operation with what it moved and how often it was tried, and no secret", () => quickly(Effect.gen(function*() {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({ span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    } })
    const memory = yield* memoryRoot
    let isFirst = true
    const handle = resilient({
      ...memory,
      stat: (key) => Effect.suspend(() => {
        if (!isFirst) return memory.stat(key)
        isFirst = false
        return Effect.fail(trouble("Unavailable"))
      })
    }, { retry: { firstWait: 1 } })
    yield* Effect.gen(function*() {
      yield* handle.write("a", { type: "stream", open: () => Stream.make(bytes("ab"), bytes("c")) }, { mode: "create" })
      yield* handle.stat("a")
      yield* Stream.runDrain(handle.read("a"))
      yield* Stream.runDrain(handle.list())
      yield* handle.delete(["a", "b"])
    }).pipe(Effect.withTracer(tracer))
    const found = spans.filter(({ name }) => name.startsWith("storage.")).map(({ attributes, name }) => [name, Object.fromEntries([...attributes].filter(([key]) => key.startsWith("storage.")))])
    const driver = { "storage.driver": "memory" }
    expect(found).toEqual([
      ["storage.write", { ...driver, "storage.key": "a", "storage.attempts": 1, "storage.bytes": 3 }],
      ["storage.stat", { ...driver, "storage.key": "a", "storage.attempts": 2 }],
      ["storage.read", { ...driver, "storage.key": "a", "storage.attempts": 1, "storage.bytes": 3 }],
      ["storage.list", { ...driver, "storage.key": "", "storage.attempts": 1, "storage.objects": 1 }],
      ["storage.delete", { ...driver, "storage.key": "", "storage.attempts": 1, "storage.objects": 2 }]
    ])
  })))

  it("changes nothing", () => quickly(Effect.gen(function*() {
    const handle = traced(yield* memoryRoot)
    yield* put(handle, "a")
    expect(yield* textOf(handle, "a")).toBe("abc")
    expect((yield* Effect.flip(handle.stat("b"))).kind).toBe("NotFound")
  })))
})

describe("a driver that holds out", () => {
  it("gives roots that do, unless they are directories", () => quickly(Effect.gen(function*() {
    const memory = MemoryStorage.driver()
    const onBadDays = { ...memory, open: (...all: Parameters<typeof memory.open>) => Effect.map(memory.open(...all), (handle) => FaultInjection.faulty(handle, { seed: 3, rate: 0.5, delay: 0 }).handle) }
    const handle = yield* Effect.scoped(resilientDriver(onBadDays).open("memory://a", { create: true, readOnly: false }))
    for (let n = 0; n < 20; n++) yield* put(handle, `${n}`)
    const local = { ...memory, scheme: "file" }
    expect(resilientDriver(local)).toBe(local)
  })))

  it("opens a root again when that failed, and waits only once for one that is away", () => quickly(Effect.gen(function*() {
    const memory = MemoryStorage.driver()
    let attempts = 0
    let failing = 2
    const refused = new StorageError({ kind: "Unavailable", driver: "memory", operation: "open", key: "", retry: true })
    const flaky = { ...memory, open: (...all: Parameters<typeof memory.open>) => Effect.suspend(() => (++attempts <= failing ? Effect.fail(refused) : memory.open(...all))) }
    const driver = resilientDriver(flaky, { retry: { firstWait: 100, openLimit: 2_000 } })
    const open = Effect.scoped(driver.open("memory://b", { create: true, readOnly: false }))
    yield* open
    expect(attempts).toBe(3)
    failing = Number.POSITIVE_INFINITY
    yield* Effect.flip(open)
    expect(attempts).toBeGreaterThan(4)
    attempts = 0
    yield* Effect.flip(open)
    expect(attempts).toBe(1)
  })))
})
