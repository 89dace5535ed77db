import { describe, expect, it } from "vitest"
import { limitOf, scoreOf, type ProbeRates, type UnavoidableWork } from "../src/Limit.ts"

const rates: ProbeRates = {
  cores: 2, walk: 1e-6, stat: 2e-6, open: 10e-6, readByte: 1e-10, hash: { md5: 3e-6, sha256: 1e-6 }, hashByte: { md5: 2e-9, sha256: 1e-9 },
  create: 20e-6, writeByte: 5e-10, row: 4e-6, commit: 0.05, sync: 0.1, readBandwidth: 1e10, writeBandwidth: 1e9, createRate: 50_000
}
const inPlace: UnavoidableWork = {
  files: 100_000, statted: false, read: 100_000, bytesRead: 4e8, hash: "md5", serialBytes: 4000, created: 0, bytesWritten: 0, rows: 95_000, synced: true
}

describe("the limit", () => {
  it("is the CPU time by cores, one commit and one sync, when nothing else is scarcer", () => {
    const limit = limitOf(rates, inPlace)
    expect(limit.cpu.walk).toBeCloseTo(0.1)
    expect(limit.cpu.read).toBeCloseTo(1 + 0.04)
    expect(limit.cpu.hash).toBeCloseTo(0.3 + 0.8)
    expect(limit.cpu.rows).toBeCloseTo(0.38)
    expect(limit.cpu.stat).toBe(0)
    expect(limit.cpu.create).toBe(0)
    expect(limit.cpu.sum).toBeCloseTo(2.62)
    expect(limit.seconds).toBeCloseTo(2.62 / 2 + 0.05 + 0.1)
  })

  it("counts creating and writing when files are copied", () => {
    const limit = limitOf(rates, { ...inPlace, created: 95_000, bytesWritten: 3.8e8 })
    expect(limit.cpu.create).toBeCloseTo(1.9 + 0.19)
    expect(limit.seconds).toBeCloseTo((2.62 + 2.09) / 2 + 0.15)
  })

  it("is bound by the create rate, the write bandwidth or the hash of one large file where that is slowest", () => {
    expect(limitOf({ ...rates, createRate: 1000 }, { ...inPlace, created: 95_000 }).seconds).toBeCloseTo(95 + 0.15)
    expect(limitOf({ ...rates, writeBandwidth: 1e6 }, { ...inPlace, created: 95_000, bytesWritten: 3.8e8 }).seconds).toBeCloseTo(380 + 0.15)
    const large = { ...inPlace, files: 1, read: 1, bytesRead: 8e9, rows: 1 }
    expect(limitOf(rates, { ...large, serialBytes: 8e9 }).seconds).toBeCloseTo(16 + 0.15, 3)
    expect(limitOf(rates, { ...large, serialBytes: 0 }).seconds).toBeCloseTo((16 + 0.8) / 2 + 0.15, 3)
  })

  it("takes the rates of the hash that is used", () => {
    expect(limitOf(rates, { ...inPlace, hash: "sha256" }).cpu.hash).toBeCloseTo(0.1 + 0.4)
  })

  it("has neither commit nor sync when nothing is written", () => {
    const limit = limitOf(rates, { ...inPlace, statted: true, read: 0, bytesRead: 0, serialBytes: 0, rows: 0, synced: false })
    expect(limit.seconds).toBeCloseTo(0.3 / 2)
  })
})

describe("the score", () => {
  it("is the share of the limit that is reached", () => {
    expect(scoreOf(limitOf(rates, inPlace), 2.92)).toEqual({ kind: "score", value: expect.closeTo(0.5) })
  })

  it("is an error of the probes above one", () => {
    expect(scoreOf(limitOf(rates, inPlace), 1)).toMatchObject({ kind: "probeError", message: expect.stringContaining("probe") })
  })
})
