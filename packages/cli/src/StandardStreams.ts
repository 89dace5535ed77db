/**
 * stdout for data, stderr for everything else, and what happens when their reader goes away.
 */
import * as Effect from "effect/Effect"

let statusLine = ""

/** Writes data to stdout and waits while its reader is slow, so that memory does not grow with the output. */
export const writeOut = (data: string | Uint8Array): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (process.stdout.write(data)) {
      resume(Effect.void)
      return undefined
    }
    const onDrain = () => resume(Effect.void)
    process.stdout.once("drain", onDrain)
    return Effect.sync(() => void process.stdout.off("drain", onDrain))
  })

/** Writes lines to stderr, above the status line when there is one. */
export const writeErr = (text: string): void => {
  if (text !== "") process.stderr.write(statusLine === "" ? text : `\r\x1b[K${text}${statusLine}`)
}

/** Shows one line at the bottom of a terminal that the next call replaces; "" takes it away. */
export const setStatusLine = (text: string): void => {
  if (text === "" && statusLine === "") return
  process.stderr.write(`\r\x1b[K${text}`)
  statusLine = text
}

/**
 * Calls `onFailure` when stdout cannot be written: with `EPIPE` when its reader is gone, as `head` is after its last line, with another code when the
 * disk behind it is full. A stderr that fails stops nothing: the work matters more than its commentary. Replaces whatever handlers there were.
 */
export const watchStreams = (onFailure: (code: string) => void): void => {
  process.stdout.removeAllListeners("error").on("error", (error: NodeJS.ErrnoException) => onFailure(error.code ?? "EIO"))
  process.stderr.removeAllListeners("error").on("error", () => {})
}
