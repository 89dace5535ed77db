import { describe, expect, it } from "vitest"
import { makePrng, makeSeededBytes } from "../src/Prng.ts"

describe("numbers", () => {
  it("are the same for a seed and label, and others otherwise", () => {
    const draw = (seed: number, label?: string) => {
      const prng = makePrng(seed, label)
      return Array.from({ length: 20 }, () => prng.uint32())
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(2)).not.toEqual(draw(1))
    expect(draw(1, "a")).not.toEqual(draw(1, "b"))
  })

  it("are spread evenly, and normally", () => {
    const prng = makePrng(3)
    const drawn = Array.from({ length: 20_000 }, () => prng.below(10))
    for (let i = 0; i < 10; i++) expect(Math.abs(drawn.filter((n) => n === i).length - 2000)).toBeLessThan(250)
    const normal = Array.from({ length: 20_000 }, () => prng.normal())
    const mean = normal.reduce((a, b) => a + b, 0) / normal.length
    const variance = normal.reduce((a, b) => a + (b - mean) ** 2, 0) / normal.length
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(variance - 1)).toBeLessThan(0.05)
  })
})

describe("bytes", () => {
  it("depend on seed, label and number alone, whichever way they are read", () => {
    const bytes = makeSeededBytes(1, "x")
    const whole = bytes.content(5, 10_000)
    const stream = bytes.stream(5)
    expect(Buffer.concat([stream.next(1), stream.next(4999), stream.next(5000)])).toEqual(whole)
    expect(makeSeededBytes(1, "x").content(5, 100)).toEqual(whole.subarray(0, 100))
    expect(bytes.content(6, 100)).not.toEqual(whole.subarray(0, 100))
    expect(makeSeededBytes(1, "y").content(5, 100)).not.toEqual(whole.subarray(0, 100))
    expect(makeSeededBytes(2, "x").content(5, 100)).not.toEqual(whole.subarray(0, 100))
    expect(bytes.content(5, 5 * 1024 * 1024).subarray(0, 10_000)).toEqual(whole)
  })
})
