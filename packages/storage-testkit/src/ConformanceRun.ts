/**
 * Running the suite without a test runner, to a report.
 *
 * ```ts
 * const report = await Effect.runPromise(runConformance(Layer.unwrap(Effect.map(freshBucket, (bucket) => layer({ bucket })))))
 * ```
 */
import { Storage, StorageError, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Cause, Effect, Exit, type Layer } from "effect"
import type { ConformanceCase } from "./ConformanceCase.ts"
import { conformanceCases } from "./ConformanceCases.ts"

/** How the suite is run. */
export interface ConformanceOptions {
  /** Numbers of cases that this driver is known not to pass, each with the reason, which is printed. */
  readonly skip?: Readonly<Record<number, string>>
  /** Objects of the cases with many of them; more than a page of the store's listing. Default 1,100. */
  readonly many?: number
  /** Milliseconds for one case. Default 60,000. */
  readonly timeout?: number
}

/** How one case ended. */
export interface CaseResult {
  readonly number: number
  readonly title: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** Why it was skipped or failed, or null. */
  readonly reason: string | null
}

/** How a run of the suite ended. */
export interface ConformanceReport {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly cases: ReadonlyArray<CaseResult>
}

/** Objects of the cases with many of them, when nothing else is said: more than the usual 1,000 of a page. */
export const MANY = 1_100

/** Milliseconds for one case, when nothing else is said. */
export const CASE_TIMEOUT = 60_000

/** Runs all cases, one after another. Each builds the layer anew, and it has to give an empty root each time. Never fails: what goes wrong is in the report. */
export const runConformance = (
  layer: Layer.Layer<Storage, unknown>,
  options: ConformanceOptions & {
    /** Only these cases. */
    readonly only?: ReadonlyArray<number>
    /** Told of each case as it ends. */
    readonly onCase?: (result: CaseResult) => void
  } = {}
): Effect.Effect<ConformanceReport> =>
  Effect.map(
    Effect.forEach(conformanceCases.filter(({ number }) => options.only?.includes(number) ?? true), (one) =>
      Effect.tap(runCase(one, layer, options), (result) => Effect.sync(() => options.onCase?.(result)))),
    reportOf
  )

/** Sums results up. */
export const reportOf = (cases: ReadonlyArray<CaseResult>): ConformanceReport => {
  const count = (outcome: CaseResult["outcome"]): number => cases.filter((one) => one.outcome === outcome).length
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped"), cases }
}

const runCase = (one: ConformanceCase, layer: Layer.Layer<Storage, unknown>, options: ConformanceOptions): Effect.Effect<CaseResult> =>
  Effect.flatMap(Storage, (storage) => resultOf(one, storage, options)).pipe(
    // A layer of its own for each case, whoever runs the suite.
    Effect.provide(layer, { local: true }),
    Effect.catchCause((cause) => Effect.succeed(ended(one, "failed", `the root cannot be opened: ${textOf(Cause.squash(cause))}`)))
  )

/** Runs one case on a root that is empty. */
export const resultOf = (one: ConformanceCase, storage: StorageHandle, options: ConformanceOptions): Effect.Effect<CaseResult> =>
  Effect.map(Effect.exit(judge(one, storage, options)), (exit) => {
    if (Exit.isFailure(exit)) return ended(one, "failed", textOf(Cause.squash(exit.cause)))
    return exit.value === null ? ended(one, "passed", null) : ended(one, "skipped", exit.value)
  })

/** Runs one case: fails with what it found wrong, and gives the reason when it does not apply. */
export const judge = (one: ConformanceCase, storage: StorageHandle, options: ConformanceOptions): Effect.Effect<string | null, unknown> => {
  const reason = options.skip?.[one.number] ?? one.skipFor(storage.capabilities)
  if (reason !== null) return Effect.succeed(reason)
  const limit = options.timeout ?? CASE_TIMEOUT
  return Effect.timeoutOrElse(Effect.as(one.run(storage, { many: options.many ?? MANY }), null), {
    duration: limit,
    orElse: () => Effect.fail(new Error(`it was not through after ${limit / 1000} s`))
  })
}

const ended = ({ number, title }: ConformanceCase, outcome: CaseResult["outcome"], reason: string | null): CaseResult => ({ number, title, outcome, reason })

const textOf = (error: unknown): string =>
  error instanceof StorageError ? `it failed with kind ${error.kind}: ${error.message}` : error instanceof Error ? error.message : String(error)
