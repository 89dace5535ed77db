/**
 * How flags and arguments are declared, and those that several commands share.
 */
import { Argument, Flag } from "effect/cli"
import { DUPLICATE_POLICIES } from "@sheaf/core/domain/SaveDecision"
import { KEY_POLICIES } from "@sheaf/core/workers/KeyPolicyRules"

/** A flag without a value. */
export const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

/** A flag with a text value that may be left out. */
export const textFlag = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

/** A flag with a whole number that may be left out. */
export const countFlag = (name: string, description: string, least: number) =>
  Flag.Int(name).pipe(
    Flag.withMetavar("N"),
    Flag.filter((n) => n >= least, () => `Expected a whole number from ${least}`),
    Flag.withDescription(description),
    Flag.optional
  )

/** A flag that may be given several times. */
export const manyFlag = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.atLeast(0))

export const argument = (name: string, description: string) => Argument.String(name).pipe(Argument.withDescription(description))

export const optionalArgument = (name: string, description: string) => argument(name, description).pipe(Argument.optional)

const REF_DESCRIPTION = "A key, KEY@N (its Nth content), KEY@DATE, a uid or the beginning of one, or hash:VALUE"

export const referenceArgument = argument("REF", REF_DESCRIPTION)

export const onDuplicateFlag = Flag.Literals("on-duplicate", DUPLICATE_POLICIES).pipe(
  Flag.withMetavar("POLICY"),
  Flag.withDescription("When the content is registered under another key: add this key too, leave keys alone, make a second artifact, or refuse"),
  Flag.optional
)

export const policyFlag = Flag.Literals("policy", KEY_POLICIES).pipe(
  Flag.withMetavar("POLICY"),
  Flag.withDescription("Where copies go: named by uid, by their key, or by their hash (default: the instance's setting keyPolicy)"),
  Flag.optional
)

export const storageFlag = textFlag("storage", "ROOT", "Storage root to copy into: its name, uid, URL or path (default: the default root)")
export const suffixMismatchFlag = switchFlag("allow-suffix-mismatch", "Accept a key whose suffix differs from the file's")
export const excludeFlag = manyFlag("exclude", "GLOB", "Leave out files that match, such as '*.tmp' or 'cache/**'; repeatable")
export const followSymlinksFlag = switchFlag("follow-symlinks", "Read what symbolic links point at; loops are detected")
export const rehashFlag = switchFlag("rehash", "Read every file, also those that look unchanged")
export const yesFlag = switchFlag("yes", "Do not ask").pipe(Flag.withAlias("y"))

/** How the artifacts that filters find are chosen and sorted. */
export const queryFlags = {
  any: switchFlag("any", "Artifacts that meet one of the filters, instead of all of them"),
  order: textFlag("order", "FIELD", "Sort by this field (default: created_at), then by uid"),
  desc: switchFlag("desc", "The greatest first"),
  limit: countFlag("limit", "At most N artifacts", 1).pipe(Flag.withAlias("n"))
}
