import { describe, expect, it } from "vitest"
import { checkFirstIngest, checkLaterIngest, checkVerify } from "../src/SheafCli.ts"
import { parseOptions, UsageError } from "../src/Options.ts"

const report = (counts: Record<string, number>) =>
  JSON.stringify({ counts: { files: 0, created: 0, newVersion: 0, existing: 0, keyed: 0, aliased: 0, moved: 0, skipped: 0, failed: 0, ...counts } })

describe("checks of what sheaf reports", () => {
  it("accept what adds up", () => {
    expect(checkFirstIngest(report({ files: 100, created: 95, aliased: 5 }), { files: 100, artifacts: 95 })).toEqual({ created: 95, aliased: 5 })
    expect(checkLaterIngest(report({ files: 100, existing: 99, newVersion: 1 }), { files: 100, changed: 1 })).toMatchObject({ existing: 99 })
    expect(checkVerify('{"checked":3,"bytes":9,"ok":3,"damaged":[],"missing":[]}')).toBe(3)
  })

  it("refuse what does not", () => {
    const first = (counts: Record<string, number>) => () => checkFirstIngest(report(counts), { files: 100, artifacts: 95 })
    expect(first({ files: 100, created: 95, aliased: 4 })).toThrow(/add up to 99/)
    expect(first({ files: 99, created: 95, aliased: 4 })).toThrow(/99 instead of 100/)
    expect(first({ files: 100, created: 95, aliased: 4, failed: 1 })).toThrow(/failed/)
    expect(first({ files: 100, created: 94, aliased: 6 })).toThrow(/94 instead of 95/)
    expect(() => checkFirstIngest("nonsense", { files: 1, artifacts: 1 })).toThrow(/JSON/)
    expect(() => checkFirstIngest("{}", { files: 1, artifacts: 1 })).toThrow(/counts.files/)
    expect(() => checkLaterIngest(report({ files: 100, existing: 100 }), { files: 100, changed: 1 })).toThrow(/unchanged/)
    expect(() => checkVerify('{"checked":3,"damaged":[{}],"missing":[]}')).toThrow(/damaged/)
  })
})

describe("the command line", () => {
  it("takes a workload, a size and a scale", () => {
    expect(parseOptions(["w2", "--size", "s", "--scale", "0.01", "--peers", "restic,cp"])).toMatchObject({ workloads: ["W2"], size: "S", scale: 0.01, rounds: 3, peers: ["restic", "cp"] })
    expect(parseOptions(["--smoke"])).toMatchObject({ smoke: true, rounds: 1 })
  })

  it("says what is wrong with one that makes no sense", () => {
    const senseless = ["--size Q", "--scale 0", "--scale x", "--rounds 1.5", "--fs floppy", "--fs disk", "--sice S", "--scale 11"]
    const accepted = senseless.filter((line) => {
      try {
        parseOptions(line.split(" "))
        return true
      } catch (cause) {
        return !(cause instanceof UsageError)
      }
    })
    expect(accepted).toEqual([])
  })
})
