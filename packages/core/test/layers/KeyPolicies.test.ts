import { describe, expect, it } from "vitest"
import * as KeyPolicies from "../../src/layers/KeyPolicies.ts"
import { KEY_POLICIES, keyPolicyRules } from "../../src/workers/KeyPolicyRules.ts"
import type { KeyPolicyRules } from "../../src/ports/KeyPolicy.ts"
import { keyPolicyConformance } from "../../src/testing/KeyPolicyConformance.ts"

keyPolicyConformance("virtual", KeyPolicies.virtual)
keyPolicyConformance("semantic", KeyPolicies.semantic)
keyPolicyConformance("content", KeyPolicies.content)

// A team's own: demands project/stage/sample.
const threeLevels: KeyPolicyRules = {
  ...keyPolicyRules("semantic"),
  name: "three-levels",
  reject: (key) => (key.split("/").length === 3 ? null : "a key is project/stage/sample")
}
keyPolicyConformance("of a team", KeyPolicies.layer(threeLevels), { acceptable: "lung/raw/s1.csv", rejected: "s1.csv" })

describe("places", () => {
  const input = { key: "raw/a.csv", uid: "vz1swye6nz7S1YBO0000", suffix: ".csv", hash: "1B2M2Y8AsgTpgAmY7PhCfg" }
  const placeOf = (name: string, change: Partial<{ key: string | null }> = {}): string => keyPolicyRules(name).place({ ...input, ...change }).objectKey

  it("are as documented", () => {
    expect(KEY_POLICIES.map((name) => placeOf(name))).toEqual([
      ".sheaf/vz/vz1swye6nz7S1YBO0000.csv", "raw/a.csv", ".sheaf/cas/1B/1B2M2Y8AsgTpgAmY7PhCfg"
    ])
  })

  it("under semantic fall back to the virtual one without a key, and for a key that is the name of no file", () => {
    const virtual = placeOf("virtual")
    expect(placeOf("semantic", { key: null })).toBe(virtual)
    expect(placeOf("semantic", { key: "100%25.csv" })).toBe(virtual)
    expect(placeOf("semantic", { key: "a%00.csv" })).toBe(virtual)
    expect(placeOf("semantic", { key: "100%.csv" })).toBe("100%.csv")
    expect(placeOf("semantic", { key: "a%0A.csv" })).toBe("a%0A.csv")
  })

  it("of an unknown policy are an error, not another policy's", () => {
    expect(() => keyPolicyRules("virtuel")).toThrow(/virtuel.*virtual, semantic, content/)
  })
})
