/**
 * What every storage driver has to hold, as numbered cases; those behind a capability that is off are skipped with the reason, or check that
 * the operation says `Unsupported`. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * storageConformance("local", Layer.unwrap(Effect.map(freshFolder, (path) => layer({ path }))))
 * ```
 */
import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Storage } from "../ports/Storage.ts"
import type { StorageCase } from "./StorageConformanceCase.ts"
import { keyCases } from "./StorageConformanceKeys.ts"
import { listCases } from "./StorageConformanceLists.ts"
import { moveCases } from "./StorageConformanceMoves.ts"
import { readCases } from "./StorageConformanceReads.ts"
import { writeCases } from "./StorageConformanceWrites.ts"

export interface StorageConformanceOptions {
  /** Numbers of cases that this driver is known not to pass, each with the reason, which is printed. */
  readonly skip?: Readonly<Record<number, string>>
  /** Objects of the case with many of them; more than a page of the store's listing. Default 1,100. */
  readonly many?: number
  /** Milliseconds for one case. Default 60,000. */
  readonly timeout?: number
}

/** Runs the suite. Each case builds the layer anew, and it has to give an empty root each time. */
export const storageConformance = (name: string, layer: Layer.Layer<Storage, unknown>, options: StorageConformanceOptions = {}): void =>
  void describe(`storage ${name}`, () => {
    const numbers = new Set<number>()
    const storageCase: StorageCase = (number, title, run, skipFor) => {
      if (numbers.has(number)) throw new Error(`two cases have the number ${number}`)
      numbers.add(number)
      it.live(`${number} ${title}`, (context) =>
        Effect.gen(function*() {
          const storage = yield* Storage
          const reason = options.skip?.[number] ?? skipFor?.(storage.capabilities) ?? null
          if (reason !== null) return reason
          yield* run(storage)
          return null
        }).pipe(
          Effect.provide(layer),
          Effect.map((reason) => (reason === null ? undefined : context.skip(reason)))
        ), options.timeout ?? 60_000)
    }
    writeCases(storageCase)
    readCases(storageCase)
    keyCases(storageCase)
    listCases(storageCase, options.many ?? 1_100)
    moveCases(storageCase)
  })
