/**
 * What every command knows about the way it was called, and how it answers.
 */
import { Context, Effect } from "effect"
import { writeErr, writeOut } from "./StandardStreams.ts"
import type { Paint } from "./terminal/Paint.ts"

export interface ShellOptions {
  /** `--instance`, or null to look for one. */
  readonly instance: string | null
  /** `text` for people; `json` one document; `ndjson` a document a line. */
  readonly format: "text" | "json" | "ndjson"
  readonly quiet: boolean
  readonly verbose: boolean
  /** Seconds to wait for another process that holds the registry, or null for the library's default. */
  readonly lockTimeout: number | null
}

export class Shell extends Context.Service<Shell, {
  readonly options: ShellOptions
  /** Colours of stdout. */
  readonly paint: Paint
  /** Colours of stderr. */
  readonly errPaint: Paint
  /** A person is looking at stdout: names are made safe for a terminal, JSON is indented. */
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
  /** Characters in a line of the terminal. */
  readonly width: number
  /** Data on stdout, as it is. */
  readonly write: (data: string | Uint8Array) => Effect.Effect<void>
  /** Lines of text on stdout. */
  readonly print: (text: string) => Effect.Effect<void>
  /** The one document of a command: under `--ndjson` an array is printed an element a line. */
  readonly document: (value: unknown) => Effect.Effect<void>
  /** A remark on stderr; not with `--quiet`, not in the machine formats. */
  readonly note: (text: string) => Effect.Effect<void>
  /** A remark on stderr that also `--json` does not silence; only `--quiet` does. */
  readonly warn: (text: string) => Effect.Effect<void>
  /** Ends the command with this exit code, although its output was printed in order. */
  readonly exitWith: (code: number) => Effect.Effect<void>
}>()("@sheaf/cli/Shell") {}

const documentText = (value: unknown, format: ShellOptions["format"], indent: boolean): string => {
  if (format === "ndjson") return (Array.isArray(value) ? value : [value]).map((one) => `${JSON.stringify(one)}\n`).join("")
  return `${JSON.stringify(value, null, indent ? 2 : 0)}\n`
}

export const makeShell = (
  options: ShellOptions,
  look: { readonly paint: Paint; readonly errPaint: Paint },
  exitWith: (code: number) => void
): typeof Shell.Service => {
  const outIsTerminal = process.stdout.isTTY === true
  const warn = (text: string) => Effect.sync(() => { if (!options.quiet) writeErr(`${text}\n`) })
  return {
    options,
    ...look,
    outIsTerminal,
    errIsTerminal: process.stderr.isTTY === true,
    width: process.stdout.columns ?? 80,
    write: writeOut,
    print: (text) => writeOut(`${text}\n`),
    document: (value) => writeOut(documentText(value, options.format, outIsTerminal)),
    note: (text) => (options.format === "text" ? warn(text) : Effect.void),
    warn,
    exitWith: (code) => Effect.sync(() => exitWith(code))
  }
}
