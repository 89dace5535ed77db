import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { brokenDrivers, conformanceCases, runConformance } from "../src/index.ts"
import { around } from "./MemoryRoot.ts"

describe("drivers that are broken on purpose", () => {
  it("have names of their own, and cases that exist", () => {
    expect(brokenDrivers.length).toBeGreaterThanOrEqual(20)
    expect(new Set(brokenDrivers.map(({ name }) => name)).size).toBe(brokenDrivers.length)
    const numbers = new Set(conformanceCases.map(({ number }) => number))
    expect(brokenDrivers.filter(({ caughtBy }) => !numbers.has(caughtBy))).toEqual([])
  })

  it("break every case: none is there that no driver could fail", () => {
    const caught = new Set(brokenDrivers.map(({ caughtBy }) => caughtBy))
    expect(conformanceCases.filter(({ number }) => !caught.has(number)).map(({ number }) => number)).toEqual([])
  })

  it.each(brokenDrivers.map((driver) => [driver.name, driver.caughtBy, driver] as const))("%s is found out by case %i", async (_, number, { wrap }) => {
    // The case alone: it fails in the whole suite just the same.
    const { cases } = await Effect.runPromise(runConformance(around(wrap), { timeout: 5_000, only: [number] }))
    expect(cases).toMatchObject([{ number, outcome: "failed" }])
  })

  it("pass the cases that have nothing to do with what they do wrong", async () => {
    const { wrap } = brokenDrivers.find(({ name }) => name === "copy-overwrites")!
    const { cases } = await Effect.runPromise(runConformance(around(wrap), { many: 200 }))
    expect(cases.filter(({ outcome }) => outcome === "failed").map(({ number }) => number)).toEqual([51, 54])
  })
})
