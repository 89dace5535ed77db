/**
 * Keys: renaming, aliasing and releasing them. Only records change, except that an object which stands where its key says follows it to the new one.
 */
import { Context, Effect, Layer, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { fileNameOf } from "../domain/ArtifactKey.ts"
import { InvalidInput, type InvalidKey, type KeyConflict, type MultipleResults, NotFound, SuffixMismatch } from "../domain/SheafError.ts"
import { suffixOf, suffixTable } from "../domain/Suffix.ts"
import { isKeyPolicyName } from "../workers/KeyPolicyRules.ts"
import { KeyPolicy } from "../ports/KeyPolicy.ts"
import { type KeyMove, Registry, type RegistryError } from "../ports/Registry.ts"
import { Session } from "../ports/Session.ts"
import type { SaveWarning } from "./Artifacts.ts"
import { Instance } from "./Instance.ts"
import type { ObjectLeft, ObjectMove } from "./ObjectMoves.ts"
import { KeyedObjects } from "./KeyedObjects.ts"
import { resolveReference } from "./References.ts"
import { acceptKey, suffixFits } from "./SavePlan.ts"
import { clashWarnings } from "./SaveResults.ts"

/** How to rename. */
export interface MoveOptions {
  readonly allowSuffixMismatch?: boolean
  /** Plan and check, change nothing. */
  readonly dryRun?: boolean
}

/** What was renamed. */
export interface MoveReport {
  readonly dryRun: boolean
  /** Every key that was renamed, or would be. */
  readonly moves: ReadonlyArray<KeyMove>
  /** Whether every key below a prefix was meant. */
  readonly byPrefix: boolean
  /** The artifact after the change, when one key was renamed; with `dryRun` as it is. */
  readonly artifact: Artifact | null
  /** Objects that have followed their keys: those that stood where the old one said. */
  readonly objects: ReadonlyArray<ObjectMove>
  readonly warnings: ReadonlyArray<SaveWarning>
}

/** The artifact with its new key. */
export interface AliasReport {
  readonly artifact: Artifact
  /** The new key in normal form. */
  readonly key: string
  readonly warnings: ReadonlyArray<SaveWarning>
}

/** What renaming can fail with; nothing has changed then. */
export type MoveError = RegistryError | InvalidKey | InvalidInput | NotFound | KeyConflict | SuffixMismatch

/** Names: renaming, aliases, releasing. */
export class Keys extends Context.Service<Keys, {
  /**
   * Renames a key; or every key below a prefix, when `from` ends with `/` or is no key itself but others lie below it. Any conflict refuses the whole.
   * A new key that points at the same artifact already stays, and the old one is dropped.
   */
  readonly mv: (from: string, to: string, options?: MoveOptions) => Effect.Effect<MoveReport, MoveError>
  /** Gives the artifact that a reference means a further key. */
  readonly alias: (
    reference: string,
    key: string,
    options?: { readonly allowSuffixMismatch?: boolean }
  ) => Effect.Effect<AliasReport, RegistryError | InvalidKey | NotFound | MultipleResults | KeyConflict | SuffixMismatch>
  /** Releases a key; gives the artifact it pointed at, which stays. */
  readonly unalias: (key: string) => Effect.Effect<Artifact, RegistryError | InvalidKey | NotFound>
}>()("@sheaf/core/Keys") {
  static readonly layer: Layer.Layer<Keys, never, Instance | Registry | KeyPolicy | KeyedObjects> = Layer.effect(
    Keys,
    Effect.gen(function*() {
      const registry = yield* Registry
      const policy = yield* KeyPolicy
      const keyedObjects = yield* KeyedObjects
      const suffixes = suffixTable((yield* Instance).config.suffixes.composite)
      const suffixOfKey = (key: string) => suffixOf(fileNameOf(key), suffixes)

      const artifactAt = (uid: string, reference: string): Effect.Effect<Artifact, NotFound | RegistryError> =>
        Effect.flatMap(registry.artifacts([uid]), ([artifact]) =>
          artifact === undefined ? Effect.fail(new NotFound({ what: "artifact", reference, near: [] })) : Effect.succeed(artifact))
      const uidAt = Effect.fnUntraced(function*(key: string) {
        const uid = yield* registry.uidByKey(key)
        return uid ?? (yield* new NotFound({ what: "key", reference: key, near: yield* registry.keysNear(key, 3) }))
      })
      const portability = (key: string) => Effect.map(registry.keysFoldingLike(key), (others) => clashWarnings(key, others))

      /** Renames, and lets objects follow. The rename stands when one of them cannot. */
      const rename = Effect.fnUntraced(function*(change: { readonly from: string; readonly to: string; readonly byPrefix: boolean; readonly dryRun: boolean }) {
        const moves = yield* registry.rename({ ...change, run: (yield* Session).run })
        if (change.dryRun) return { moves, objects: [], staying: [] }
        const report = yield* keyedObjects.settle({ uids: moves.map(({ uid }) => uid), isVirtual: false })
        return { moves, objects: report.moves, staying: report.left.map(staysWarning) }
      })

      const moveOne = Effect.fnUntraced(function*(from: string, to: string, { allowSuffixMismatch = false, dryRun = false }: MoveOptions) {
        const uid = yield* uidAt(from)
        const { suffix } = yield* artifactAt(uid, from)
        const [before, after] = [suffixOfKey(from), suffixOfKey(to)]
        if (!allowSuffixMismatch && after.toLowerCase() !== before.toLowerCase() && !suffixFits(after, suffix)) {
          return yield* new SuffixMismatch({ key: to, keySuffix: after, contentSuffix: suffix })
        }
        const { moves, objects, staying } = yield* rename({ from, to, byPrefix: false, dryRun })
        const warnings = moves.some((move) => move.merges) ? [] : (yield* portability(to))
        return { moves, objects, artifact: yield* artifactAt(uid, to), warnings: [...warnings, ...staying] }
      })

      /** Keys become longer, or a team's policy may not want them: each is looked at before anything changes. */
      const checkPlan = Effect.fnUntraced(function*(from: string, to: string) {
        if (to.length <= from.length && isKeyPolicyName(policy.name)) return
        for (const move of yield* registry.rename({ from, to, byPrefix: true, dryRun: true })) yield* acceptKey(move.to, policy)
      })

      const mv = Effect.fn("Keys.mv")(function*(from: string, to: string, options: MoveOptions = {}) {
        const dryRun = options.dryRun ?? false
        const old = yield* acceptKey(from, anyKey)
        const isPrefix = from.endsWith("/") || ((yield* registry.uidByKey(old.key)) === null && (yield* hasKeysBelow(old.key, registry)))
        const target = yield* acceptKey(!isPrefix && to.endsWith("/") ? to + fileNameOf(old.key) : to, isPrefix ? anyKey : policy)
        if (old.key === target.key) {
          return yield* new InvalidInput({ what: `mv ${from} ${to}`, reason: "both are the same key", advice: "Nothing was changed. Give another name." })
        }
        const normalized = to.endsWith("/") ? [] : target.warnings
        if (!isPrefix) {
          const { artifact, moves, objects, warnings } = yield* moveOne(old.key, target.key, options)
          return { dryRun, moves, byPrefix: false, artifact, objects, warnings: [...normalized, ...warnings] }
        }
        yield* checkPlan(old.key, target.key)
        const { moves, objects, staying } = yield* rename({ from: old.key, to: target.key, byPrefix: true, dryRun })
        return { dryRun, moves, byPrefix: true, artifact: null, objects, warnings: [...normalized, ...staying] }
      })

      const alias = Effect.fn("Keys.alias")(function*(reference: string, key: string, options: { readonly allowSuffixMismatch?: boolean } = {}) {
        const { uid } = yield* resolveReference(reference, registry)
        const accepted = yield* acceptKey(key, policy)
        const { suffix } = yield* artifactAt(uid, reference)
        const keySuffix = suffixOfKey(accepted.key)
        if (options.allowSuffixMismatch !== true && !suffixFits(keySuffix, suffix)) {
          return yield* new SuffixMismatch({ key: accepted.key, keySuffix, contentSuffix: suffix })
        }
        yield* registry.alias(uid, accepted.key, (yield* Session).run)
        return { artifact: yield* artifactAt(uid, reference), key: accepted.key, warnings: [...accepted.warnings, ...(yield* portability(accepted.key))] }
      })

      const unalias = Effect.fn("Keys.unalias")(function*(key: string) {
        const accepted = yield* acceptKey(key, anyKey)
        const uid = yield* uidAt(accepted.key)
        yield* registry.unalias(accepted.key, (yield* Session).run)
        return yield* artifactAt(uid, accepted.key)
      })
      return Keys.of({ mv, alias, unalias })
    })
  )
}

const staysWarning = ({ key, objectKey, reason, storage }: ObjectLeft): SaveWarning => ({
  code: "ObjectStays",
  message: `the object of ${key} stays at ${objectKey} in ${storage}: ${reason}`
})

/** For keys that exist already, whatever the policy says of them now. */
const anyKey = { reject: () => null }

/** Whether there are live keys below a key. */
export const hasKeysBelow = (key: string, registry: Registry["Service"]): Effect.Effect<boolean, RegistryError> =>
  registry.list(key).pipe(Stream.take(1), Stream.runCollect, Effect.map((found) => found.length > 0))
