import { describe, expect, it } from "vitest"
import {
  BASE62, isUid, randomBase62, randomUid, sequenceOf, stemOf, UID_LENGTH, type UidKind, VERSION_LIMIT, versionPart
} from "../../src/domain/Uid.ts"
import { readVectors } from "../HashVectors.ts"

describe("version parts", () => {
  it.each(readVectors().version_suffix)("%s is followed by %s", (before, after) => {
    expect(versionPart(sequenceOf("x".repeat(16) + before) + 1)).toBe(after)
  })

  it("sort as they count, up to the limit", () => {
    expect(versionPart(0)).toBe("0000")
    expect(versionPart(VERSION_LIMIT - 1)).toBe("zzzz")
    for (let n = 0; n < 10_000; n += 7) {
      expect(sequenceOf("x".repeat(16) + versionPart(n))).toBe(n)
      expect(versionPart(n) < versionPart(n + 1)).toBe(true)
    }
  })
})

describe("random uids", () => {
  it.each(Object.keys(UID_LENGTH) as Array<UidKind>)("of kind %s have their length and alphabet, and do not repeat", (kind) => {
    const uids = new Set(Array.from({ length: 2000 }, () => randomUid(kind)))
    expect(uids.size).toBe(2000)
    for (const uid of uids) expect(isUid(uid, kind)).toBe(true)
  })

  it("start at version 0000 where there are versions", () => {
    const uid = randomUid("artifact")
    expect([uid.slice(16), sequenceOf(uid), stemOf(uid)]).toEqual(["0000", 0, uid.slice(0, 16)])
  })

  it("use every character, none much more than another", () => {
    const counts = new Map<string, number>()
    for (const c of randomBase62(62_000)) counts.set(c, (counts.get(c) ?? 0) + 1)
    expect(counts.size).toBe(BASE62.length)
    // Six standard deviations: fails by chance once in millions of runs.
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(190)
  })
})

it("isUid knows lengths, prefixes and foreign characters", () => {
  expect(isUid("vz1swye6nz7S1YBO0000", "artifact")).toBe(true)
  expect(isUid("vz1swye6nz7S1YBO000", "artifact")).toBe(false)
  expect(isUid("vz1s", "artifact", { prefix: true })).toBe(true)
  expect(isUid("", "artifact", { prefix: true })).toBe(false)
  expect(isUid("vz1s-ye6nz7S1YBO0000", "artifact")).toBe(false)
})
