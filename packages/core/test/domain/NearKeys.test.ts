import { expect, it } from "vitest"
import { editDistance, nearKeys } from "../../src/domain/NearKeys.ts"

it("counts insertions, deletions, replacements and swaps of neighbours", () => {
  const distances = [["", "", 0], ["abc", "", 3], ["abc", "abc", 0], ["abc", "abd", 1], ["abc", "ab", 1], ["abc", "xabc", 1], ["abc", "acb", 1], ["kitten", "sitting", 3]] as const
  for (const [a, b, n] of distances) {
    expect(editDistance(a, b), `${a} ${b}`).toBe(n)
    expect(editDistance(b, a), `${b} ${a}`).toBe(n)
  }
})

it("suggests the nearest first, and nothing far away", () => {
  const keys = ["raw/plate1/counts.csv", "raw/plate2/counts.csv", "old/plate9/counts.csv", "raw/plate1/image.png", "x"]
  expect(nearKeys("raw/plate1/cuonts.csv", keys)).toEqual(["raw/plate1/counts.csv", "raw/plate2/counts.csv", "old/plate9/counts.csv"])
  expect(nearKeys("RAW/plate1/counts.csv", keys)[0]).toBe("raw/plate1/counts.csv")
  expect(nearKeys("counts.csv", keys)).toHaveLength(3)
  expect(nearKeys("quite/another.thing", keys)).toEqual([])
})
