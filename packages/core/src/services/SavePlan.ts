/**
 * What saving one file or value is going to do: under which key, with which suffix, in which root. Everything that can be wrong with the request is found
 * here, before anything changes.
 */
import { Effect } from "effect"
import { realpathSync } from "node:fs"
import { basename, resolve } from "node:path"
import { fileNameOf, parseKey } from "../domain/ArtifactKey.ts"
import type { Content } from "../domain/Content.ts"
import { escapePath, fromUserPath } from "../domain/FileName.ts"
import { FileError, InvalidInput, InvalidKey, StorageRootProblem, SuffixMismatch } from "../domain/SheafError.ts"
import { deepestRoot, localPathOf, relativeTo, type StorageRoot } from "../domain/StorageRoot.ts"
import { suffixOf, type SuffixTable, unknownComposite } from "../domain/Suffix.ts"
import type { KeyPolicyRules } from "../ports/KeyPolicy.ts"
import type { SaveItem, SaveWarning } from "./Artifacts.ts"

export interface SavePlan {
  /** Absolute path, symlinks resolved, or content in memory. */
  readonly source: { readonly path: string } | { readonly content: Content }
  /** As the user wrote it, for messages. */
  readonly shown: string
  readonly root: StorageRoot
  /** Path of a file in place below its root, escaped; null when the content is copied. */
  readonly objectKey: string | null
  readonly key: string | null
  readonly suffix: string
  readonly warnings: ReadonlyArray<SaveWarning>
}

export interface SavePlanContext {
  readonly roots: ReadonlyArray<StorageRoot>
  readonly suffixes: SuffixTable
  /** The composite suffixes that the instance adds to the shipped ones. */
  readonly composite: ReadonlyArray<string>
  readonly policy: KeyPolicyRules
}

export type SavePlanError = FileError | InvalidInput | InvalidKey | SuffixMismatch | StorageRootProblem

/** The root that a user names: by name, uid, URL or path. */
export const findRoot = (roots: ReadonlyArray<StorageRoot>, reference: string): StorageRoot | undefined =>
  roots.find((root) => root.name === reference || root.url === reference || root.uid === reference) ??
    roots.find((root) => localPathOf(root) === realOrResolved(reference))

const realOrResolved = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

/** A key as the user gave it, in normal form, and a warning when that changed it. */
export const acceptKey = (
  text: string,
  policy: Pick<KeyPolicyRules, "reject"> & Partial<Pick<KeyPolicyRules, "name">>
): Effect.Effect<{ readonly key: string; readonly warnings: ReadonlyArray<SaveWarning> }, InvalidKey> => {
  const parsed = parseKey(text)
  if (!parsed.ok) return Effect.fail(new InvalidKey({ key: text, reason: parsed.reason }))
  const reason = policy.reject(parsed.key)
  if (reason !== null) return Effect.fail(new InvalidKey({ key: text, reason, ...(policy.name === undefined ? {} : { policy: policy.name }) }))
  return Effect.succeed({
    key: parsed.key,
    warnings: parsed.changed ? [{ code: "KeyNormalized", message: `the key "${text}" was taken as ${parsed.key}` }] : []
  })
}

/** Whether a key may name content of this suffix: content without a suffix takes any. */
export const suffixFits = (keySuffix: string, contentSuffix: string): boolean =>
  contentSuffix === "" || keySuffix.toLowerCase() === contentSuffix.toLowerCase()

const inspectFile = (path: string): Effect.Effect<string, FileError> =>
  Effect.try({
    try: () => realpathSync.native(path),
    catch: (error) => new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot save" })
  })

export const planSave = (item: SaveItem, context: SavePlanContext): Effect.Effect<SavePlan, SavePlanError> =>
  Effect.gen(function*() {
    const { policy, roots, suffixes } = context
    const real = "path" in item ? yield* inspectFile(item.path) : null
    const shown = "path" in item ? item.path : item.key ?? "content"
    const inside = real === null ? null : deepestRoot(roots, real)
    const named = item.storage === undefined ? roots.find((root) => root.isDefault) : findRoot(roots, item.storage)
    if (item.storage !== undefined && named === undefined) {
      return yield* new InvalidInput({
        what: `storage ${item.storage}`, reason: "is not a storage root of this instance", advice: "sheaf storage list shows them; add one with: sheaf storage add URL."
      })
    }
    if (inside !== null && item.storage !== undefined && named!.uid !== inside.uid) {
      return yield* new InvalidInput({
        what: shown,
        reason: `lies inside the storage root ${inside.url}, so it is registered where it stands and is not copied to ${named!.url}`,
        advice: "Leave the storage out."
      })
    }
    const root = inside ?? named
    if (root === undefined) {
      return yield* new InvalidInput({ what: shown, reason: "the instance has no storage root to copy into", advice: "Add one with: sheaf storage add URL." })
    }
    if (inside === null && root.readOnly) {
      return yield* new StorageRootProblem({
        url: root.url, reason: "is read-only, so nothing can be copied into it", advice: "Name another root, or save a file inside this one.", exit: 7
      })
    }
    const objectKey = inside === null ? null : escapePath(fromUserPath(relativeTo(localPathOf(inside)!, real!)))
    if (objectKey !== null && objectKey.split("/").includes(".sheaf")) {
      return yield* new InvalidInput({ what: shown, reason: "is one of the registry's own files", advice: "Save the file that you want to keep; artifacts in the registry are found with: sheaf ls." })
    }
    const wanted = item.key ?? objectKey
    const accepted = wanted === null ? null : yield* acceptKey(wanted, policy)
    const key = accepted === null ? null : accepted.key
    const fileName = "path" in item ? fileNameOf(escapePath(fromUserPath(inside === null ? basename(item.path) : real!))) : null
    const keySuffix = key === null ? "" : suffixOf(fileNameOf(key), suffixes)
    const ownSuffix = fileName === null ? "" : suffixOf(fileName, suffixes)
    if (key !== null && item.allowSuffixMismatch !== true && !suffixFits(keySuffix, ownSuffix)) {
      return yield* new SuffixMismatch({ key, keySuffix, contentSuffix: ownSuffix })
    }
    const longer = unknownComposite(fileName ?? fileNameOf(key ?? ""), suffixes)
    const hint: ReadonlyArray<SaveWarning> = longer === null ? [] : [{
      code: "UnknownCompositeSuffix",
      message: `the suffix was taken as ${longer.slice(longer.lastIndexOf("."))}; to have ${longer} recognised: sheaf config set suffixes.composite ${[...context.composite, longer].join(",")}`
    }]
    return {
      source: "path" in item ? { path: real! } : { content: item.content },
      shown,
      root,
      objectKey,
      key,
      suffix: ownSuffix === "" ? keySuffix : ownSuffix,
      warnings: [...(accepted?.warnings ?? []), ...hint]
    }
  })
