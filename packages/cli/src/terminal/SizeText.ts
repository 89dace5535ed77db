/**
 * Numbers for people: sizes in binary units, counts with separators, times and rates.
 */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** `1536` is `1.5 KiB`; whole bytes below 1 KiB, one decimal below 100 of a unit. */
export const sizeText = (bytes: number): string => {
  let value = bytes
  let unit = 0
  // 1023.95 would print as 1024.0.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  if (unit === 0) return `${value} B`
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit]}`
}

/** `1234567` is `1,234,567`. */
export const countText = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",")

/** `1 file`, `2 files`; the plural is given where it is not the singular with an s. */
export const plural = (n: number, one: string, many: string = `${one}s`): string => `${countText(n)} ${n === 1 ? one : many}`

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`. */
export const durationText = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`
  const minutes = Math.round(whole / 60)
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`
}

/** `2024-12-20 15:04:58 UTC` from an ISO 8601 time in UTC. */
export const timeText = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
