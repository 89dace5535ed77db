/**
 * Saving: a number of files or values on their way through the one decision table.
 *
 * Each item is planned, its content written or hashed where it stands, and then all of them are handed to the registry at once, in order. Objects that
 * the registry had no use for are removed. Between the first object and the last record, interruption waits, so that nothing is left half-done.
 */
import { Deferred, Effect, Exit, Result } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { DuplicatePolicy } from "../domain/SaveDecision.ts"
import type { SaveOutcome, SaveRequest } from "../domain/SaveRequest.ts"
import { InvalidInput, NotFound, Unnamed } from "../domain/SheafError.ts"
import type { PlannedObject } from "../workers/ObjectWriter.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import type { RunRecords } from "../ports/RunRecords.ts"
import type { TableFiles } from "../ports/TableFiles.ts"
import type { UidSource } from "../ports/UidSource.ts"
import type { SaveItem, SaveRefusal, SaveResult } from "./Artifacts.ts"
import { encodeContent } from "./ContentEncoding.ts"
import type { ContentReader } from "./ContentReader.ts"
import type { KeyFolds } from "./KeyFolds.ts"
import type { KeyedObjects } from "./KeyedObjects.ts"
import { planSave, type SavePlan, type SavePlanContext, suffixFits } from "./SavePlan.ts"
import { resolveReference } from "./References.ts"
import { saveResults } from "./SaveResults.ts"
import type { RootWriter, SaveBytes, WrittenObject } from "./RootWriter.ts"
import { noRun, unknownRuns } from "./RunOfInstance.ts"
import { type ScratchFiles, scratchFiles } from "./ScratchFiles.ts"

export interface SaveDependencies {
  readonly registry: Registry["Service"]
  readonly uids: UidSource["Service"]
  readonly folds: KeyFolds
  readonly reader: ContentReader
  readonly planning: Omit<SavePlanContext, "roots">
  /** Opens a root for writing, once; fails when it may not be written. */
  readonly writerFor: (root: SavePlan["root"]) => Effect.Effect<RootWriter, SaveRefusal | RegistryError>
  readonly durable: boolean
  readonly onDuplicate: DuplicatePolicy
  readonly account: Effect.Effect<string, RegistryError>
  /** Handle of the account. */
  readonly handle: string
  readonly run: string | null
  /** Null where there are no records of runs, as over a registry in memory: none is checked then. */
  readonly runs: Pick<RunRecords["Service"], "runs"> | null
  readonly keyedObjects: KeyedObjects["Service"]
  readonly tables: TableFiles["Service"]
  /** For content on its way that is not held in memory. */
  readonly cacheFolder: string
}

/** An item on its way. */
interface Saving {
  readonly item: SaveItem
  readonly plan: SavePlan
  /** Where the bytes are: a file, or memory. */
  readonly source: SaveBytes
  readonly nObservations: number | null
  /** Uid of the artifact that is revised. */
  readonly revises: string | null
  readonly uid: string
  readonly writer: RootWriter | null
  /** Null for a file in place. */
  planned: PlannedObject | null
  written: WrittenObject | null
}

type Step = Result.Result<Saving, SaveRefusal>

/** A save that the registry has decided. */
export interface Saved {
  readonly item: SaveItem
  readonly plan: SavePlan
  readonly request: SaveRequest
  readonly outcome: SaveOutcome
  /** Where the object stands below its root, which is another place than in the request when it was moved since. */
  objectKey: string
  isVirtual: boolean
}

const isRegistryError = (error: SaveRefusal | RegistryError): error is RegistryError =>
  error._tag === "RegistryBusy" || error._tag === "RegistryNewer" || error._tag === "RegistryFailed"

/** What is wrong with one item becomes its result; a registry that fails ends the whole. */
const asStep = <A>(effect: Effect.Effect<A, SaveRefusal | RegistryError>): Effect.Effect<Result.Result<A, SaveRefusal>, RegistryError> =>
  Effect.matchEffect(effect, {
    onSuccess: (value) => Effect.succeed(Result.succeed(value)),
    onFailure: (error) => (isRegistryError(error) ? Effect.fail(error) : Effect.succeed(Result.fail(error)))
  })

/** When a batch among several is its turn to be registered; its content is written before that. */
export interface Turn {
  readonly await: Effect.Effect<void>
  readonly done: Effect.Effect<unknown>
}

