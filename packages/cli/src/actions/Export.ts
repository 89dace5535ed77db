/** `sheaf export PREFIX DIR` */
import { Effect, Option } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Exporting } from "@sheaf/core/services/Exporting"
import type { LinkMode } from "@sheaf/core/domain/LinkMode"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { progressDisplay } from "../terminal/ProgressBar.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural, sizeText } from "../terminal/SizeText.ts"

export interface ExportInput {
  readonly prefix: string
  readonly directory: string
  readonly link: Option.Option<LinkMode>
}

const VERBS: Readonly<Record<LinkMode, string>> = { copy: "written", hard: "linked", reflink: "cloned" }

export const run = ({ directory, link, prefix }: ExportInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const display = progressDisplay(shell, "files")
    const report = yield* (yield* Exporting).export(prefix, directory, {
      ...(Option.isSome(link) ? { link: link.value } : {}),
      onProgress: ({ bytes, files, total }) => display.update({ done: files, bytes, total, totalBytes: null, isTotalKnown: true })
    }).pipe(Effect.ensuring(Effect.sync(display.end)))
    if (report.failures.length > 0) yield* shell.exitWith(EXIT.someFailed)
    if (shell.options.format !== "text") return yield* shell.document(report)
    for (const { key, message } of report.failures) yield* shell.note(`${shell.errPaint.red("failed")}  ${safeText(key)}: ${safeText(message)}`)
    if (shell.options.quiet) return
    const there = report.existing === 0 ? "" : `, ${countText(report.existing)} there already`
    const failed = report.failures.length === 0 ? "" : `, ${countText(report.failures.length)} failed`
    yield* shell.print(`${plural(report.written, "file")} ${VERBS[report.link]} below ${safeText(report.directory)}, ${sizeText(report.bytes)}${there}${failed}`)
  }))
