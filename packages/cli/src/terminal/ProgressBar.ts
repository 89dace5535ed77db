/**
 * How far a long piece of work is: a bar on a terminal, a line now and then elsewhere.
 */
import { setStatusLine, writeErr } from "../StandardStreams.ts"
import type { Shell } from "../Shell.ts"
import type { Paint } from "./Paint.ts"
import { countText, durationText, sizeText } from "./SizeText.ts"

export interface Progress {
  /** Things that are finished. */
  readonly done: number
  readonly bytes: number
  /** Known so far; final only when `isTotalKnown`. Null when nothing is known. */
  readonly total: number | null
  readonly totalBytes: number | null
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
  readonly done: number
  readonly bytes: number
}

/** Things and bytes a second over the last few seconds. */
class Rate {
  #samples: Array<Sample> = []

  add(sample: Sample): void {
    this.#samples.push(sample)
    while (this.#samples.length > 2 && sample.at - this.#samples[0]!.at > WINDOW * 1000) this.#samples.shift()
  }

  get perSecond(): { readonly done: number; readonly bytes: number } | null {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < 500) return null
    const seconds = (last.at - first.at) / 1000
    return { done: (last.done - first.done) / seconds, bytes: (last.bytes - first.bytes) / seconds }
  }
}

const secondsFor = (left: number, rate: number): number => (left <= 0 ? 0 : rate <= 0 ? Number.POSITIVE_INFINITY : left / rate)

/** Seconds that are left: whichever of things and bytes takes longer at the present rate. */
const timeLeft = ({ bytes, done, isTotalKnown, total, totalBytes }: Progress, rate: { readonly done: number; readonly bytes: number }): number | null => {
  if (!isTotalKnown || total === null) return null
  const seconds = Math.max(secondsFor(total - done, rate.done), totalBytes === null ? 0 : secondsFor(totalBytes - bytes, rate.bytes))
  return Number.isFinite(seconds) ? seconds : null
}

const part = (done: number, total: number | null): number | null => (total === null ? null : total === 0 ? 1 : done / total)

/** How much is done, from 0 to 1: the mean of things and bytes, since many small and few large ones are both slow. */
const shareOf = ({ bytes, done, total, totalBytes }: Progress): number | null => {
  const things = part(done, total)
  return things === null ? null : Math.min(1, (things + (part(bytes, totalBytes) ?? things)) / 2)
}

const ofTotal = (done: number, total: number | null, isKnown: boolean, text: (n: number) => string): string =>
  total === null || (!isKnown && total <= done) ? text(done) : isKnown ? `${text(done)}/${text(total)}` : `${text(done)} of ${text(total)}+`

const rateText = (perSecond: number): string => (perSecond < 9.95 ? perSecond.toFixed(1) : countText(perSecond))

const figures = (progress: Progress, noun: string, rate: Rate): ReadonlyArray<string> => {
  const { bytes, done, isTotalKnown, total, totalBytes } = progress
  const now = rate.perSecond
  const left = now === null ? null : timeLeft(progress, now)
  return [
    `${ofTotal(done, total, isTotalKnown, countText)} ${noun}`,
    ofTotal(bytes, totalBytes, isTotalKnown, sizeText),
    ...(now === null ? [] : [`${rateText(now.done)} ${noun}/s`, `${sizeText(Math.round(now.bytes))}/s`]),
    ...(left === null ? [] : [`${durationText(left)} left`])
  ]
}

const bar = (part: number, paint: Paint): string => {
  const done = Math.round(part * BAR)
  return `${paint.green("━".repeat(done))}${paint.dim("─".repeat(BAR - done))} ${String(Math.floor(part * 100)).padStart(3)} %`
}

export interface ProgressDisplay {
  /** It draws a bar, so it is worth finding out the totals. */
  readonly isBar: boolean
  readonly update: (progress: Progress) => void
  /** Takes the bar away. */
  readonly end: () => void
}

/** One line for a terminal of this width. What does not fit is left out, the bar first and then from the right. */
const statusText = (progress: Progress, parts: ReadonlyArray<string>, width: number, paint: Paint): string => {
  const room = width - 1
  const share = progress.isTotalKnown ? shareOf(progress) : null
  let text = parts.join("  ")
  if (share !== null && text.length + BAR + 8 <= room) return `${bar(share, paint)}  ${text}`
  for (let n = parts.length - 1; n > 0 && text.length > room; n--) text = parts.slice(0, n).join("  ")
  return text.slice(0, Math.max(0, room))
}

/**
 * Shows progress on stderr, for people only: not with `--quiet` nor in the machine formats. `noun` names the things that are counted, in the plural.
 */
export const progressDisplay = (
  shell: Pick<typeof Shell.Service, "options" | "errIsTerminal" | "errPaint">,
  noun: string,
  now: () => number = () => performance.now()
): ProgressDisplay => {
  if (shell.options.quiet || shell.options.format !== "text") return { isBar: false, update: () => {}, end: () => {} }
  const rate = new Rate()
  const pause = shell.errIsTerminal ? REDRAW : LINE
  let lastShown = shell.errIsTerminal ? Number.NEGATIVE_INFINITY : now()
  return {
    isBar: shell.errIsTerminal,
    update: (progress) => {
      const at = now()
      if (at - lastShown < pause) return
      lastShown = at
      rate.add({ at, done: progress.done, bytes: progress.bytes })
      const parts = figures(progress, noun, rate)
      if (shell.errIsTerminal) setStatusLine(statusText(progress, parts, process.stderr.columns ?? 80, shell.errPaint))
      else writeErr(`${parts.join(", ")}\n`)
    },
    end: () => setStatusLine("")
  }
}
