/**
 * What a save tells its caller: the artifact as it is now, and what is worth knowing, as data.
 */
import { Effect, Result } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import type { SaveRefusal, SaveResult, SaveWarning } from "./Artifacts.ts"
import type { KeyFolds } from "./KeyFolds.ts"
import type { Saved } from "./SaveBatch.ts"
import { objectPath } from "../domain/StorageRoot.ts"

type RegistryService = Registry["Service"]

export const saveResults = (
  all: ReadonlyArray<Result.Result<Saved, SaveRefusal>>,
  { folds, handle, registry }: { readonly registry: RegistryService; readonly folds: KeyFolds; readonly handle: string }
): Effect.Effect<ReadonlyArray<Result.Result<SaveResult, SaveRefusal>>, RegistryError> =>
  Effect.gen(function*() {
    const saved = all.flatMap((one) => (Result.isSuccess(one) ? [one.success] : []))
    const known = saved.filter(isKnown)
    yield* fillDescriptions(known, registry)
    // Of what a run makes the transform is not known here; of a folder not how many files it has.
    const lookedUp = saved.filter((save) => isKnown(save) || save.request.run !== null || save.request.folder !== undefined)
    const [clashes, artifacts] = yield* Effect.all(
      [folds.clashes(saved.filter(isNewKey).map(({ plan }) => plan.key!)), artifactsByUid(lookedUp, registry)],
      { concurrency: 2 }
    )
    return all.map((one) => Result.map(one, (save): SaveResult => {
      const { outcome, plan } = save
      const artifact = artifacts.get(outcome.uid) ?? madeArtifact(save, handle)
      return {
        outcome: outcome.outcome,
        artifact,
        key: plan.key,
        aliasOf: outcome.aliasOf,
        movedFrom: outcome.movedFrom,
        warnings: [...plan.warnings, ...(plan.key === null ? [] : clashWarnings(plan.key, clashes.get(plan.key) ?? [])), ...keyWarnings(save), ...keptWarnings(save, artifact)]
      }
    }))
  })

/** The artifact that a save has made. Everything about it is known, and looking it up would take longer than saving it did. */
const madeArtifact = ({ isVirtual: keyIsVirtual, objectKey, outcome, plan, request }: Saved, handle: string): Artifact => {
  const { url } = plan.root
  const path = objectPath(plan.root, objectKey)
  const at = new Date(Math.floor(outcome.at / 1000)).toISOString()
  return Object.freeze<Artifact>({
    uid: outcome.uid,
    key: request.key,
    keys: request.key === null ? [] : [request.key],
    formerKey: null,
    suffix: request.suffix,
    kind: request.kind,
    description: request.description,
    version: request.version ?? null,
    isLatest: true,
    size: request.size,
    hash: request.hash,
    hashType: request.hashType,
    nFiles: null,
    nObservations: request.nObservations ?? null,
    keyIsVirtual,
    storage: url,
    path,
    locations: [{ storage: url, path, keyIsVirtual, state: "ok", verifiedAt: null }],
    labels: [],
    collections: [],
    run: request.run,
    transform: null,
    createdBy: handle,
    createdAt: at,
    updatedAt: at
  })
}

const artifactsByUid = (saved: ReadonlyArray<Saved>, registry: RegistryService) => {
  const uids = [...new Set(saved.map(({ outcome }) => outcome.uid))]
  return uids.length === 0
    ? Effect.succeed(new Map<string, Artifact>())
    : Effect.map(registry.artifacts(uids), (found) => new Map(found.map((artifact) => [artifact.uid, artifact])))
}

/** The key did not exist before. */
const isNewKey = ({ outcome, plan }: Saved): boolean =>
  plan.key !== null && outcome.movedFrom === null && (outcome.outcome === "created" || outcome.outcome === "keyed" || outcome.outcome === "aliased")

/** What to say of a key beside others that differ from it only in case or Unicode form. */
export const clashWarnings = (key: string, others: ReadonlyArray<string>): ReadonlyArray<SaveWarning> =>
  others.length === 0 ? [] : [{
    code: "KeyNotPortable",
    message: `the key ${key} differs from ${others.slice(0, 3).join(", ")} only in case or Unicode form; some file systems take them for one`
  }]

const keyWarnings = ({ outcome, plan }: Saved): ReadonlyArray<SaveWarning> => {
  const { aliasOf, keyLeftAlone, movedFrom, uid } = outcome
  if (keyLeftAlone) {
    return [{
      code: "KeyLeftAlone",
      message: `${aliasOf === null ? `artifact ${uid} without a key` : `key ${aliasOf} on existing artifact ${uid}`} differs from the key given, ${plan.key}; keys were left alone`
    }]
  }
  return [
    ...(outcome.outcome === "aliased" ? [{
      code: "AliasMade", message: `the content is known as artifact ${uid}${aliasOf === null ? "" : ` with key ${aliasOf}`}; ${plan.key} is a further key of it now`
    } as const] : []),
    ...(movedFrom === null ? [] : [{ code: "KeyMoved", message: `the key ${plan.key} pointed at artifact ${movedFrom} before and points at ${uid} now` } as const])
  ]
}

const isKnown = ({ outcome }: Saved): boolean => outcome.outcome !== "created" && outcome.outcome !== "newVersion"

/** An artifact that was registered without a description takes the one given now. */
const fillDescriptions = (saved: ReadonlyArray<Saved>, registry: RegistryService): Effect.Effect<void, RegistryError> =>
  Effect.gen(function*() {
    const described = saved.filter(({ item }) => item.description !== undefined)
    if (described.length === 0) return
    const artifacts = yield* artifactsByUid(described, registry)
    const filled = new Set<string>()
    for (const { item, outcome } of described) {
      if (artifacts.get(outcome.uid)!.description !== null || filled.has(outcome.uid)) continue
      filled.add(outcome.uid)
      yield* registry.setDescription(outcome.uid, item.description!).pipe(
        // The content was saved a moment ago; what does not fit stays as it was and shows in the result.
        Effect.catchTag(["NotFound", "InvalidInput"], () => Effect.void)
      )
    }
  })

const keptWarnings = (save: Saved, artifact: Artifact): ReadonlyArray<SaveWarning> => {
  if (!isKnown(save)) return []
  const { description, kind, version } = save.item
  const { revises } = save.request
  return [
    ...(revises !== null && revises !== undefined && revises !== artifact.uid
      ? [{ code: "NotRevised", message: `the content is registered already as artifact ${artifact.uid}, so no new version of ${revises} was made` } as const] : []),
    ...(version !== undefined && artifact.version !== version
      ? [{ code: "VersionKept", message: `artifact ${artifact.uid} keeps its version tag ${artifact.version ?? "(none)"}` } as const] : []),
    ...(description !== undefined && artifact.description !== description
      ? [{ code: "DescriptionKept", message: `artifact ${artifact.uid} keeps its description "${artifact.description ?? ""}"` } as const] : []),
    ...(kind !== undefined && artifact.kind !== kind
      ? [{ code: "KindKept", message: `artifact ${artifact.uid} keeps its kind ${artifact.kind ?? "(none)"}` } as const] : [])
  ]
}