/** Saves items in order; one result each. */
export const saveBatch = (
  items: ReadonlyArray<SaveItem>,
  deps: SaveDependencies,
  turn: Turn = { await: Effect.void, done: Effect.void }
): Effect.Effect<ReadonlyArray<Result.Result<SaveResult, SaveRefusal>>, RegistryError> =>
  Effect.scoped(Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scratch = yield* scratchFiles(deps.cacheFolder, "content")
      const planned = yield* restore(planAll(items, deps, scratch))
      const savings = planned.flatMap((step) => (Result.isSuccess(step) ? [step.success] : []))
      const work = Effect.gen(function*() {
        const written = yield* restore(writeAll(planned, deps))
        const durable = deps.durable ? yield* restore(syncAll(written)) : written
        yield* restore(turn.await)
        return yield* register(durable, deps)
      })
      const exit = yield* Effect.exit(work)
      yield* Exit.isSuccess(exit) ? Effect.andThen(settle(exit.value, deps), followKeys(exit.value, deps)) : takeBack(savings, deps)
      for (const saving of savings) if (saving.planned !== null) saving.writer!.settled(1)
      return yield* Effect.ensuring(restore(saveResults((yield* exit).map(({ decided }) => decided), deps)), turn.done)
    })))

/** Saves any number of items: the content of one batch is written while the one before it is registered. */
export const saveBatches = (
  items: ReadonlyArray<SaveItem>,
  size: number,
  deps: SaveDependencies
): Effect.Effect<ReadonlyArray<Result.Result<SaveResult, SaveRefusal>>, RegistryError> =>
  Effect.gen(function*() {
    const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size)
    const turns = starts.map(() => Deferred.makeUnsafe<void>())
    const results = yield* Effect.forEach(starts, (start, i) =>
      saveBatch(items.slice(start, start + size), deps, {
        await: i === 0 ? Effect.void : Deferred.await(turns[i - 1]!),
        done: Deferred.succeed(turns[i]!, undefined)
      }), { concurrency: 2 })
    return results.flat()
  })

const planAll = (items: ReadonlyArray<SaveItem>, deps: SaveDependencies, scratch: ScratchFiles): Effect.Effect<ReadonlyArray<Step>, RegistryError> =>
  Effect.gen(function*() {
    const roots = yield* deps.registry.roots
    const unknown = yield* unknownRuns(items.flatMap(({ run }) => run ?? []), deps.runs)
    const isAlone = items.length === 1
    return yield* Effect.forEach(items, (item) =>
      item.run !== undefined && unknown.has(item.run) ? Effect.succeed(Result.fail(noRun(item.run))) : asStep(planOne(item, isAlone, roots, deps, scratch)))
  })

const planOne = (
  item: SaveItem, isAlone: boolean, roots: SavePlanContext["roots"], deps: SaveDependencies, scratch: ScratchFiles
): Effect.Effect<Saving, SaveRefusal | RegistryError> =>
  Effect.gen(function*() {
    const revised = item.revises === undefined ? null : yield* artifactByReference(item.revises, deps.registry)
    const plan = yield* Effect.map(planSave(item, { ...deps.planning, roots }), (plan) => inheritKey(plan, revised))
    yield* checkTag(item.version)
    const { nObservations, source } = "path" in plan.source
      ? { source: plan.source, nObservations: null }
      : yield* encodeContent(plan.source.content, plan, { scratch, tables: deps.tables })
    // Of several, one before it can make its content known.
    if (isAlone && plan.key === null && revised === null && item.description === undefined && (item.run ?? deps.run) === null) yield* refuseUnnamed(source, plan.shown, deps)
    const writer = plan.objectKey === null ? yield* deps.writerFor(plan.root) : null
    return { item, plan, source, nObservations, writer, revises: revised?.uid ?? null, uid: deps.uids.next("artifact"), planned: null, written: null }
  })

/** The live artifact that a reference means. */
export const artifactByReference = (reference: string, registry: Registry["Service"]) =>
  Effect.gen(function*() {
    const { uid } = yield* resolveReference(reference, registry)
    const [artifact] = yield* registry.artifacts([uid])
    return artifact ?? (yield* new NotFound({ what: "artifact", reference, near: [] }))
  })

/** A new version without a key of its own takes the place of the one before it. */
export const inheritKey = (plan: SavePlan, revised: Artifact | null): SavePlan =>
  revised === null || plan.key !== null || revised.key === null || !suffixFits(revised.suffix, plan.suffix)
    ? plan
    : { ...plan, key: revised.key, suffix: plan.suffix === "" ? revised.suffix : plan.suffix }

/** A tag is a short text that can be typed. */
export const checkTag = (version: string | undefined): Effect.Effect<void, InvalidInput> =>
  version === undefined || /^[^\s\p{Cc}]{1,64}$/u.test(version)
    ? Effect.void
    : Effect.fail(new InvalidInput({ what: `version ${JSON.stringify(version)}`, reason: "is no tag", advice: "Give 1 to 64 characters without spaces, such as 1.0 or 2026-01." }))

