/**
 * Key policies as layers.
 */
import { Layer } from "effect"
import { KeyPolicy, type KeyPolicyRules } from "../ports/KeyPolicy.ts"
import { keyPolicyRules } from "../workers/KeyPolicyRules.ts"

/** A policy by its rules: a team's own, or one of those that ship. */
export const layer = (rules: KeyPolicyRules): Layer.Layer<KeyPolicy> => Layer.succeed(KeyPolicy, rules)

/** Bytes at a place that follows from the uid; renaming a key moves nothing. The default. */
export const virtual: Layer.Layer<KeyPolicy> = layer(keyPolicyRules("virtual"))

/** Bytes at the key's own path below the root. */
export const semantic: Layer.Layer<KeyPolicy> = layer(keyPolicyRules("semantic"))

/** Bytes at a place that follows from the hash: equal content is stored once. */
export const content: Layer.Layer<KeyPolicy> = layer(keyPolicyRules("content"))
