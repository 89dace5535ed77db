/**
 * The key policies that ship. Free of Effect, because worker threads load this file.
 */
import { kindOf } from "../domain/Content.ts"
import { escapePath, unescapePath } from "../domain/FileName.ts"
import type { KeyPolicyRules, Placement, PlacementInput, TeamKeyPolicy } from "../ports/KeyPolicy.ts"

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

/**
 * The rules of a policy that stands in a module at this URL. Where the policy itself is wrong, a key is rejected with words that say so, and a place that would
 * not be one of a file in the root is an error.
 */
export const rulesOfModule = (policy: TeamKeyPolicy, module: string): KeyPolicyRules => {
  const { name } = policy
  const base = RULES[policy.base ?? "virtual"]
  return {
    name,
    module,
    reject: (key) => {
      if (policy.reject === undefined) return null
      try {
        const reason: unknown = policy.reject(key)
        return reason === null || reason === undefined ? null : typeof reason === "string" ? reason : `the key policy ${name} gave ${kindOf(reason)} instead of words or null`
      } catch (error) {
        return `the key policy ${name} failed: ${error instanceof Error ? error.message : String(error)}`
      }
    },
    place: policy.place === undefined ? base.place : (input) => acceptPlace(policy.place!(input), name)
  }
}

/** The same keys as these rules, and the places of a shipped policy. */
export const placedBy = (rules: KeyPolicyRules, name: KeyPolicyName): KeyPolicyRules => ({ ...rules, name: `${rules.name} placed by ${name}`, place: RULES[name].place })

/** How a worker thread gets its rules: those of a shipped policy by name, others from their module, with the places of a shipped one where that is named. */
export interface ThreadKeyPolicy {
  readonly name: string
  readonly module: string | null
  readonly placedBy: KeyPolicyName | null
}

/** The rules in a worker thread. */
export const rulesInThread = async (policy: ThreadKeyPolicy): Promise<KeyPolicyRules> => {
  if (policy.module === null) return keyPolicyRules(policy.name)
  const { keyPolicy } = (await import(policy.module)) as { readonly keyPolicy: TeamKeyPolicy }
  const rules = rulesOfModule(keyPolicy, policy.module)
  return policy.placedBy === null ? rules : placedBy(rules, policy.placedBy)
}

/** A registry's own folder has only the places that the shipped policies give. */
const OWN_PLACE = /^\.sheaf\/(?:[0-9A-Za-z]{2}|cas\/[0-9A-Za-z_-]{2})\/[^/]+$/

const acceptPlace = (placement: Placement, name: string): Placement => {
  const { isVirtual, objectKey } = placement
  const isGood = typeof objectKey === "string" && typeof isVirtual === "boolean" && isPlace(objectKey) && !objectKey.includes("\0") &&
    objectKey.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..") && (!/(?:^|\/)\.sheaf(?:\/|$)/.test(objectKey) || OWN_PLACE.test(objectKey))
  if (!isGood) throw new TypeError(`the key policy ${name} gave a place that is none of a file in the root: ${JSON.stringify(placement)}`)
  return placement
}

/** Whether a policy of this name ships. */
export const isKeyPolicyName = (name: string): name is KeyPolicyName => (KEY_POLICIES as ReadonlyArray<string>).includes(name)

/** The rules of a shipped policy. Throws a `RangeError` for a name that is none: ask {@link isKeyPolicyName} before. */
export const keyPolicyRules = (name: string): KeyPolicyRules => {
  if (!isKeyPolicyName(name)) throw new RangeError(`no key policy "${name}"; there are ${KEY_POLICIES.join(", ")}`)
  return RULES[name]
}
