/**
 * Ctrl-C in two stages: the first asks for an orderly end, the second stops.
 */
import type { Fiber } from "effect"

let onFirst: (() => void) | null = null
let stopped = false

/** Exit code of a program that was stopped by the user. */
export const INTERRUPTED = 130

/** How long an interrupted command may take to put its things away, in milliseconds. */
const GRACE = 1000

/** What the first signal does instead of stopping at once, until the returned function is called. */
export const onStopSignal = (orderly: () => void): (() => void) => {
  onFirst = orderly
  return () => { onFirst = null }
}

/** Listens for SIGINT and SIGTERM on behalf of the program's main fiber. */
export const watchSignals = (fiber: Pick<Fiber.Fiber<unknown, unknown>, "interruptUnsafe">): void => {
  const handle = () => {
    const first = !stopped
    stopped = true
    if (first && onFirst !== null) onFirst()
    else {
      fiber.interruptUnsafe()
      setTimeout(() => process.exit(INTERRUPTED), GRACE).unref()
    }
  }
  process.on("SIGINT", handle)
  process.on("SIGTERM", handle)
}

