import { Storage } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { brokenDrivers, conformanceCases, runConformance } from "../src/index.ts"

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
    const layer = Layer.effect(Storage, Effect.map(Storage, wrap)).pipe(Layer.provide(MemoryStorage.layer))
    const { cases } = await Effect.runPromise(runConformance(layer, { timeout: 5_000 }))
    expect(cases.filter(({ outcome }) => outcome === "failed").map(({ number }) => number)).toContain(number)
  })
})
