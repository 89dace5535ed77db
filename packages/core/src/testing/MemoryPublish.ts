/**
 * Publishing a staged batch into a registry in memory: row after row, as single saves.
 */
import { readFileSync } from "node:fs"
import { Effect, Result } from "effect"
import { applySave } from "../domain/ApplySave.ts"
import type { HashType } from "../domain/ContentHash.ts"
import type { LocationRecord, RegistryState } from "../domain/RegistryState.ts"
import { OUTCOMES, type Outcome } from "../domain/SaveDecision.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { type PublishedBatch, type PublishedItem, type Relocation, STAGING_COLUMNS, type StagedBatch } from "../domain/StagedBatch.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { type MemoryRecords, nextTime, noteReproduced } from "./MemoryStore.ts"

type Row = Readonly<Record<(typeof STAGING_COLUMNS)[number], string | null>>

/** See `ports/Registry`. Others that write wait until it is done; given up before that, it changes nothing. */
export const memoryPublish = (records: MemoryRecords, batch: StagedBatch): Effect.Effect<PublishedBatch, RegistryError> =>
  records.turn.withPermit(Effect.tryPromise({ try: (signal) => publish(records, batch, signal), catch: (error) => error })).pipe(
    Effect.catch((error) => (error instanceof Error && "_tag" in error ? Effect.fail(error as RegistryError & Error) : Effect.die(error)))
  )

const publish = async (records: MemoryRecords, batch: StagedBatch, signal: AbortSignal): Promise<PublishedBatch> => {
  const now = nextTime(records, batch.rows + 1)
  const next = records.state.copy()
  const again: Array<string> = []
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const items: Array<PublishedItem> = []
  const duplicates: Array<{ rel: string; uid: string }> = []
  const unused: Array<string> = []
  const needContent: Array<string> = []
  const moves: Array<Relocation & { readonly location: LocationRecord }> = []

  rowsOf(batch).forEach((row, i) => {
    const rel = row.rel!
    if (row.status !== "o") {
      items.push({ rel, outcome: row.status === "f" ? "failed" : "skipped", key: null, uid: null, hash: row.hash, size: null, code: row.code, message: row.message })
      return
    }
    const request = requestOf(row, batch)
    if (request.object.objectKey === "" && !batch.dryRun && !isKeptAlready(records.state, request, batch)) {
      needContent.push(rel)
      return
    }
    const damaged = next.locationsAt(batch.root, request.object.objectKey).filter(({ state }) => state === "damaged")
    const result = applySave(next, request, { onDuplicate: batch.onDuplicate, account: batch.account, now: now + i })
    // Files in place may not have been opened, so they cannot prove a damaged copy good.
    for (const location of damaged) if (location.state === "ok") next.judge(location, "damaged")
    const item = { rel, key: request.key, hash: request.hash, size: request.size, code: null, message: null }
    if (Result.isFailure(result)) {
      if (result.failure._tag !== "DuplicateContent") throw result.failure
      const { uid } = result.failure
      duplicates.push({ rel, uid })
      items.push({ ...item, outcome: "failed", uid, code: "DuplicateContent", message: `the content is already registered as artifact ${uid}` })
      if (!request.object.inPlace && request.object.objectKey !== "") unused.push(request.object.objectKey)
      return
    }
    const { objectUsed, outcome, uid } = result.success
    counts[outcome] += 1
    if (outcome !== "created" && outcome !== "newVersion") again.push(uid)
    items.push({ ...item, outcome, uid })
    if (!objectUsed && request.object.objectKey !== "") unused.push(request.object.objectKey)
    if (outcome === "newVersion" && !request.object.inPlace) {
      const location = next.locationsAt(batch.root, request.object.objectKey).find(({ artifact }) => artifact === uid)!
      moves.push({ from: location.objectKey, uid, suffix: request.suffix, hash: request.hash, key: request.key, location })
    }
  })

  if (!batch.dryRun) {
    if (batch.relocate !== null && moves.length > 0) {
      const places = await batch.relocate(moves)
      moves.forEach(({ key, location }, i) => {
        next.forget(location)
        next.place({ ...location, objectKey: places[i]!, isVirtual: places[i] !== key, state: "ok" })
      })
    }
    if (!signal.aborted) {
      records.state = next
      records.changes += 1
      noteReproduced(records, batch.run, again)
    }
  }
  const superfluous = batch.dryRun ? [] : [...new Set(unused)].filter((objectKey) => next.locationsAt(batch.root, objectKey).length === 0)
  return { counts, duplicates, superfluous, needContent, items: batch.wantItems ? items : [] }
}

const rowsOf = ({ file }: StagedBatch): ReadonlyArray<Row> =>
  readFileSync(file, "utf8").split("\n").filter((line) => line !== "").map((line) => {
    const values = line.split("\t").map((value) => (value === "\\N" ? null : value))
    return Object.fromEntries(STAGING_COLUMNS.map((column, i) => [column, values[i] ?? null])) as Row
  })

/** An object that was not copied has the object key "". */
const requestOf = (row: Row, { inPlacePrefix, keyPrefix, root, run }: StagedBatch): SaveRequest => {
  const rel = row.rel!
  const key = keyPrefix === "" || keyPrefix.endsWith("/") ? keyPrefix + rel : rel === "" ? keyPrefix : `${keyPrefix}/${rel}`
  const objectKey = inPlacePrefix === null ? row.object_key ?? "" : inPlacePrefix + rel
  return {
    hash: row.hash!,
    hashType: row.hash_type as HashType,
    size: Number(row.size),
    suffix: row.suffix ?? "",
    key,
    description: null,
    kind: null,
    run,
    candidateUid: row.uid!,
    object: { root, objectKey, isVirtual: key !== objectKey, inPlace: inPlacePrefix !== null }
  }
}

/** Whether content that was not copied is known before the batch and has a good copy. */
const isKeptAlready = (state: RegistryState, request: SaveRequest, { onDuplicate }: StagedBatch): boolean => {
  const holder = state.holds(request.key!, request) ? state.keys.get(request.key!)!.artifact : undefined
  const match = holder ?? (onDuplicate === "new" || request.size === 0 ? undefined : state.oldestWith(request)?.uid)
  return match !== undefined && state.goodCopies(match) > 0
}
