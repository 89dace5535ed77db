import { Storage } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { brokenDrivers, type CaseResult, conformanceCases, runConformance } from "../src/index.ts"

const without = (name: string) => Layer.effect(Storage, Effect.map(Storage, (handle) => ({ ...handle, capabilities: { ...handle.capabilities, [name]: false } }))).pipe(Layer.provide(MemoryStorage.layer))

describe("running the suite", () => {
  it("has a number for every case, in order, none twice", () => {
    const numbers = conformanceCases.map(({ number }) => number)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  })

  it("reports every case once, with the reason of each that was skipped", async () => {
    const seen: Array<CaseResult> = []
    const report = await Effect.runPromise(runConformance(without("rangeRead"), { skip: { 3: "known" }, many: 120, onCase: (result) => seen.push(result) }))
    expect(report).toMatchObject({ passed: conformanceCases.length - 4, failed: 0, skipped: 4 })
    expect(report.cases).toEqual(seen)
    expect(report.cases.filter(({ outcome }) => outcome === "skipped").map(({ number, reason }) => [number, reason])).toEqual([
      [3, "known"], [21, "ranges cannot be read here"], [22, "ranges cannot be read here"], [28, "ranges cannot be read here"]
    ])
  })

  it("says what a driver does wrong, and goes on", async () => {
    const { wrap } = brokenDrivers.find(({ name }) => name === "deletes-by-prefix")!
    const report = await Effect.runPromise(runConformance(Layer.effect(Storage, Effect.map(Storage, wrap)).pipe(Layer.provide(MemoryStorage.layer)), { only: [33, 34, 36] }))
    expect(report.cases.map(({ number, outcome }) => [number, outcome])).toEqual([[33, "passed"], [34, "failed"], [36, "passed"]])
    expect(report.cases[1]!.reason).toContain("the objects in the root: missing")
  })

  it("reports a root that cannot be opened, and a case that does not end", async () => {
    const closed = await Effect.runPromise(runConformance(Layer.effect(Storage, Effect.fail(new Error("no such bucket"))), { only: [1] }))
    expect(closed.cases[0]).toMatchObject({ outcome: "failed", reason: "the root cannot be opened: no such bucket" })
    const stuck = Layer.effect(Storage, Effect.map(Storage, (handle) => ({ ...handle, flush: Effect.never }))).pipe(Layer.provide(MemoryStorage.layer))
    const { cases } = await Effect.runPromise(runConformance(stuck, { only: [14], timeout: 20 }))
    expect(cases[0]).toMatchObject({ outcome: "failed", reason: "it was not through after 0.02 s" })
  })

  it("needs no test runner", () => {
    const program = `
      import { MemoryStorage, runConformance } from ${JSON.stringify(fileURLToPath(new URL("../src/index.ts", import.meta.url)))}
      import { Effect } from ${JSON.stringify(import.meta.resolve("effect"))}
      const { passed, failed } = await Effect.runPromise(runConformance(MemoryStorage.layer, { only: [1, 2, 3] }))
      console.log(passed, failed, Object.keys(process.env).some((name) => name.startsWith("VITEST")))
    `
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST")))
    expect(execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", env })).toBe("3 0 false\n")
  })
})
