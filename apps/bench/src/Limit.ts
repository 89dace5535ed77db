/**
 * The least time that a workload can take on this machine, computed from rates that the same run has measured, and the share of
 * it that a program reaches.
 *
 *     cpu     = walk + stat + open/read + hash + create/write + rows                      CPU seconds
 *     T_limit = max(cpu / cores, serial hash of the largest file, bytes read / read bandwidth,
 *                   bytes written / write bandwidth, files created / create rate) + one commit + one sync
 *     score   = T_limit / T_measured
 */

/** Hashes that a probe measures. */
type ProbedHash = "md5" | "sha256"

/** What the probes measured: CPU seconds of one thread per file or byte, and elapsed rates with a thread on every core. */
export interface ProbeRates {
  readonly cores: number
  /** CPU seconds per file to list folders with file types. */
  readonly walk: number
  /** CPU seconds per `lstat`. */
  readonly stat: number
  /** CPU seconds per file to open, fstat, read to the end and close it, less those for its bytes. */
  readonly open: number
  /** CPU seconds per byte read from the page cache. */
  readonly readByte: number
  /** CPU seconds per digest, less those for its bytes. */
  readonly hash: Readonly<Record<ProbedHash, number>>
  /** CPU seconds per byte hashed. */
  readonly hashByte: Readonly<Record<ProbedHash, number>>
  /** CPU seconds per file to create, write and close it, less those for its bytes. */
  readonly create: number
  /** CPU seconds per byte written. */
  readonly writeByte: number
  /** CPU seconds per row of a table like the artifacts', committed. */
  readonly row: number
  /** Elapsed seconds of one small commit. */
  readonly commit: number
  /** Elapsed seconds to make one small written file durable. */
  readonly sync: number
  /** Bytes per second, all cores reading. */
  readonly readBandwidth: number
  /** Bytes per second, all cores writing. */
  readonly writeBandwidth: number
  /** Files per second, all cores creating. */
  readonly createRate: number
}

/** The work that cannot be avoided. */
export interface UnavoidableWork {
  /** Files met. */
  readonly files: number
  /** Whether each must be examined by `lstat` instead of being opened. */
  readonly statted: boolean
  /** Files opened and read to the end. */
  readonly read: number
  readonly bytesRead: number
  readonly hash: ProbedHash
  /** Bytes of the largest file whose hash cannot be computed in parallel; 0 for a tree hash. */
  readonly serialBytes: number
  /** Files created and bytes written into them. */
  readonly created: number
  readonly bytesWritten: number
  /** Artifact rows written. */
  readonly rows: number
  /** Whether the written bytes are made durable. */
  readonly synced: boolean
}

/** A limit with what it is made of, in seconds. */
export interface Limit {
  readonly seconds: number
  readonly cpu: { readonly walk: number; readonly stat: number; readonly read: number; readonly hash: number; readonly create: number; readonly rows: number; readonly sum: number }
  /** The bounds of which the largest counts. */
  readonly bounds: { readonly cpuPerCore: number; readonly serial: number; readonly read: number; readonly write: number; readonly create: number }
  readonly commit: number
  readonly sync: number
}

/** Computes the limit of some work. */
export const limitOf = (rates: ProbeRates, work: UnavoidableWork): Limit => {
  const parts = {
    walk: work.files * rates.walk,
    stat: work.statted ? work.files * rates.stat : 0,
    read: work.read * rates.open + work.bytesRead * rates.readByte,
    hash: work.read * rates.hash[work.hash] + work.bytesRead * rates.hashByte[work.hash],
    create: work.created * rates.create + work.bytesWritten * rates.writeByte,
    rows: work.rows * rates.row
  }
  const sum = parts.walk + parts.stat + parts.read + parts.hash + parts.create + parts.rows
  const bounds = {
    cpuPerCore: sum / rates.cores,
    serial: work.serialBytes * rates.hashByte[work.hash],
    read: work.bytesRead / rates.readBandwidth,
    write: work.bytesWritten / rates.writeBandwidth,
    create: work.created / rates.createRate
  }
  const commit = work.rows > 0 ? rates.commit : 0
  const sync = work.synced ? rates.sync : 0
  return { seconds: Math.max(...Object.values(bounds)) + commit + sync, cpu: { ...parts, sum }, bounds, commit, sync }
}

/** A score, or the statement that the probes cannot be right. */
export type Score = { readonly kind: "score"; readonly value: number } | { readonly kind: "probeError"; readonly value: number; readonly message: string }

/** The share of the limit that a measured time reaches; nothing is faster than the limit, so more than 1 is an error of the probes. */
export const scoreOf = (limit: Limit, measuredSeconds: number): Score => {
  const value = limit.seconds / measuredSeconds
  if (value <= 1) return { kind: "score", value }
  const message = `the limit of ${limit.seconds.toFixed(3)} s is above the measured ${measuredSeconds.toFixed(3)} s: a probe was disturbed or does avoidable work`
  return { kind: "probeError", value, message }
}
