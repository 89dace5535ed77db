/** `sheaf status PATH` */
import { Effect, Option } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Ingest, type StatusReport } from "@sheaf/core/services/Ingest"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import type { Paint } from "../terminal/Paint.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural } from "../terminal/SizeText.ts"

export interface StatusInput {
  readonly path: string
  readonly key: Option.Option<string>
  readonly exclude: ReadonlyArray<string>
  readonly followSymlinks: boolean
  readonly rehash: boolean
}

const statusText = (path: string, report: StatusReport, paint: Paint): string => {
  const { counts } = report
  const parts = (["unchanged", "new", "changed", "missing", "failed", "skipped"] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `${countText(counts[name])} ${name}`)
  const lines = (label: string, colour: (text: string) => string, paths: ReadonlyArray<string>) =>
    paths.map((one) => `  ${colour(label.padEnd(9))}${safeText(one)}`)
  return [
    `${paint.bold(safeText(path))}: ${plural(counts.files, "file")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`,
    ...lines("new", paint.green, report.new),
    ...lines("changed", paint.yellow, report.changed),
    ...lines("missing", paint.red, report.missing),
    ...report.failed.map((one) => `  ${paint.red("failed".padEnd(9))}${safeText(one.path)}: ${safeText(one.message)}`)
  ].join("\n")
}

export const run = (input: StatusInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const ingest = yield* Ingest
    const report = yield* ingest.status({
      path: input.path,
      ...(Option.isSome(input.key) ? { key: input.key.value } : {}),
      exclude: input.exclude,
      followSymlinks: input.followSymlinks,
      rehash: input.rehash
    })
    if (shell.options.format === "text") yield* shell.print(statusText(input.path, report, shell.paint))
    else yield* shell.document(report)
    if (report.counts.failed > 0) yield* shell.exitWith(EXIT.someFailed)
  }))