/** Content that nobody could find again is refused before it is copied. */
const refuseUnnamed = (source: SaveBytes, shown: string, { reader, registry }: SaveDependencies): Effect.Effect<void, SaveRefusal | RegistryError> =>
  Effect.gen(function*() {
    const { hash } = yield* "path" in source ? reader.hashFile(source.path, shown) : Effect.sync(() => reader.hashBytes(source.bytes))
    if ((yield* registry.uidsByHash(hash)).length === 0) return yield* new Unnamed({ path: shown })
  })

const writeAll = (steps: ReadonlyArray<Step>, deps: SaveDependencies): Effect.Effect<ReadonlyArray<Step>, RegistryError> =>
  Effect.gen(function*() {
    for (const [writer, savings] of byWriter(steps)) {
      const planned = yield* Effect.result(writer.plan(savings.map(({ plan, uid }) => ({ key: plan.key, uid, suffix: plan.suffix }))))
      if (Result.isFailure(planned)) return steps.map((step) => (Result.isSuccess(step) && step.success.writer === writer ? Result.fail(planned.failure) : step))
      savings.forEach((saving, i) => (saving.planned = planned.success[i]!))
    }
    return yield* Effect.forEach(steps, (step) => (Result.isSuccess(step) ? asStep(writeOne(step.success, deps)) : Effect.succeed(step)))
  })

const writeOne = (saving: Saving, { reader }: SaveDependencies): Effect.Effect<Saving, SaveRefusal> => {
  const { plan, planned, source, writer } = saving
  const written = writer === null
    ? Effect.map(reader.hashFile((source as { readonly path: string }).path, plan.shown), (content) => ({ content, objectKey: plan.objectKey!, isVirtual: false }))
    : writer.write(planned!, source, plan.shown)
  return Effect.map(written, (object) => {
    saving.written = object
    return saving
  })
}

/** A root that cannot make its objects durable fails the saves into it. */
const syncAll = (steps: ReadonlyArray<Step>): Effect.Effect<ReadonlyArray<Step>> =>
  Effect.gen(function*() {
    const failures = new Map<RootWriter, SaveRefusal>()
    for (const [writer, savings] of byWriter(steps)) {
      const synced = yield* Effect.result(writer.sync(savings.map(({ written }) => written!.objectKey)))
      if (Result.isFailure(synced)) failures.set(writer, synced.failure)
    }
    if (failures.size === 0) return steps
    return steps.map((step) => {
      const failure = Result.isSuccess(step) && step.success.writer !== null ? failures.get(step.success.writer) : undefined
      return failure === undefined ? step : Result.fail(failure)
    })
  })

const byWriter = (steps: ReadonlyArray<Step>): ReadonlyMap<RootWriter, ReadonlyArray<Saving>> => {
  const groups = new Map<RootWriter, Array<Saving>>()
  for (const step of steps) {
    if (Result.isFailure(step) || step.success.writer === null) continue
    const group = groups.get(step.success.writer)
    if (group === undefined) groups.set(step.success.writer, [step.success])
    else group.push(step.success)
  }
  return groups
}

/** An item whose save the registry has decided or refused; `saving` is null when it never came so far. */
interface Decided {
  readonly saving: Saving | null
  readonly decided: Result.Result<Saved, SaveRefusal>
}

/** Hands everything to the registry, in order; items that follow one another under one duplicate policy in one go. */
const register = (steps: ReadonlyArray<Step>, deps: SaveDependencies): Effect.Effect<ReadonlyArray<Decided>, RegistryError> =>
  Effect.gen(function*() {
    const ready = steps.flatMap((step) => (Result.isSuccess(step) ? [step.success] : []))
    const outcomes: Array<Result.Result<SaveOutcome, SaveRefusal>> = []
    const account = ready.length === 0 ? null : yield* deps.account
    const requests = ready.map((saving) => requestOf(saving, deps))
    for (let i = 0; i < ready.length;) {
      const onDuplicate = ready[i]!.item.onDuplicate ?? deps.onDuplicate
      let end = i
      while (end < ready.length && (ready[end]!.item.onDuplicate ?? deps.onDuplicate) === onDuplicate) end++
      outcomes.push(...(yield* deps.registry.save(requests.slice(i, end), { onDuplicate, account })))
      i = end
    }
    let at = 0
    return steps.map((step): Decided => {
      if (Result.isFailure(step)) return { saving: null, decided: Result.fail(step.failure) }
      const { item, plan } = step.success
      const request = requests[at]!
      const decided = Result.mapError(outcomes[at++]!, (refusal) => asRefusal(refusal, plan))
      return { saving: step.success, decided: Result.map(decided, (outcome) => ({ item, plan, request, outcome, objectKey: request.object.objectKey, isVirtual: request.object.isVirtual })) }
    })
  })

