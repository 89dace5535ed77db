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

let passOn: ((signal: NodeJS.Signals) => void) | null = null
const PASSED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const

/** Hands every signal to `receive`, and stops for none of them, until the returned function is called. */
export const passSignalsTo = (receive: (signal: NodeJS.Signals) => void): (() => void) => {
  const further = PASSED.filter((signal) => signal !== "SIGINT" && signal !== "SIGTERM")
  passOn = receive
  for (const signal of further) process.on(signal, receive)
  return () => {
    passOn = null
    for (const signal of further) process.off(signal, receive)
  }
}

/** Listens for SIGINT and SIGTERM on behalf of the program's main fiber. */
export const watchSignals = (fiber: Pick<Fiber.Fiber<unknown, unknown>, "interruptUnsafe">): void => {
  const handle = (signal: NodeJS.Signals) => {
    if (passOn !== null) return passOn(signal)
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

