/** `sheaf collection export COLLECTION DIR` */
import { Effect } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { writeErr } from "../StandardStreams.ts"
import { versionName } from "../terminal/CollectionText.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural, sizeText } from "../terminal/SizeText.ts"

export interface CollectionExportInput {
  readonly collection: string
  readonly directory: string
  readonly force: boolean
}

const failed = (line: string) => Effect.sync(() => writeErr(`${line}\n`))

/** Failures that the text lists; JSON has them all. */
const LISTED = 20

export const run = ({ collection, directory, force }: CollectionExportInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const report = yield* (yield* Collections).export(collection, directory, { overwrite: force })
    const { bytes, failures, files, trashed } = report
    if (shell.options.format !== "text") yield* shell.document(report)
    else {
      if (!shell.options.quiet) yield* shell.print(`${plural(files.length, "file")} of ${versionName(report)}, ${sizeText(bytes)}, in ${safeText(directory)}`)
      if (trashed.length > 0) yield* shell.note(`${shell.errPaint.yellow("warning:")} ${plural(trashed.length, "member")} in the trash left out`)
      for (const { message, path } of failures.slice(0, LISTED)) yield* failed(`${shell.errPaint.red("failed:")} ${safeText(path)}: ${safeText(message)}`)
      if (failures.length > LISTED) yield* failed(`… and ${countText(failures.length - LISTED)} more; --json lists all`)
    }
    if (failures.length > 0) yield* shell.exitWith(EXIT.someFailed)
  }))
