import { describe, expect, it } from "vitest"
import { quantile, summarise } from "../src/Statistics.ts"

describe("summaries", () => {
  it("give median and extremes whatever the order", () => {
    expect(summarise([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, runs: 3 })
    expect(summarise([10, 9, 100, 2])).toEqual({ median: 9.5, min: 2, max: 100, runs: 4 })
    expect(summarise([5])).toEqual({ median: 5, min: 5, max: 5, runs: 1 })
  })

  it("refuse to summarise nothing", () => {
    expect(() => summarise([])).toThrow("Nothing was measured")
    expect(() => quantile([], 0.5)).toThrow("Nothing was measured")
  })

  it("leave the values as they were", () => {
    const values = [3, 1, 2]
    summarise(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe("quantiles", () => {
  it("are values that were measured", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(quantile(values, 0.5)).toBe(50)
    expect(quantile(values, 0.99)).toBe(99)
    expect(quantile(values, 1)).toBe(100)
    expect(quantile(values, 0)).toBe(1)
  })
})
