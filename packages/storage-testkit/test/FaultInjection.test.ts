import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { FaultInjection, runConformance } from "../src/index.ts"
import { allKeys, around, bytes, memoryRoot, put, textOf } from "./MemoryRoot.ts"

const { faulty, HONEST_FAULTS } = FaultInjection

/** Operations of every kind, whatever becomes of them. */
const work = (options: FaultInjection.FaultOptions) => Effect.runPromise(Effect.gen(function*() {
  const memory = yield* memoryRoot
  const { handle, injected } = faulty(memory, { delay: 0, ...options })
  const outcomes: Array<string> = []
  for (let n = 0; n < 30; n++) {
    for (const one of [put(handle, `${n}`, "abcdef"), handle.stat(`${n}`), textOf(handle, `${n}`), handle.copy(`${n}`, `c${n}`), handle.rename(`c${n}`, `r${n}`), Stream.runCollect(handle.list()), handle.delete([`r${n}`])]) {
      const result = yield* Effect.result(one as Effect.Effect<unknown, { readonly kind: string }>)
      outcomes.push(result._tag === "Success" ? "ok" : result.failure.kind)
    }
  }
  return { injected, outcomes, keys: yield* allKeys(memory) }
}))

describe("faults", () => {
  it("are the same for the same seed, and others for another one", async () => {
    const first = await work({ seed: 5 })
    expect(await work({ seed: 5 })).toEqual(first)
    expect((await work({ seed: 6 })).injected).not.toEqual(first.injected)
  })

  it("are of every kind that was asked for, and none when none is", async () => {
    const { injected } = await work({ seed: 1, rate: 0.5 })
    expect(new Set(injected.map(({ fault }) => fault))).toEqual(new Set(HONEST_FAULTS))
    expect((await work({ seed: 1, rate: 0 })).injected).toEqual([])
    expect((await work({ seed: 1, rate: 1, times: 3 })).injected).toHaveLength(3)
    const { outcomes } = await work({ seed: 1, kinds: ["NoSpace"], faults: ["error"] })
    expect(new Set(outcomes)).toEqual(new Set(["ok", "NoSpace", "NotFound"]))
  })

  it("of a lost reply are done, and of an error are not", () => Effect.runPromise(Effect.gen(function*() {
    for (const [fault, keys] of [["lostReply", ["a"]], ["error", []], ["cutBody", []]] as const) {
      const memory = yield* memoryRoot
      yield* Effect.flip(put(faulty(memory, { seed: 1, rate: 1, faults: [fault] }).handle, "a"))
      expect(yield* allKeys(memory)).toEqual(keys)
    }
  })))

  it("that the contract forbids do what they say", () => Effect.runPromise(Effect.gen(function*() {
    const memory = yield* memoryRoot
    const open = () => Stream.make(bytes("ab"), bytes("cd"))
    yield* Effect.flip(faulty(memory, { seed: 1, rate: 1, faults: ["tornWrite"] }).handle.write("a", { type: "stream", open }, { mode: "create" }))
    expect(yield* textOf(memory, "a")).toBe("ab")
    yield* put(memory, "b")
    const keys = (fault: FaultInjection.Fault) => Effect.map(Stream.runCollect(faulty(memory, { seed: 1, rate: 1, faults: [fault] }).handle.list()), (all) => all.map(({ key }) => key))
    expect(yield* keys("reordered")).toEqual(["b", "a"])
    expect(yield* keys("duplicated")).toEqual(["a", "b", "b"])
  })))

  it("are found out by the suite where nothing repeats", async () => {
    const report = await Effect.runPromise(runConformance(around((handle) => faulty(handle, { seed: 2, delay: 0 }).handle), { many: 100 }))
    expect(report.failed).toBeGreaterThan(10)
  })
})
