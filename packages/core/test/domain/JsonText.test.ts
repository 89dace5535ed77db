import { describe, expect, it } from "vitest"
import { ContentProblem } from "../../src/domain/Content.ts"
import { jsonText } from "../../src/domain/JsonText.ts"

const problem = (value: unknown): ContentProblem => {
  try {
    jsonText(value)
  } catch (error) {
    if (error instanceof ContentProblem) return error
    throw error
  }
  throw new Error("it was written")
}

describe("JSON", () => {
  it("is what JSON.parse reads back as the same value", () => {
    for (const value of [
      null, true, "", "a\"b\\\n\u2028\ud800", 0, -0, 1e21, 5e-324, 0.1, [], {}, [[[]]], { a: { b: [1, "x", null] } }, { "": 1, "a b": 2, ["__proto__"]: 3 }, { b: 1, a: 2 }
    ]) {
      const text = jsonText(value)
      expect(JSON.parse(text)).toStrictEqual(value)
      expect(jsonText(JSON.parse(text))).toBe(text)
    }
  })

  it("is that for any value made of these", () => {
    let seed = 42
    const next = (n: number): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) % n
    const leaves = [null, true, false, 0, -0, 1.5e-300, -1e21, 2 ** 53, "", "\"", "\\", "\u0000", "\ud800x", "\ufeff", "ü😀", "__proto__"]
    const value = (depth: number): unknown => {
      const kind = depth === 0 ? 0 : next(3)
      if (kind === 0) return leaves[next(leaves.length)]
      const many = Array.from({ length: next(4) }, () => value(depth - 1))
      return kind === 1 ? many : Object.fromEntries(many.map((one, i) => [`${String(leaves[next(leaves.length)])}${i % 2}`, one]))
    }
    for (let i = 0; i < 2000; i++) {
      const one = value(4)
      expect(JSON.parse(jsonText(one))).toStrictEqual(one)
    }
  })

  it("keeps what JSON.stringify would lose: digits of a bigint, minus zero, a moment as text", () => {
    expect(jsonText({ n: 2n ** 64n, z: -0, at: new Date(0) })).toBe("{\"n\":18446744073709551616,\"z\":-0,\"at\":\"1970-01-01T00:00:00.000Z\"}")
    expect(jsonText({ gone: undefined, here: 1 })).toBe("{\"here\":1}")
  })

  it("refuses what it has no form for, and says where", () => {
    const itself: Record<string, unknown> = { list: [] }
    ;(itself["list"] as Array<unknown>).push(itself)
    for (const [value, field, reason] of [
      [{ a: [1, { b: NaN }] }, "$.a[1].b", "NaN"],
      [[Infinity], "$[0]", "infinite"],
      [{ "a b": () => 1 }, "$[\"a b\"]", "a function"],
      [[undefined], "$[0]", "undefined"],
      // oxlint-disable-next-line no-sparse-arrays
      [[1, , 2], "$[1]", "undefined"],
      [undefined, "$", "undefined"],
      [{ s: Symbol("x") }, "$.s", "a symbol"],
      [new Map([[1, 2]]), "$", "a Map"],
      [{ bytes: new Uint8Array(1) }, "$.bytes", "a Uint8Array"],
      [{ at: new Date(NaN) }, "$.at", "a date that is none"],
      [itself, "$.list[0]", "contains itself"]
    ] as const) {
      expect(problem(value)).toMatchObject({ field, reason: expect.stringContaining(reason) })
    }
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(problem(deep)).toMatchObject({ field: "$", reason: "it is nested too deeply" })
    const twice = { x: 1 }
    expect(jsonText([twice, twice])).toBe("[{\"x\":1},{\"x\":1}]")
  })
})
