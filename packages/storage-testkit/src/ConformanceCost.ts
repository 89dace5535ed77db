/**
 * About what the suite asks of a store, said before it is run on one that may send a bill.
 */
import type { StorageHandle } from "@sheaf/core/ports/Storage"
import { type ConformanceOptions, MANY } from "./ConformanceRun.ts"
import { casesFor } from "./RootConformance.ts"

/** About how much. */
export interface ConformanceCost {
  readonly cases: number
  readonly requests: number
  readonly bytesWritten: number
  readonly bytesRead: number
}

/** By number of the case: requests, MiB written, MiB read. Measured; a test holds them to it. */
const COSTS: Readonly<Record<number, readonly [requests: number, written: number, read: number]>> = {}

/** What is asked for beyond that by the cases with many objects, for each of these: requests. */
const PER_OBJECT: Readonly<Record<number, number>> = {}

/** About what `rootConformance` asks of this root. */
export const conformanceCost = (root: Pick<StorageHandle, "capabilities">, { many = MANY }: Pick<ConformanceOptions, "many"> = {}): ConformanceCost => {
  const cases = casesFor(root)
  const sum = (of: (number: number) => number): number => cases.reduce((all, { number }) => all + of(number), 0)
  return {
    cases: cases.length,
    requests: Math.round(sum((number) => (COSTS[number]?.[0] ?? 0) + many * (PER_OBJECT[number] ?? 0) + CLEANING)),
    bytesWritten: Math.round(sum((number) => COSTS[number]?.[1] ?? 0) * 1024 * 1024),
    bytesRead: Math.round(sum((number) => COSTS[number]?.[2] ?? 0) * 1024 * 1024)
  }
}

/** Requests that remove what a case has left. */
const CLEANING = 3
