import { retrying } from "@sheaf/core/layers/StorageRetry"
import { StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Clock, Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { counted, FaultInjection } from "../src/index.ts"
import { conformance } from "../src/Vitest.ts"
import { allKeys, around, bytes, memoryRoot, put, quickly, textOf, trouble } from "./MemoryRoot.ts"

conformance("in memory with errors, cut streams and lost replies, repeated", around((handle) =>
  retrying(FaultInjection.faulty(handle, { seed: 1, rate: 0.25, delay: 1 }).handle, { firstWait: 1, longestWait: 2 })), { many: 200 })

/** A handle whose operations fail as long as `fails` says so, before or after they are done. */
const failing = (handle: StorageHandle, after: boolean, times = 1): StorageHandle => {
  let left = times
  const one = <A>(effect: Effect.Effect<A, ReturnType<typeof trouble>>) => Effect.suspend(() => {
    if (left <= 0) return effect
    left--
    return after ? Effect.andThen(effect, Effect.fail(trouble("Timeout"))) : Effect.fail(trouble())
  })
  return {
    ...handle,
    stat: (key) => after ? handle.stat(key) : one(handle.stat(key)),
    write: (key, body, options) => one(handle.write(key, body, options)),
    delete: (keys) => one(handle.delete(keys)),
    rename: (from, to) => one(handle.rename(from, to)),
    copy: (from, to) => one(handle.copy(from, to))
  }
}

describe("repeating", () => {
  it("waits longer each time, and gives up after the limit with the last error", () => quickly(Effect.gen(function*() {
    const times: Array<number> = []
    const handle = { ...(yield* memoryRoot), stat: () => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.andThen(Effect.sync(() => times.push(now)), Effect.fail(trouble()))) }
    const error = yield* Effect.flip(retrying(handle, { limit: 10_000, firstWait: 100 }).stat("a"))
    expect(error.kind).toBe("Unavailable")
    expect(times.at(-1)! - times[0]!).toBeLessThanOrEqual(10_000)
    const waits = times.slice(1).map((time, n) => time - times[n]!)
    expect(waits.length).toBeGreaterThanOrEqual(5)
    for (const [n, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(100 * 2 ** n / 2)
      // The test's clock goes in steps of 100.
      expect(wait).toBeLessThanOrEqual(100 * 2 ** n + 100)
    }
  })))

  it("is for what may pass: by kind, and by what the error says", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const attempts = (kind: StorageErrorKind, retry: boolean) => Effect.suspend(() => {
      let asked = 0
      const handle = retrying({ ...memory, stat: () => Effect.suspend(() => ++asked > 3 ? memory.stat("a") : Effect.fail(trouble(kind, retry))) })
      return Effect.as(Effect.exit(handle.stat("a")), undefined).pipe(Effect.map(() => asked))
    })
    yield* put(memory, "a")
    for (const kind of StorageErrorKind.literals) {
      const passes = ["AuthExpired", "RateLimited", "Timeout", "Unavailable", "ChecksumMismatch", "Corrupt", "Unexpected"].includes(kind)
      expect(yield* attempts(kind, true), kind).toBe(passes ? 4 : 1)
      expect(yield* attempts(kind, false), kind).toBe(1)
    }
  })))

  it("of a create whose reply was lost finds its own object", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const handle = retrying(failing(memory, true))
    const open = () => Stream.make(bytes("ab"), bytes("c"))
    const written = yield* handle.write("a", { type: "stream", open }, { mode: "create" })
    expect(written).toEqual(yield* memory.stat("a"))
    expect(yield* textOf(memory, "a")).toBe("abc")
  })))

  it("of a create that another one won in the meantime is AlreadyExists, and the other object stays", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const handle = retrying({
      ...failing(memory, false),
      write: (key, body, options) => Effect.suspend(() => isFirst ? Effect.andThen(Effect.sync(() => { isFirst = false }), Effect.andThen(put(memory, key, "other"), Effect.fail(trouble()))) : memory.write(key, body, options))
    })
    let isFirst = true
    expect((yield* Effect.flip(put(handle, "a", "mine!"))).kind).toBe("AlreadyExists")
    expect(yield* textOf(memory, "a")).toBe("other")
  })))

  it("of a replace by version whose reply was lost finds its own object", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const { version } = yield* put(memory, "a", "old")
    const written = yield* retrying(failing(memory, true)).write("a", { type: "bytes", bytes: bytes("new") }, { mode: { ifMatch: version! } })
    expect(written.version).toBe((yield* memory.stat("a")).version)
    expect(yield* textOf(memory, "a")).toBe("new")
  })))

  it("of a rename or a copy whose reply was lost finds that it is done", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    yield* put(memory, "a")
    yield* retrying(failing(memory, true)).rename("a", "b")
    expect(yield* allKeys(memory)).toEqual(["b"])
    yield* retrying(failing(memory, true)).copy("b", "c")
    expect(yield* allKeys(memory)).toEqual(["b", "c"])
    yield* put(memory, "other", "xyz")
    for (const move of [retrying(failing(memory, false)).copy("b", "other"), retrying(failing(memory, false)).rename("b", "other")]) {
      expect((yield* Effect.flip(move)).kind).toBe("AlreadyExists")
    }
    expect(yield* textOf(memory, "other")).toBe("xyz")
  })))

  it("leaves an error of the body to whoever gave it", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    let opened = 0
    const problem = trouble("Unavailable")
    const open = () => {
      opened++
      return Stream.concat(Stream.make(bytes("a")), Stream.fail(problem))
    }
    expect(yield* Effect.flip(retrying(memory).write("a", { type: "stream", open }, { mode: "create" }))).toBe(problem)
    expect(opened).toBe(1)
  })))

  it("nothing, when the limit is 0", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    expect((yield* Effect.flip(retrying(failing(memory, false), { limit: 0 }).stat("a"))).kind).toBe("Unavailable")
  })))
})

