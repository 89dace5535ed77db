/**
 * One save applied to a registry in memory: the decision, and everything that follows from it.
 */
import { Result } from "effect"
import type { RegistryState } from "./RegistryState.ts"
import { type Decision, decideSave, type DuplicatePolicy, type Outcome } from "./SaveDecision.ts"
import type { SaveOutcome, SaveRequest } from "./SaveRequest.ts"
import { DuplicateContent, InvalidInput, KeyConflict, NotFound, Unnamed } from "./SheafError.ts"
import { stemOf } from "./Uid.ts"

export interface ApplyOptions {
  readonly onDuplicate: DuplicatePolicy
  readonly account: string | null
  /** Microseconds since 1970, later than anything recorded. */
  readonly now: number
}

/** Why a save was refused. */
export type ApplyRefusal = DuplicateContent | Unnamed | NotFound | KeyConflict | InvalidInput

export type ApplyResult = Result.Result<SaveOutcome, ApplyRefusal>

/** Applies one save; a refused one changes nothing. The state holds what the save touches. */
export const applySave = (state: RegistryState, request: SaveRequest, options: ApplyOptions): ApplyResult => {
  const { key } = request
  const holder = key === null ? undefined : state.artifacts.get(state.keys.get(key)?.artifact ?? "")
  const content = { ...request, manifestHash: request.folder?.manifestHash ?? null }
  const same = key !== null && state.holds(key, content)
  const match = same ? holder : request.size === 0 ? undefined : state.oldestWith(content)
  const revised = request.revises === undefined || request.revises === null ? null : state.artifacts.get(request.revises)
  if (revised === undefined) return Result.fail(new NotFound({ what: "artifact", reference: request.revises!, near: [] }))
  const usual = decideSave({
    hasKey: key !== null,
    keyTarget: holder === undefined ? null : { uid: holder.uid, sameContent: same, isPrimary: holder.key === key },
    contentMatch: match === undefined ? null : { uid: match.uid, hasKey: match.key !== null }
  }, options.onDuplicate)

  // Known content is what it is; of unknown content a family can be named.
  const isNew = usual.outcome === "created" || usual.outcome === "newVersion"
  const decision: Decision = revised !== null && isNew ? { outcome: "newVersion", of: revised.uid } : usual
  if (revised !== null && isNew && holder !== undefined && holder.stem !== revised.stem) {
    return Result.fail(new KeyConflict({ key: key!, uid: revised.uid, holder: holder.uid }))
  }
  if (decision.outcome === "duplicate") {
    return Result.fail(new DuplicateContent({ uid: decision.uid, existingKey: match!.key, key, hash: request.hash }))
  }
  if (decision.outcome === "created" && key === null && request.description === null && request.run === null) {
    return Result.fail(new Unnamed({ path: request.object.objectKey }))
  }
  const tagged = taggedBefore(state, request, decision)
  if (tagged !== null) {
    return Result.fail(new InvalidInput({
      what: `version ${request.version}`, reason: `is the tag of ${tagged} already, which is of the same family`, advice: "Nothing was changed. Give another tag."
    }))
  }
  const formerPrimary = match?.key ?? null
  const uid = targetOf(state, request, decision, options)
  if (key !== null && decision.outcome !== "existing") {
    state.pointKey({ key, artifact: uid, since: options.now, event: decision.outcome, run: request.run })
  }
  if (!isNew && request.version !== undefined && request.version !== null) nameVersion(state, uid, request.version, options.now)
  const becameAlias = decision.outcome === "aliased" || decision.outcome === "moved"
  return Result.succeed({
    outcome: decision.outcome,
    uid,
    aliasOf: becameAlias || (decision.outcome === "existing" && decision.keyLeftAlone) ? formerPrimary : null,
    movedFrom: decision.outcome === "moved" || (decision.outcome === "created" && holder !== undefined) ? holder!.uid : null,
    keyLeftAlone: decision.outcome === "existing" && decision.keyLeftAlone,
    at: options.now,
    objectUsed: recordObject(state, request, uid, decision.outcome, options.now)
  })
}

/** Uid of the version that has the tag already, when the save would give it to another one of the family. */
const taggedBefore = (state: RegistryState, { version }: SaveRequest, decision: Exclude<Decision, { readonly outcome: "duplicate" }>): string | null => {
  if (version === undefined || version === null || decision.outcome === "created") return null
  const member = decision.outcome === "newVersion" ? decision.of : decision.uid
  const tagged = state.taggedWith(stemOf(member), version)
  return tagged === undefined || (decision.outcome !== "newVersion" && (tagged.uid === member || state.artifacts.get(member)!.version !== null)) ? null : tagged.uid
}

/** A known artifact takes a tag when it has none. */
const nameVersion = (state: RegistryState, uid: string, version: string, now: number): void => {
  const artifact = state.artifacts.get(uid)!
  if (artifact.version !== null) return
  artifact.version = version
  state.touch(artifact, now)
}

/** The artifact the content is known as from now on; made, if it has to be. */
const targetOf = (state: RegistryState, request: SaveRequest, decision: Exclude<Decision, { readonly outcome: "duplicate" }>, options: ApplyOptions): string => {
  if (decision.outcome !== "created" && decision.outcome !== "newVersion") return decision.uid
  const { seq, uid } = decision.outcome === "created" ? { uid: request.candidateUid, seq: 0 } : state.nextVersion(decision.of, options.now)
  state.make({
    uid,
    stem: stemOf(uid),
    seq,
    isLatest: true,
    key: null,
    formerKey: null,
    suffix: request.suffix,
    kind: request.kind,
    description: request.description,
    version: request.version ?? null,
    size: request.size,
    hash: request.hash,
    hashType: request.hashType,
    manifestHash: request.folder?.manifestHash ?? null,
    nFiles: request.folder?.members.length ?? null,
    nObservations: request.nObservations ?? null,
    run: request.run,
    account: options.account,
    createdAt: options.now,
    updatedAt: options.now
  }, request.folder?.members ?? null)
  return uid
}

/** In place, the file is a location of its artifact whatever the outcome; an object copied is one only where its bytes are needed. */
const recordObject = (state: RegistryState, request: SaveRequest, uid: string, outcome: Outcome, now: number): boolean => {
  const { inPlace, isVirtual, objectKey, root } = request.object
  if (!inPlace && outcome !== "created" && outcome !== "newVersion" && state.goodCopies(uid) > 0) return false
  const there = state.locationsAt(root, objectKey)
  if (inPlace) {
    for (const other of there) if (other.inPlace && other.artifact !== uid) state.judge(other, "replaced")
  }
  const own = there.find((location) => location.artifact === uid)
  if (own !== undefined) state.judge(own, "ok")
  else state.place({ artifact: uid, root, objectKey, isVirtual, inPlace, state: "ok", createdAt: now, verifiedAt: null })
  return true
}
