import { describe, expect, it } from "vitest"
import { fileNameOf, MAX_KEY_BYTES, parseKey, portableFold } from "../../src/domain/ArtifactKey.ts"

const keyOf = (text: string): string => {
  const parsed = parseKey(text)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.key
}
const reasonOf = (text: string): string | null => {
  const parsed = parseKey(text)
  return parsed.ok ? null : parsed.reason
}

describe("parseKey", () => {
  it("brings the three spellings of one path to one key, and says when it changed something", () => {
    expect(parseKey("raw/a.csv")).toEqual({ ok: true, key: "raw/a.csv", changed: false })
    expect(parseKey("/raw/a.csv")).toEqual({ ok: true, key: "raw/a.csv", changed: true })
    expect(parseKey(".//raw/a.csv")).toEqual({ ok: true, key: "raw/a.csv", changed: true })
  })

  it.each([
    ["./a", "a"], ["a//b", "a/b"], ["a/./b", "a/b"], ["//a/././/b", "a/b"], ["a/", "a"], ["a.b/.c/..d", "a.b/.c/..d"], [".sheafs/x", ".sheafs/x"]
  ])("normalises %j to %j", (text, key) => {
    expect(keyOf(text)).toBe(key)
    expect(keyOf(key)).toBe(key)
  })

  it.each([
    ["", "empty"], ["/", "empty"], ["./.", "empty"], ["../a", ".. segment"], ["a/..", ".. segment"], ["a\\b", "backslash"], ["a\0b", "control"],
    ["a\nb", "control"], ["a\x7f", "control"], ["a\x85b", "control"], [".sheaf/x", "reserved"], ["a/.sheaf/root.json", "reserved"], ["\ud800", "Unicode"],
    ["a\udc00b", "Unicode"]
  ])("refuses %j, naming the reason", (text, word) => {
    expect(reasonOf(text)).toContain(word)
  })

  it("keeps Unicode as it is given: two forms of one letter are two keys", () => {
    expect(keyOf("caf\u00e9")).not.toBe(keyOf("cafe\u0301"))
    expect(keyOf("😀/☃.csv")).toBe("😀/☃.csv")
  })

  it("limits segments to 255 bytes of the unescaped name and keys to 1,024 bytes", () => {
    expect(reasonOf("a".repeat(255))).toBeNull()
    expect(reasonOf("a".repeat(256))).toContain("255 bytes")
    expect(reasonOf("é".repeat(127))).toBeNull()
    expect(reasonOf("é".repeat(128))).toContain("255 bytes")
    expect(reasonOf("😀".repeat(64))).toContain("255 bytes")
    expect(reasonOf("%FF".repeat(255))).toBeNull()
    expect(reasonOf("%FF".repeat(256))).toContain("255 bytes")
    const segments = Array.from({ length: 8 }, () => "é".repeat(63)).join("/")
    expect(Buffer.byteLength(segments)).toBe(1015)
    expect(reasonOf(`${segments}/${"a".repeat(MAX_KEY_BYTES - 1016)}`)).toBeNull()
    expect(reasonOf(`${segments}/${"a".repeat(MAX_KEY_BYTES - 1015)}`)).toContain("1024 bytes")
  })
})

it("fileNameOf is the last segment", () => {
  expect([fileNameOf("a/b/c.csv"), fileNameOf("c.csv")]).toEqual(["c.csv", "c.csv"])
})

it("portableFold is equal for keys that differ in case or Unicode form alone", () => {
  expect(portableFold("Raw/A.csv")).toBe(portableFold("raw/a.CSV"))
  expect(portableFold("CAF\u00c9")).toBe(portableFold("cafe\u0301"))
  expect(portableFold("a b")).not.toBe(portableFold("ab"))
})