/** A handle whose first reading is cut after some bytes, after which `then` happens. */
const cutOnce = (handle: StorageHandle, after: number, then: Effect.Effect<unknown, unknown> = Effect.void): StorageHandle => {
  let isCut = false
  return {
    ...handle,
    read: (key, options) => Stream.suspend(() => {
      if (isCut) return handle.read(key, options)
      isCut = true
      return Stream.concat(
        Stream.map(handle.read(key, options), (piece) => piece.subarray(0, after)),
        Stream.unwrap(Effect.as(Effect.ignore(then), Stream.fail(trouble())))
      )
    })
  }
}

describe("a reading that was cut", () => {
  it("goes on with the rest when its version is known", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const { version } = yield* put(memory, "a", "0123456789")
    const asked = counted(memory)
    const handle = retrying(cutOnce(asked.handle, 4))
    expect(yield* textOf(handle, "a", { ifMatch: version!, range: { start: 1, end: 9 } })).toBe("12345678")
    // The whole once, and what came after the cut.
    expect(asked.counts).toMatchObject({ requests: 2, bytesRead: 8 + 4 })
  })))

  it("goes on without one when the beginning is the same", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    yield* put(memory, "a", "0123456789")
    expect(yield* textOf(retrying(cutOnce(memory, 4)), "a")).toBe("0123456789")
  })))

  it("never goes on with another object", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const { version } = yield* put(memory, "a", "0123456789")
    const replace = memory.write("a", { type: "bytes", bytes: bytes("abcdefghij") }, { mode: "replace" })
    expect((yield* Effect.flip(textOf(retrying(cutOnce(memory, 4, replace)), "a", { ifMatch: version! }))).kind).toBe("PreconditionFailed")
    const again = memory.write("a", { type: "bytes", bytes: bytes("ABCDEFGHIJ") }, { mode: "replace" })
    expect((yield* Effect.flip(textOf(retrying(cutOnce(memory, 4, again)), "a"))).kind).toBe("PreconditionFailed")
    const shorten = memory.write("a", { type: "bytes", bytes: bytes("ABC") }, { mode: "replace" })
    expect((yield* Effect.flip(textOf(retrying(cutOnce(memory, 4, shorten)), "a"))).kind).toBe("PreconditionFailed")
    expect((yield* Effect.flip(textOf(retrying(cutOnce(memory, 2, memory.delete(["a"]))), "a"))).kind).toBe("NotFound")
  })))

  it("of a list goes on behind its last key, or leaves out what was given", () => quickly(Effect.gen(function*() {
    const memory = yield* memoryRoot
    for (const key of ["a", "b", "c", "d"]) yield* put(memory, key)
    for (const listStartAfter of [true, false]) {
      let isCut = false
      const handle = retrying({
        ...memory,
        capabilities: { ...memory.capabilities, listStartAfter },
        list: (options) => Stream.suspend(() => {
          if (isCut) return memory.list(options)
          isCut = true
          return Stream.concat(Stream.take(memory.list(options), 2), Stream.fail(trouble()))
        })
      })
      expect((yield* Stream.runCollect(handle.list())).map(({ key }) => key)).toEqual(["a", "b", "c", "d"])
    }
  })))
})