/** What the registry refused, in the user's words: objects have names of their own. */
export const asRefusal = <E extends { readonly _tag: string }>(refusal: E, { shown }: SavePlan): E | Unnamed => (refusal._tag === "Unnamed" ? new Unnamed({ path: shown }) : refusal)

/** As the registry keeps it: a lone surrogate is no character. */
const wellFormed = (text: string | undefined): string | null => (text === undefined ? null : Buffer.from(text, "utf8").toString("utf8"))

const requestOf = ({ item, nObservations, plan, revises, uid, writer, written }: Saving, { run }: SaveDependencies): SaveRequest => ({
  hash: written!.content.hash,
  hashType: written!.content.type,
  size: written!.content.size,
  suffix: plan.suffix,
  key: plan.key,
  description: wellFormed(item.description),
  kind: wellFormed(item.kind),
  run: item.run ?? run,
  version: wellFormed(item.version),
  revises,
  nObservations,
  candidateUid: uid,
  object: { root: plan.root.uid, objectKey: written!.objectKey, isVirtual: written!.isVirtual, inPlace: writer === null }
})

/**
 * After the registry has decided: objects it had no use for go, and those of new versions go to the place of their final uid. What fails here fails no
 * save: an object that is in the way is known by its intent, and one under its first name is where the registry says it is.
 */
const settle = (all: ReadonlyArray<Decided>, deps: SaveDependencies): Effect.Effect<void> =>
  Effect.forEach(all, ({ decided, saving }) => {
    if (saving === null || saving.writer === null || saving.written === null) return Effect.void
    const { plan, uid, writer, written } = saving
    const { objectKey } = written
    if (Result.isFailure(decided) || !decided.success.outcome.objectUsed) return orLeaveOpen(writer, writer.remove([objectKey]))
    const { outcome } = decided.success
    if (outcome.outcome !== "newVersion") return Effect.void
    const place = writer.placeOf(written, { key: plan.key, uid: outcome.uid, suffix: plan.suffix }, uid)
    if (place === null) return Effect.void
    const move = deps.registry.putLocation({ uid: outcome.uid, root: plan.root.uid, objectKey: place, isVirtual: true, from: objectKey })
    const moved = Effect.tap(move, () => Effect.sync(() => void (decided.success.objectKey = place)))
    return orLeaveOpen(writer, writer.relocate(objectKey, place, moved))
  }, { discard: true })

/** Objects whose place was taken when they were written go there, if what stands there can make room. Where it cannot, the save is as good as before. */
const followKeys = (all: ReadonlyArray<Decided>, { keyedObjects }: SaveDependencies): Effect.Effect<void> => {
  const waiting = all.flatMap(({ decided, saving }) => {
    if (saving === null || saving.writer === null || Result.isFailure(decided)) return []
    const { isVirtual, outcome, plan, request } = decided.success
    const isAside = isVirtual && outcome.objectUsed && plan.key !== null && keyedObjects.isByKey({ key: plan.key, uid: outcome.uid, suffix: plan.suffix, hash: request.hash })
    return isAside ? [decided.success] : []
  })
  if (waiting.length === 0) return Effect.void
  return keyedObjects.settle({ uids: waiting.map(({ outcome }) => outcome.uid), isVirtual: true }).pipe(
    Effect.map(({ moves }) => {
      for (const saved of waiting) {
        const move = moves.find(({ from, uid }) => uid === saved.outcome.uid && from === saved.objectKey)
        if (move === undefined) continue
        saved.objectKey = move.to
        saved.isVirtual = false
      }
    }),
    Effect.ignore
  )
}

const orLeaveOpen = <A, E>(writer: RootWriter, effect: Effect.Effect<A, E>): Effect.Effect<void> =>
  Effect.catchCause(Effect.asVoid(effect), () => Effect.sync(() => writer.leaveOpen()))

/** The saves did not come to their end: objects that the registry does not know are removed. A commit whose answer was lost may have happened. */
const takeBack = (savings: ReadonlyArray<Saving>, { registry }: SaveDependencies): Effect.Effect<void> =>
  Effect.forEach(savings, ({ plan, writer, written }) => {
    if (writer === null || written === null) return Effect.void
    return orLeaveOpen(writer, Effect.flatMap(registry.knownObjects(plan.root.uid, [written.objectKey]), (known) =>
      known.has(written.objectKey) ? Effect.void : writer.remove([written.objectKey])))
  }, { discard: true })
