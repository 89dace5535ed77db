/**
 * Objects whose place depends on their artifact's key follow the key.
 *
 * After a rename the object goes where the new key says. After a new version, or a new artifact under a key that was used before, the older object makes room:
 * until then the new one stands at the place of its uid, so that nothing is ever overwritten.
 */
import { Context, Effect, Layer } from "effect"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { KeyPolicy, type KeyPolicyRules, type Placement, type PlacementInput } from "../ports/KeyPolicy.ts"
import { type ObjectFilter, Registry, type RegistryError, type StoredCopy } from "../ports/Registry.ts"
import { keyPolicyRules, virtualPlace } from "../workers/KeyPolicyRules.ts"
import { asProblem } from "./CopyExamination.ts"
import { Instance } from "./Instance.ts"
import { moveObjects, type ObjectMoveReport, reasonToStay, type WantedMove } from "./ObjectMoves.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** What a team's policy says; where it gives no place, that of the uid. */
const acceptedPlace = (input: PlacementInput, rules: KeyPolicyRules): Placement => {
  try {
    return rules.place(input)
  } catch {
    return { objectKey: virtualPlace(input), isVirtual: true }
  }
}

/** Objects where their keys say. */
export class KeyedObjects extends Context.Service<KeyedObjects, {
  /**
   * Moves those of the objects whose artifact has a key that asks for another place. What cannot be moved, as in a root that is away, stays where the registry
   * says it is, and is reported. `rules` are used instead of the instance's policy.
   */
  readonly settle: (filter: ObjectFilter, rules?: KeyPolicyRules) => Effect.Effect<ObjectMoveReport, RegistryError>
  /** Whether an artifact's key asks for a place of its own; never under policies `virtual` and `content`. */
  readonly isByKey: (input: PlacementInput) => boolean
}>()("@sheaf/core/KeyedObjects") {
  static readonly layer: Layer.Layer<KeyedObjects, never, Instance | Registry | KeyPolicy | StorageRoots> = Layer.effect(
    KeyedObjects,
    Effect.gen(function*() {
      const instance = yield* Instance
      const registry = yield* Registry
      const roots = yield* StorageRoots
      const policy = yield* KeyPolicy
      const semantic = keyPolicyRules("semantic")

      /** An object that was given a name follows its key, also where the policy of today gives none. */
      const placeOf = (copy: Pick<StoredCopy, "key" | "uid" | "suffix" | "hash" | "isVirtual">, rules: KeyPolicyRules): Placement => {
        const place = acceptedPlace(copy, rules)
        return place.isVirtual && !copy.isVirtual ? semantic.place(copy) : place
      }

      const settle = Effect.fn("KeyedObjects.settle")(function*(filter: ObjectFilter, rules: KeyPolicyRules = policy) {
        const copies = yield* registry.objects(filter)
        const wanted = copies.flatMap((copy): ReadonlyArray<WantedMove> => {
          if (copy.key === null) return []
          const { isVirtual, objectKey } = placeOf(copy, rules)
          return objectKey === copy.objectKey || (isVirtual && copy.isVirtual) ? [] : [{ copy, to: objectKey, isVirtual }]
        })
        if (wanted.length === 0) return { moves: [], left: [] }
        const reports = yield* Effect.forEach(yield* registry.roots, (root) =>
          moveOrLeave(root, wanted.filter(({ copy }) => copy.root === root.uid && reasonToStay(copy, root) === null), rules))
        return { moves: reports.flatMap(({ moves }) => moves), left: reports.flatMap(({ left }) => left) }
      })

      const moveOrLeave = (root: StorageRoot, wanted: ReadonlyArray<WantedMove>, rules: KeyPolicyRules): Effect.Effect<ObjectMoveReport, RegistryError> => {
        const stay = (reason: string) => ({
          moves: [],
          left: wanted.map(({ copy: { key, objectKey, uid } }) => ({ uid, key, storage: root.url, objectKey, reason }))
        })
        return moveObjects(root, wanted, { instance, registry, roots, rules: { place: (input) => placeOf({ ...input, isVirtual: false }, rules) } }).pipe(
          Effect.catchTag(["StorageError", "StorageRootProblem"], (error) => Effect.succeed(stay(asProblem(error).reason)))
        )
      }

      return KeyedObjects.of({ settle, isByKey: (input) => !acceptedPlace(input, policy).isVirtual })
    })
  )
}
