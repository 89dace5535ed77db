import picomatch from "picomatch"
import { describe, expect, it } from "vitest"
import { globPattern } from "../../src/domain/GlobPattern.ts"

const PATHS = [
  "a.csv", "b.tsv", "raw/a.csv", "raw/plate1/a.csv", "raw/plate1/b.csv", "raw/plate10/a.csv", ".hidden", "raw/.hidden/x.csv", "a b.csv", "(a).csv", "a+b.csv", "[a].csv",
  "caf\u00e9.csv", "deep/er/est/f", "x.tar.gz", "100%.csv", "^$.csv", "a|b.csv", "rawer/a.csv"
]
const GLOBS = [
  "*.csv", "raw/*", "raw/**", "raw/*/a.csv", "raw/**/a.csv", "**/*.csv", "**", "*", "?.csv", "raw/plate?/*", "raw/plate[12]/*", "[ab].*", "[^ab].*", "raw[^x]a.csv", "{a,b}.*", "raw/{plate1,plate10}/a.csv",
  "deep/**/f", "*.tar.gz", "caf?.csv", "100%.csv", "(a).csv", "\\[a\\].csv", "^$.csv", "a|b.csv", "a+b.csv"
]

describe("a glob on keys", () => {
  it("means what it means to ingest --exclude: the whole path, or the name when it has no slash", () => {
    for (const glob of GLOBS) {
      const pattern = new RegExp(`^(?:${globPattern(glob, { pathLike: true })})$`, "u")
      const whole = picomatch(glob.replaceAll("(", "\\(").replaceAll(")", "\\)").replaceAll("|", "\\|").replaceAll("+", "\\+"), { dot: true })
      for (const path of PATHS) {
        const expected = whole(path) || (!glob.includes("/") && whole(path.slice(path.lastIndexOf("/") + 1)))
        expect(pattern.test(path), `${glob} on ${path}`).toBe(expected)
      }
    }
  })

  it("on other texts knows no segments, and leaves what is not closed as it is", () => {
    const matches = (glob: string, text: string) => new RegExp(`^(?:${globPattern(glob, { pathLike: false })})$`, "u").test(text)
    expect(matches("*of*", "50% of\na/b")).toBe(true)
    expect(matches("a?b", "a/b")).toBe(true)
    // A character is one, also beyond U+FFFF.
    expect(matches("?.csv", "\u{1f600}.csv")).toBe(true)
    expect(matches("[!a]", "/")).toBe(true)
    expect(matches("[!a]", "a")).toBe(false)
    expect(matches("[a", "[a")).toBe(true)
    expect(matches("{a", "{a")).toBe(true)
    expect(matches("a}", "a}")).toBe(true)
    expect(matches("[]]x", "]x")).toBe(true)
  })
})
