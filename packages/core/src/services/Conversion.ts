/**
 * Conversion: moving objects that exist to where another key policy puts them, or to where their key has moved.
 */
import { Context, Effect, Layer, Stream } from "effect"
import type { NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError, type StoredCopy } from "../ports/Registry.ts"
import type { StorageError } from "../ports/Storage.ts"
import { keyPolicyRules } from "../workers/KeyPolicyRules.ts"
import { examineCopy } from "./CopyExamination.ts"
import { Instance } from "./Instance.ts"
import { moveObjects, type ObjectLeft, type ObjectMove, reasonToStay, type WantedMove } from "./ObjectMoves.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** Which objects go where. */
export interface ConvertRequest {
  /** `semantic`: where the primary key says; `virtual`: where the uid says, so that renaming moves nothing. */
  readonly to: "virtual" | "semantic"
  /** Uids of the artifacts; with `keyPrefix` also those below it. */
  readonly uids?: ReadonlyArray<string>
  /** "" for all. */
  readonly keyPrefix?: string
  /** Plan, change nothing. */
  readonly dryRun?: boolean
}

/** What was moved, and what stays. */
export interface ConvertReport {
  readonly dryRun: boolean
  readonly moves: ReadonlyArray<ObjectMove>
  readonly left: ReadonlyArray<ObjectLeft>
  /** Objects that stand where they should already. */
  readonly unchanged: number
}

/** What refuses a conversion; an object that has to stay is in the report. */
export type ConvertError = RegistryError | StorageError | StorageRootProblem | NotFound

/** Moving objects to where another key policy puts them. */
export class Conversion extends Context.Service<Conversion, {
  /**
   * Moves the objects of some artifacts to the places of a policy. Every object is read and compared with its hash first; what is damaged, registered in
   * place, without a key for `semantic`, or would meet something that stands there, is left and reported.
   */
  readonly convert: (request: ConvertRequest) => Effect.Effect<ConvertReport, ConvertError>
}>()("@sheaf/core/Conversion") {
  static readonly layer: Layer.Layer<Conversion, never, Instance | Registry | StorageRoots | Hashing> = Layer.effect(
    Conversion,
    Effect.gen(function*() {
      const instance = yield* Instance
      const registry = yield* Registry
      const roots = yield* StorageRoots
      const hashing = yield* Hashing

      const convert = Effect.fn("Conversion.convert")(function*({ dryRun = false, keyPrefix, to, uids }: ConvertRequest) {
        const rules = keyPolicyRules(to)
        const all = new Map((yield* registry.roots).map((root) => [root.uid, root]))
        const copies = [
          ...(uids === undefined ? [] : yield* Stream.runCollect(registry.copies({ uids }))),
          ...(keyPrefix === undefined ? [] : yield* Stream.runCollect(registry.copies({ keyPrefix })))
        ]
        const left: Array<ObjectLeft> = []
        const wanted = new Map([...all.values()].map((root) => [root, new Array<WantedMove>()]))
        let unchanged = 0
        const seen = new Set<string>()
        for (const copy of copies) {
          const root = all.get(copy.root)
          const identity = `${copy.root} ${copy.uid} ${copy.objectKey}`
          if (root === undefined || seen.has(identity)) continue
          seen.add(identity)
          const { key, objectKey, uid } = copy
          const place = rules.place(copy)
          const reason = reasonToStay(copy, root) ?? (to === "semantic" && key === null ? "it has no key" : null)
          if (reason === null && place.objectKey === objectKey) {
            unchanged += 1
            continue
          }
          const stays = reason ?? (place.isVirtual && to === "semantic" ? "its key is no path of a file" : null)
          const problem = stays ?? (dryRun ? null : yield* damageOf(copy, root))
          if (problem !== null) left.push({ uid, key, storage: root.url, objectKey, reason: problem })
          else wanted.get(root)!.push({ copy, to: place.objectKey, isVirtual: place.isVirtual })
        }
        const reports = yield* Effect.forEach(wanted, ([root, moves]) => moveObjects(root, moves, { instance, registry, roots, rules }, { dryRun }))
        return { dryRun, moves: reports.flatMap(({ moves }) => moves), left: [...left, ...reports.flatMap((report) => report.left)], unchanged }
      })

      /** What is wrong with an object, or null. */
      const damageOf = (copy: StoredCopy, root: StorageRoot) =>
        Effect.flatMap(roots.handle(root), (handle) =>
          examineCopy(copy, handle, hashing).pipe(Effect.as(null), Effect.catchTag("CopyProblem", ({ reason }) => Effect.succeed(reason))))

      return Conversion.of({ convert })
    })
  )
}
