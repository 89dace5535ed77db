/** Summaries of a few repeated measurements: the median is reported, the extremes show the spread. */

/** Median and extremes of at least one value, in the values' own unit. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

/** Summarises values; throws on an empty list, since a missing measurement is not a zero. */
export const summarise = (values: readonly number[]): Summary => {
  if (values.length === 0) throw new Error("Nothing was measured")
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, runs: sorted.length }
}

/** The value below which a share `q` (0 to 1) of the values lies, by the nearest rank. */
export const quantile = (values: readonly number[], q: number): number => {
  if (values.length === 0) throw new Error("Nothing was measured")
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!
}
