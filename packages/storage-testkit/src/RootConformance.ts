/**
 * The suite on a real storage root that is in use: below a folder of its own, `.sheaf/verify-<12 characters>/`, which is gone afterwards.
 */
import { toFsPath } from "@sheaf/core/domain/FileName"
import { randomBase62 } from "@sheaf/core/domain/Uid"
import type { StorageError, StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { readdir, rmdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { ConformanceCase } from "./ConformanceCase.ts"
import { conformanceCases } from "./ConformanceCases.ts"
import { type CaseResult, type ConformanceOptions, type ConformanceReport, reportOf, resultOf } from "./ConformanceRun.ts"
import { counted, type StorageCounts } from "./CountedStorage.ts"
import { prefixed } from "./PrefixedStorage.ts"

/** How the suite is run on a root that is in use. */
export interface RootConformanceOptions extends ConformanceOptions {
  /** Told of each case as it ends, and of what was asked for so far. */
  readonly onCase?: (result: CaseResult, counts: Readonly<StorageCounts>) => void
  /** Aborted: the case that runs is given up, what it wrote is removed, and no other one begins. */
  readonly signal?: AbortSignal
}

/** How the suite went on a root that is in use. */
export interface RootConformanceReport extends ConformanceReport, StorageCounts {
  /** It was stopped before all cases had run. */
  readonly interrupted: boolean
  /** The folder that could not be removed, or null: what it holds may be deleted at any time. */
  readonly leftover: string | null
}

/** What is in the way of a case below a folder, by its number. */
const NOT_BELOW: Readonly<Record<number, string>> = { 44: "the registry's own folder can only be tested in a root that is empty" }

/** Milliseconds for one case: a store far away may be slow. */
const TIMEOUT = 600_000

/** Milliseconds that a folder has to be old before it is taken for one that a killed run has left. */
const ABANDONED = 24 * 3_600_000

/**
 * Runs all cases, one after another, and removes what they wrote whatever happens, an interruption included. What a killed run left a day or more ago is
 * removed as well. Fails only when the root cannot be listed.
 */
export const rootConformance = (root: StorageHandle, options: RootConformanceOptions = {}): Effect.Effect<RootConformanceReport, StorageError> =>
  Effect.gen(function*() {
    const { counts, handle } = counted(root)
    yield* removeAbandoned(handle)
    const folder = `${FOLDERS}${randomBase62(12)}/`
    const cases: Array<CaseResult> = []
    const settings = { timeout: TIMEOUT, ...options, skip: { ...NOT_BELOW, ...options.skip } }
    const isStopped = () => options.signal?.aborted === true
    let leftover: string | null = null
    yield* Effect.forEach(conformanceCases, (one) => isStopped() ? Effect.void : Effect.gen(function*() {
      const place = `${folder}${one.number}/`
      const result = yield* Effect.ensuring(
        unlessAborted(resultOf(one, prefixed(handle, place), settings), options.signal),
        Effect.ignore(removeBelow(handle, place))
      )
      if (result === null) return
      cases.push(result)
      options.onCase?.(result, counts)
    }), { discard: true }).pipe(
      Effect.ensuring(Effect.map(Effect.orElseSucceed(removeFolder(handle, folder), () => false), (isGone) => { if (!isGone) leftover = folder }))
    )
    return { ...reportOf(cases), ...counts, interrupted: isStopped(), leftover }
  })

/** The cases that would run on a root with these capabilities. */
export const casesFor = ({ capabilities }: Pick<StorageHandle, "capabilities">): ReadonlyArray<ConformanceCase> =>
  conformanceCases.filter((one) => NOT_BELOW[one.number] === undefined && one.skipFor(capabilities) === null)

const FOLDERS = ".sheaf/verify-"

/** The result, or null when the signal came first. */
const unlessAborted = <A>(effect: Effect.Effect<A>, signal: AbortSignal | undefined): Effect.Effect<A | null> =>
  signal === undefined ? effect : Effect.raceFirst(effect, Effect.callback<null>((resume) => {
    const stop = () => resume(Effect.succeed(null))
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", stop))
  }))

/** Removes what is below a prefix, and what a case put into a folder `.sheaf/` there, which is listed only to those who name it. */
const removeBelow = (handle: StorageHandle, prefix: string): Effect.Effect<void, StorageError> =>
  Effect.forEach([`${prefix}.sheaf/`, prefix], (below) => Effect.flatMap(keysBelow(handle, below), (keys) => (keys.length === 0 ? Effect.void : handle.delete(keys))), { discard: true })

const keysBelow = (handle: StorageHandle, prefix: string): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(Stream.runCollect(handle.list({ prefix })), (objects) => objects.map(({ key }) => key))

/** Removes what is left below the folder, and where folders are real, these as well. Whether nothing is left. */
const removeFolder = (handle: StorageHandle, folder: string): Effect.Effect<boolean, StorageError> =>
  Effect.gen(function*() {
    yield* Effect.retry(removeBelow(handle, folder), { times: 2 })
    if ((yield* keysBelow(handle, folder)).length > 0) return false
    if (!handle.capabilities.localPath) return true
    const key = `${folder}folder`
    yield* handle.write(key, { type: "bytes", bytes: new Uint8Array(1) }, { mode: "create" })
    const path = yield* Effect.ensuring(handle.localPath(key), Effect.ignore(handle.delete([key])))
    return yield* Effect.promise(() => removeEmptyFolders(dirname(path)).then(() => true))
  })

/** Removes folders that hold nothing but folders; never a file. */
const removeEmptyFolders = async (path: string): Promise<void> => {
  const entries = await readdir(toFsPath(path), { withFileTypes: true, encoding: "buffer" }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeEmptyFolders(join(path, entry.name.toString("latin1")))
  await rmdir(toFsPath(path)).catch(() => undefined)
}

const removeAbandoned = (handle: StorageHandle): Effect.Effect<void, StorageError> =>
  Effect.gen(function*() {
    const before = Date.now() - ABANDONED
    const objects = yield* Stream.runCollect(Stream.filter(handle.list({ prefix: FOLDERS }), ({ modifiedAt }) => modifiedAt !== null && modifiedAt < before))
    if (objects.length === 0) return
    yield* handle.delete(objects.map(({ key }) => key))
  })
