import { it as effectIt } from "@effect/vitest"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { parseKey } from "../../src/domain/ArtifactKey.ts"
import {
  displayPath, escapeName, escapePath, fromUserPath, toFsPath, unescapeName, unescapePath
} from "../../src/domain/FileName.ts"

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

describe("the examples of the specification", () => {
  it.each(["100%.csv", "%41.csv", "a%20b.csv", "plain.csv", "naïve ☃ 😀.csv", "-dash", "--json", "a'b\"c", " "])("%j stays as it is", (name) => {
    expect(escapeName(latin1(name))).toBe(name)
  })

  it.each([
    ["line\nbreak.csv", "line%0Abreak.csv"],
    ["back\\slash", "back%5Cslash"],
    ["tab\tand 50%", "tab%09and 50%25"],
    ["delete\x7f", "delete%7F"],
    ["next\u0085line", "next%C2%85line"]
  ])("%j becomes %j", (name, key) => {
    expect(escapeName(latin1(name))).toBe(key)
    expect(unescapeName(key)).toBe(latin1(name))
  })

  it("escapes exactly the bytes that are not valid UTF-8", () => {
    expect(escapeName("caf\xe9.csv")).toBe("caf%E9.csv")
    expect(escapeName(`${latin1("é")}\xff${latin1("☃")}`)).toBe("é%FF☃")
    expect(escapeName("\xed\xa0\x80")).toBe("%ED%A0%80")
    expect(escapeName("\xc0\xaf")).toBe("%C0%AF")
    expect(escapeName("\xf4\x90\x80\x80")).toBe("%F4%90%80%80")
    expect(escapeName("\xe2\x98")).toBe("%E2%98")
  })

  it.each(["%00", "%1F", "%5C", "%7F", "%FF", "%25", "%80"])("a clean name with %s, which the escaping can produce, has its %% escaped", (sequence) => {
    expect(escapeName(`a${sequence}b%41`)).toBe(`a%25${sequence.slice(1)}b%2541`)
  })

  it.each(["%20", "%7E", "%5B", "%24", "%0a", "%ff", "%5c", "%2F", "%"])("a clean name with %s, which it cannot produce, stays", (sequence) => {
    expect(escapeName(`a${sequence}b`)).toBe(`a${sequence}b`)
  })
})

describe("for all names", () => {
  const check = (seen: Map<string, string>, name: string): void => {
    const key = escapeName(name)
    if (unescapeName(key) !== name) throw new Error(`${JSON.stringify(name)} became ${JSON.stringify(key)} and came back as ${JSON.stringify(unescapeName(key))}`)
    const other = seen.get(key)
    if (other !== undefined && other !== name) throw new Error(`${JSON.stringify(name)} and ${JSON.stringify(other)} share ${JSON.stringify(key)}`)
    seen.set(key, name)
  }
  const bytes = Array.from({ length: 255 }, (_, i) => i + 1).filter((b) => b !== 0x2f).map((b) => String.fromCharCode(b))

  it("of one and two bytes, no two share a segment and each comes back", () => {
    const seen = new Map<string, string>()
    for (const a of bytes) {
      check(seen, a)
      for (const b of bytes) check(seen, a + b)
    }
  })

  it("of up to five of the awkward pieces, no two share a segment and each comes back", () => {
    const pieces = ["%", "2", "5", "C", "0A", "\n", "\\", "\xc3", "\xa9"]
    const seen = new Map<string, string>()
    let names = [""]
    for (let length = 1; length <= 5; length++) {
      names = names.flatMap((name) => pieces.map((piece) => name + piece))
      for (const name of names) check(seen, name)
    }
  })

  effectIt.prop(
    "of arbitrary bytes, each comes back and its segment is a key that stays as it is",
    { codes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))).check(Schema.isMinLength(1), Schema.isMaxLength(60)) },
    ({ codes }) => {
      const name = codes.map((code) => String.fromCharCode(code === 0x2f ? 0x25 : code)).join("")
      if (name === "." || name === "..") return
      const key = escapeName(name)
      expect(unescapeName(key)).toBe(name)
      expect(parseKey(key)).toEqual({ ok: true, key, changed: false })
    },
    { arbitrary: { runs: 500 } }
  )

  effectIt.prop(
    "of printable Unicode without %, the segment is the name",
    { name: Schema.String },
    ({ name }) => {
      const clean = name.replace(/[%/\\\p{Cc}\p{Cs}]/gu, "")
      expect(escapeName(latin1(clean))).toBe(clean)
    },
    { arbitrary: { runs: 300 } }
  )
})

describe("paths", () => {
  it("are escaped segment by segment and back", () => {
    const path = `a/\xff\n/100%/${latin1("é")}`
    expect(escapePath(path)).toBe("a/%FF%0A/100%/é")
    expect(unescapePath("a/%FF%0A/100%/é")).toBe(path)
    expect(unescapePath("a/é")).toBe(latin1("a/é"))
  })

  it("are shown by their true name where that is valid Unicode", () => {
    expect(displayPath("a/line%0Abreak%25")).toBe("a/line\nbreak%")
    expect(displayPath("a/caf%E9")).toBe("a/caf%E9")
    expect(displayPath("100%/é")).toBe("100%/é")
  })

  it("go to the file system as text when ASCII, else as their very bytes", () => {
    expect(toFsPath("/a/b")).toBe("/a/b")
    expect(toFsPath("/a/\xff")).toEqual(Buffer.from([0x2f, 0x61, 0x2f, 0xff]))
    expect(toFsPath(fromUserPath("/é"))).toEqual(Buffer.from("/é", "utf8"))
  })
})
