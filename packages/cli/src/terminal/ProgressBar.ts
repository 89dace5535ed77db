/**
 * How far a long piece of work is: a bar on a terminal, a line now and then elsewhere.
 */
import { setStatusLine, writeErr } from "../StandardStreams.ts"
import type { Paint } from "./Paint.ts"
import { countText, durationText, sizeText } from "./SizeText.ts"

export interface Progress {
  readonly files: number
  readonly bytes: number
  /** Known so far; final only when `isTotalKnown`. */
  readonly totalFiles: number
  readonly totalBytes: number
  readonly isTotalKnown: boolean
}

/** At least this long between two redraws of the bar, in milliseconds. */
const REDRAW = 100
/** And between two lines where there is no terminal. */
const LINE = 10_000
const BAR = 24
/** Seconds over which the rate is averaged. */
const WINDOW = 8

interface Sample {
  readonly at: number
  readonly files: number
  readonly bytes: number
}

/** Files and bytes a second over the last few seconds. */
class Rate {
  #samples: Array<Sample> = []

  add(sample: Sample): void {
    this.#samples.push(sample)
    while (this.#samples.length > 2 && sample.at - this.#samples[0]!.at > WINDOW * 1000) this.#samples.shift()
  }

  get perSecond(): { readonly files: number; readonly bytes: number } | null {
    const first = this.#samples[0]
    const last = this.#samples[this.#samples.length - 1]
    if (first === undefined || last === undefined || last.at - first.at < 500) return null
    const seconds = (last.at - first.at) / 1000
    return { files: (last.files - first.files) / seconds, bytes: (last.bytes - first.bytes) / seconds }
  }
}

/** Seconds that are left: whichever of files and bytes takes longer at the present rate. */
const timeLeft = (progress: Progress, rate: { readonly files: number; readonly bytes: number }): number | null => {
  if (!progress.isTotalKnown) return null
  const files = progress.totalFiles - progress.files
  const bytes = progress.totalBytes - progress.bytes
  if ((files > 0 && rate.files <= 0) || (bytes > 0 && rate.bytes <= 0)) return null
  return Math.max(files > 0 ? files / rate.files : 0, bytes > 0 ? bytes / rate.bytes : 0)
}

const share = (progress: Progress): number => {
  const files = progress.totalFiles === 0 ? 1 : progress.files / progress.totalFiles
  const bytes = progress.totalBytes === 0 ? files : progress.bytes / progress.totalBytes
  return Math.min(1, (files + bytes) / 2)
}

const figures = (progress: Progress, rate: Rate): ReadonlyArray<string> => {
  const of = progress.isTotalKnown ? "/" : " of "
  const more = progress.isTotalKnown ? "" : "+"
  const now = rate.perSecond
  const left = now === null ? null : timeLeft(progress, now)
  return [
    `${countText(progress.files)}${of}${countText(progress.totalFiles)}${more} files`,
    `${sizeText(progress.bytes)}${of}${sizeText(progress.totalBytes)}${more}`,
    ...(now === null ? [] : [`${countText(now.files)} files/s`, `${sizeText(now.bytes)}/s`]),
    ...(left === null ? [] : [`${durationText(left)} left`])
  ]
}

const bar = (part: number, paint: Paint): string => {
  const done = Math.round(part * BAR)
  return `${paint.green("━".repeat(done))}${paint.dim("─".repeat(BAR - done))} ${String(Math.floor(part * 100)).padStart(3)} %`
}

export interface ProgressDisplay {
  readonly update: (progress: Progress) => void
  /** Takes the bar away. */
  readonly end: () => void
}

/** A display for stderr; `width` null where there is no terminal. */
export const progressDisplay = (options: { readonly width: number | null; readonly paint: Paint; readonly now: () => number }): ProgressDisplay => {
  const { now, paint, width } = options
  const rate = new Rate()
  let lastShown = width === null ? now() : Number.NEGATIVE_INFINITY
  let isShown = false
  return {
    update: (progress) => {
      const at = now()
      if (at - lastShown < (width === null ? LINE : REDRAW)) return
      lastShown = at
      rate.add({ at, files: progress.files, bytes: progress.bytes })
      const parts = figures(progress, rate)
      if (width === null) {
        writeErr(`${parts.join(", ")}\n`)
        return
      }
      // Parts that do not fit are left out from the right; the bar itself is the first to go.
      let text = parts.join("  ")
      const room = width - 1
      const withBar = progress.isTotalKnown && text.length + BAR + 8 <= room
      for (let n = parts.length - 1; n > 0 && text.length > room; n--) text = parts.slice(0, n).join("  ")
      isShown = true
      setStatusLine(withBar ? `${bar(share(progress), paint)}  ${text}` : text.slice(0, room))
    },
    end: () => {
      if (isShown) setStatusLine("")
    }
  }
}
