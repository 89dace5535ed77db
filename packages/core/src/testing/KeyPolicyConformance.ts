/**
 * What every key policy has to hold. Needs `vitest` and `@effect/vitest`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { escapePath, unescapePath } from "../domain/FileName.ts"
import { KeyPolicy, type KeyPolicyRules, type PlacementInput, type TeamKeyPolicy } from "../ports/KeyPolicy.ts"
import { rulesOfModule } from "../workers/KeyPolicyRules.ts"

export interface KeyPolicyConformanceOptions {
  /** A key that the policy accepts; others are made from it by adding to its file name. */
  readonly acceptable?: string
  /** A key that it rejects, if there is one. */
  readonly rejected?: string
}

const HASH = "1B2M2Y8AsgTpgAmY7PhCfg"
const OTHER_HASH = "DMF1ucDxtqgxw5niaXcmYQ"
const uidOf = (n: number): string => `vz1swye6nz7S1Y${String(n).padStart(2, "0")}0000`

/** Runs the suite against a policy. */
export const keyPolicyConformance = (name: string, layer: Layer.Layer<KeyPolicy, unknown>, options: KeyPolicyConformanceOptions = {}): void =>
  void describe(`key policy ${name}`, () => {
    const test = (title: string, run: (policy: KeyPolicyRules) => void | Promise<void>): void =>
      it.effect(title, () => Effect.provide(Effect.flatMap(KeyPolicy, (policy) => Effect.promise(async () => run(policy))), layer))

    const acceptable = options.acceptable ?? "raw/plate1/a.csv"
    const dot = acceptable.lastIndexOf(".")
    const variant = (text: string): string => acceptable.slice(0, dot) + text + acceptable.slice(dot)
    const keys: ReadonlyArray<string | null> = [
      null, acceptable, variant("2"), variant("100%"), variant("%41"), variant("%0A"), variant("%FF"), variant("%2541"), variant("%C3%A9"), variant("%00"),
      variant("é☃"), variant(" ")
    ]
    const inputs: ReadonlyArray<PlacementInput> = keys.map((key, n) => ({ key, uid: uidOf(n), suffix: ".csv", hash: n % 2 === 0 ? HASH : OTHER_HASH }))

    test("1 has a name, and rejects with words or not at all", (policy) => {
      assert.isAbove(policy.name.length, 0)
      assert.isNull(policy.reject(acceptable))
      if (options.rejected !== undefined) assert.match(policy.reject(options.rejected) ?? "", /\S/)
    })

    test("2 gives the same place for the same input", (policy) => {
      for (const input of inputs) assert.deepStrictEqual(policy.place({ ...input }), policy.place({ ...input }))
    })

    test("3 gives places that are normal object keys: relative, without . and .. segments, exact names of files", (policy) => {
      for (const input of [...inputs, { key: null, uid: uidOf(50), suffix: "", hash: HASH }]) {
        const { objectKey } = policy.place(input)
        for (const segment of objectKey.split("/")) assert.notInclude(["", ".", ".."], segment, objectKey)
        assert.strictEqual(escapePath(unescapePath(objectKey)), objectKey)
        assert.notInclude(unescapePath(objectKey), "\0")
      }
    })

    test("4 gives one place to two artifacts only when their content is the same", (policy) => {
      const holders = new Map<string, PlacementInput>()
      for (const input of inputs) {
        const { objectKey } = policy.place(input)
        const other = holders.get(objectKey)
        if (other !== undefined) assert.strictEqual(other.hash, input.hash, `${other.key} and ${input.key} share ${objectKey}`)
        holders.set(objectKey, input)
      }
    })

    test("5 says virtual exactly when the place does not follow from the key", (policy) => {
      for (const input of inputs) {
        const renamed = { ...input, key: variant("renamed") }
        const placement = policy.place(input)
        if (placement.isVirtual) {
          if (policy.place(renamed).isVirtual) assert.strictEqual(policy.place(renamed).objectKey, placement.objectKey)
        } else {
          assert.notStrictEqual(policy.place(renamed).objectKey, placement.objectKey)
        }
      }
    })

    test("6 keeps out of the registry's own names below .sheaf/", (policy) => {
      for (const input of inputs) {
        const { objectKey } = policy.place(input)
        if (objectKey.startsWith(".sheaf/")) assert.match(objectKey, /^\.sheaf\/(?:[0-9A-Za-z]{2}|cas\/[0-9A-Za-z_-]{2})\/[^/]+$/)
      }
    })

    test("7 can be loaded by worker threads when it names a module", async (policy) => {
      if (policy.module === null) return
      const loaded = rulesOfModule(((await import(policy.module)) as { readonly keyPolicy: TeamKeyPolicy }).keyPolicy, policy.module)
      for (const input of inputs) assert.deepStrictEqual(loaded.place(input), policy.place(input))
    })
  })
