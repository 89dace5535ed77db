/**
 * The key policies that ship. Free of Effect, because worker threads load this file.
 */
import { escapePath, unescapePath } from "../domain/FileName.ts"
import type { KeyPolicyRules, PlacementInput } from "../ports/KeyPolicy.ts"

/** Names of the shipped policies. */
export const KEY_POLICIES = ["virtual", "semantic", "content"] as const
export type KeyPolicyName = (typeof KEY_POLICIES)[number]

/** `.sheaf/<first 2 characters of the uid>/<uid><suffix>`: the place of an object under policy `virtual`, and of any that has no better one. */
export const virtualPlace = ({ suffix, uid }: Pick<PlacementInput, "uid" | "suffix">): string => `.sheaf/${uid.slice(0, 2)}/${uid}${suffix}`

/** `.sheaf/cas/<first 2 characters of the hash>/<hash>`: equal content has one place. */
export const contentPlace = ({ hash }: Pick<PlacementInput, "hash">): string => `.sheaf/cas/${hash.slice(0, 2)}/${hash}`

const anyKey = (): null => null

/** Whether the key is the escaped form of some path. `100%25.csv` is not: it would be the file `100%.csv`, whose own key is `100%.csv`. */
const isPlace = (key: string): boolean => !key.includes("%") || (!key.includes("%00") && escapePath(unescapePath(key)) === key)

const RULES: Readonly<Record<KeyPolicyName, KeyPolicyRules>> = {
  virtual: { name: "virtual", module: null, reject: anyKey, place: (input) => ({ objectKey: virtualPlace(input), isVirtual: true }) },
  semantic: {
    name: "semantic",
    module: null,
    reject: anyKey,
    place: (input) =>
      input.key !== null && isPlace(input.key) ? { objectKey: input.key, isVirtual: false } : { objectKey: virtualPlace(input), isVirtual: true }
  },
  content: { name: "content", module: null, reject: anyKey, place: (input) => ({ objectKey: contentPlace(input), isVirtual: true }) }
}

/** Whether a policy of this name ships. */
export const isKeyPolicyName = (name: string): name is KeyPolicyName => (KEY_POLICIES as ReadonlyArray<string>).includes(name)

/** The rules of a shipped policy. Throws a `RangeError` for a name that is none: ask {@link isKeyPolicyName} before. */
export const keyPolicyRules = (name: string): KeyPolicyRules => {
  if (!isKeyPolicyName(name)) throw new RangeError(`no key policy "${name}"; there are ${KEY_POLICIES.join(", ")}`)
  return RULES[name]
}
