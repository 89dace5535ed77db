/**
 * Errors as people and programs see them: a code, one line that says what is wrong, one that says what to do, and the facts.
 */
import { withoutSecrets } from "@sheaf/core/domain/Secrets"
import { safeText } from "./SafeText.ts"
import type { Paint } from "./Paint.ts"

export interface ErrorReport {
  /** Stable name, such as `KeyConflict`. */
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly exitCode: number
  /** The fields of the error. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Where in the program it happened; shown only on request. */
  readonly trace: string | null
}

// Fields that repeat what the report says already, or that belong to the language rather than to the error.
const NOT_FACTS = new Set(["_tag", "name", "message", "hint", "stack", "cause", "exit", "exitCode", "advice"])

const cleaned = (value: unknown): unknown => {
  if (typeof value === "string") return withoutSecrets(value)
  if (Array.isArray(value)) return value.map(cleaned)
  return value
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const factsOf = (error: Record<string, unknown>): Record<string, unknown> => {
  const facts: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(error)) {
    if (NOT_FACTS.has(name) || typeof value === "function" || typeof value === "symbol") continue
    // The report's own `code` is the name of the error; an operating system's code goes by its usual name.
    facts[name === "code" ? "errno" : name] = cleaned(value)
  }
  return facts
}

/** A typed error carries its own hint and exit code; anything else is a defect of the program. */
export const reportOf = (error: unknown, trace: string | null = null): ErrorReport => {
  if (isRecord(error) && typeof error["_tag"] === "string" && typeof error["exitCode"] === "number") {
    return {
      code: error["_tag"],
      message: withoutSecrets(String(error["message"])),
      hint: typeof error["hint"] === "string" ? withoutSecrets(error["hint"]) : null,
      exitCode: error["exitCode"],
      facts: factsOf(error),
      trace
    }
  }
  const message = error instanceof Error ? error.message || error.name : String(error)
  return {
    code: "Unexpected",
    message: `unexpected error: ${withoutSecrets(message)}`,
    hint: "This is a defect of sheaf. Run the same command with --verbose for a trace, and report it.",
    exitCode: 1,
    facts: {},
    trace
  }
}

/** `sheaf: message`, the hint below it, and the trace when there is one to show. */
export const errorText = (report: ErrorReport, paint: Paint): string => {
  const lines = [`${paint.red("sheaf:")} ${safeText(report.message)}`]
  if (report.hint !== null && report.hint !== "") lines.push(paint.dim(safeText(report.hint)))
  if (report.trace !== null) lines.push(withoutSecrets(report.trace))
  return `${lines.join("\n")}\n`
}

/** One line of JSON: `{"error":{code, message, hint, …facts}}`. */
export const errorJson = (report: ErrorReport): string =>
  `${JSON.stringify({
    error: {
      code: report.code, message: report.message, hint: report.hint, ...report.facts,
      ...(report.trace === null ? {} : { trace: withoutSecrets(report.trace) })
    }
  })}\n`
