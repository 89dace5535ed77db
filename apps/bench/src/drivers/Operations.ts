/** The registry operations that are timed, with the arguments of each call drawn from a seed, so that every program gets the same. */
import { makePrng } from "../Prng.ts"

/** The operations. */
export const OPERATIONS = ["key", "hash", "uidPrefix", "list", "count", "dedupe"] as const

/** One of them. */
export type Operation = (typeof OPERATIONS)[number]

/** What a driver is told, on its command line as JSON. */
export interface OperationRequest {
  readonly operation: Operation
  /** The instance, or for the raw driver the registry file. */
  readonly target: string
  readonly calls: number
  /** A file with one row for each of some artifacts: key, uid, hash, separated by tabs. */
  readonly sample: string
  /** A key prefix with 1,000 keys, ending in `/`. */
  readonly folder: string
  /** A staging file, rows of which half are known contents. */
  readonly staged: string
}

/** What a driver prints. */
export interface OperationReport {
  /** Seconds of each call. */
  readonly seconds: readonly number[]
  /** What was found in all calls together: equal for all programs. */
  readonly found: number
}

/** One artifact of the sample. */
export interface SampleRow {
  readonly key: string
  readonly uid: string
  readonly hash: string
}

/** The rows that calls look up, in order. */
export const drawSample = (text: string, calls: number): readonly SampleRow[] => {
  const rows = text.trim().split("\n").map((line) => {
    const [key, uid, hash] = line.split("\t")
    return { key: key!, uid: uid!, hash: hash! }
  })
  const prng = makePrng(1, "operations")
  return Array.from({ length: calls }, () => prng.pick(rows))
}

/** Times calls one after the other, the first not counted, and prints the report. */
export const timeCalls = async (rows: readonly SampleRow[], call: (row: SampleRow) => Promise<number>): Promise<void> => {
  await call(rows[0]!)
  const seconds: number[] = []
  let found = 0
  for (const row of rows) {
    const started = performance.now()
    found += await call(row)
    seconds.push((performance.now() - started) / 1000)
  }
  process.stdout.write(JSON.stringify({ seconds, found } satisfies OperationReport))
}
