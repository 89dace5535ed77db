/** Figures as people read them: three significant digits, units that fit. */

/** Seconds, or milliseconds below one. */
export const formatSeconds = (seconds: number): string => (seconds < 1 ? `${significant(seconds * 1000)} ms` : `${significant(seconds)} s`)

/** Bytes in binary units. */
export const formatBytes = (bytes: number): string => {
  const unit = bytes < 2 ** 10 ? 0 : bytes < 2 ** 20 ? 1 : bytes < 2 ** 30 ? 2 : 3
  return `${significant(bytes / 2 ** (10 * unit))} ${["B", "KiB", "MiB", "GiB"][unit]}`
}

/** A number with thousands separated by commas, at most three significant digits behind a point. */
export const formatNumber = (value: number): string => significant(value)

/** A factor of two significant digits, such as `1.4 x`. */
export const formatFactor = (factor: number): string => `${factor >= 10 ? Math.round(factor).toLocaleString("en-US") : Number(factor.toPrecision(2))} x`

const significant = (value: number): string => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString("en-US", { minimumFractionDigits: Number.isInteger(value) ? 0 : digits, maximumFractionDigits: digits })
}
