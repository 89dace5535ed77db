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
const COSTS: Readonly<Record<number, readonly [requests: number, written: number, read: number]>> = {
  2: [60, 16, 16], 3: [6, 0, 0], 4: [19, 3, 0.2], 5: [6, 0, 0], 6: [20, 14, 10], 7: [9, 0, 0], 8: [26, 24, 0], 9: [80, 48, 16],
  10: [3, 0, 0], 11: [6, 1.5, 0], 12: [3, 0, 0], 13: [5, 0.8, 0], 14: [4, 0, 0], 15: [4, 0, 0], 16: [2, 0, 0], 17: [2, 0, 0], 18: [2, 0, 0],
  19: [8, 0.8, 0], 20: [13, 0, 0], 21: [10, 2, 6], 22: [7, 0, 0], 23: [5, 0, 0], 24: [5, 0, 0], 25: [2, 3, 3], 26: [69, 1, 68],
  27: [6, 0, 0], 28: [7, 4, 4.5], 29: [6, 15, 10], 30: [165, 0, 0], 31: [136, 0, 0], 32: [6, 0, 0], 33: [18, 0, 0], 34: [14, 0, 0],
  35: [1055, 0, 0], 36: [6, 0, 0], 37: [31, 0, 0], 38: [18, 0.5, 0.5], 40: [7, 0, 0], 41: [105, 0, 0], 42: [31, 0, 0], 43: [56, 0, 0],
  45: [13, 0, 0], 46: [55, 0, 0], 47: [36, 0, 0], 48: [64, 0, 0], 50: [12, 0, 0], 51: [11, 2, 4], 52: [19, 0, 0], 53: [41, 0, 0],
  54: [19, 0, 0]
}

/** What is asked for beyond that by the cases with many objects, for each of these: requests. */
const PER_OBJECT: Readonly<Record<number, number>> = { 45: 1, 48: 1 }

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
