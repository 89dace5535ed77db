/**
 * Port: where the bytes of a managed artifact go, and which keys are acceptable. Reference implementation: `layers/KeyPolicies` (virtual).
 */
import { Context } from "effect"

/** What a place may depend on. */
export interface PlacementInput {
  /** Normalised, or null. */
  readonly key: string | null
  /** 20 characters. */
  readonly uid: string
  /** With its leading dot, or "". */
  readonly suffix: string
  readonly hash: string
}

/** Where the bytes go. */
export interface Placement {
  /** Path of the object below its root, segments escaped as in a key. */
  readonly objectKey: string
  /** The object's place does not follow from the key, so renaming the key moves no bytes. */
  readonly isVirtual: boolean
}

/** A policy is pure: the same input always gives the same place. */
export interface KeyPolicyRules {
  readonly name: string
  /** Why the team does not want this key, in words for its user, or null. */
  readonly reject: (key: string) => string | null
  readonly place: (input: PlacementInput) => Placement
  /**
   * URL of an ES module that exports these rules as `keyPolicy`, for the worker threads of managed ingest to import. The shipped policies have null and are
   * known to the threads by name; with null any other policy serves single saves, and managed ingest refuses it.
   */
  readonly module: string | null
}

/** Version of the contract of {@link TeamKeyPolicy}. */
export const KEY_POLICY_CONTRACT = 1

/**
 * A policy as a package exports it, under the name `keyPolicy`: plain data and functions, so that the package depends on nothing. It runs in worker threads
 * too. What it leaves out is as in a policy that ships.
 */
export interface TeamKeyPolicy {
  /** Shown where the policy is meant; not that of a shipped one. */
  readonly name: string
  /** The version of the contract that it was written for: {@link KEY_POLICY_CONTRACT}. */
  readonly contract: number
  /** Why the team does not want this key, in words for its user, or null. Default: every key is wanted. */
  readonly reject?: (key: string) => string | null
  /** Default: as `base` does it. */
  readonly place?: (input: PlacementInput) => Placement
  /** The shipped policy that says where objects go. Default `virtual`. */
  readonly base?: "virtual" | "semantic" | "content"
}

/** The key policy of an instance. */
export class KeyPolicy extends Context.Service<KeyPolicy, KeyPolicyRules>()("@sheaf/core/KeyPolicy") {}
