import { describe, expect, it } from "vitest"
import { hasSwitch, normalizeArgv } from "../src/Argv.ts"
import { nearest } from "../src/Nearest.ts"

const names = {
  switches: new Set(["json", "quiet", "long"]),
  shortSwitches: new Map([["q", "quiet"], ["l", "long"]]),
  shortValues: new Set(["o"])
}
const words = (...argv: ReadonlyArray<string>) => {
  const normal = normalizeArgv(argv, names)
  return normal.ok ? normal.argv : `unknown ${normal.unknown}`
}

describe("normalizeArgv", () => {
  it("keeps switches from swallowing the next word", () => {
    expect(words("ls", "--json", "yes", "-q", "1")).toEqual(["ls", "--json=true", "yes", "--quiet=true", "1"])
  })
  it("takes a switch given twice once, in either spelling", () => {
    expect(words("-q", "--quiet", "--json", "--json")).toEqual(["--quiet=true", "--json=true"])
  })
  it("reads clusters and attached values", () => {
    expect(words("-lq")).toEqual(["--long=true", "--quiet=true"])
    expect(words("-oout.csv")).toEqual(["-o=out.csv"])
    expect(words("-lo", "x")).toEqual(["--long=true", "-o", "x"])
    expect(words("-o", "-")).toEqual(["-o", "-"])
  })
  it("tells a name that begins with a dash from flags", () => {
    expect(words("show", "-dash.csv")).toBe("unknown -dash.csv")
    expect(words("show", "--", "-dash.csv", "--json")).toEqual(["show", "--", "-dash.csv", "--json"])
    expect(words("-3")).toEqual(["-3"])
  })
  it("finds a switch before -- only", () => {
    expect(hasSwitch(["ls", "--json"], "json")).toBe(true)
    expect(hasSwitch(["ls", "--", "--json"], "json")).toBe(false)
  })
})

describe("nearest", () => {
  const commands = ["init", "info", "add", "ingest", "status", "ls", "show", "storage"]
  it("finds the word that was meant", () => {
    expect(nearest("igest", commands)).toEqual(["ingest"])
    expect(nearest("ingset", commands)).toEqual(["ingest"])
    expect(nearest("stat", commands)).toEqual(["status"])
    expect(nearest("LS", commands)).toEqual(["ls"])
  })
  it("says nothing when nothing is near", () => {
    expect(nearest("frobnicate", commands)).toEqual([])
  })
})
