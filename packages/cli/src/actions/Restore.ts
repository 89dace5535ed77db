/** `sheaf restore REF…` */
import { Effect } from "effect"
import { Deletion } from "@sheaf/core/services/Deletion"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural } from "../terminal/SizeText.ts"

export interface RestoreInput {
  readonly references: ReadonlyArray<string>
  readonly dryRun: boolean
}

export const run = ({ dryRun, references }: RestoreInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const report = yield* (yield* Deletion).restore(references, { dryRun })
    if (shell.options.format !== "text") return yield* shell.document(report)
    if (shell.options.quiet) return
    yield* shell.write(report.artifacts.map(({ keys, uid }) => `${uid}${keys.length === 0 ? "" : `  ${keys.map(safeText).join("  ")}`}\n`).join(""))
    const count = plural(report.artifacts.length, "artifact")
    yield* shell.print(dryRun ? `${count} would be restored. Dry run: nothing was changed.` : `restored ${count}`)
  }))
