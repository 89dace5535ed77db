/** `sheaf mv OLD NEW` */
import { Effect } from "effect"
import type { KeyMove } from "@sheaf/core/ports/Registry"
import { Keys } from "@sheaf/core/services/Keys"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { printWarnings } from "../Warnings.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural } from "../terminal/SizeText.ts"

export interface MvInput {
  readonly from: string
  readonly to: string
  readonly allowSuffixMismatch: boolean
  readonly dryRun: boolean
}

const moveText = ({ from, merges, to }: KeyMove): string =>
  `${safeText(from)} -> ${safeText(to)}${merges ? "  (points there already; the old key is dropped)" : ""}`

export const run = (input: MvInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const { allowSuffixMismatch, dryRun, from, to } = input
    const report = yield* (yield* Keys).mv(from, to, { allowSuffixMismatch, dryRun })
    // One key gives its artifact; a prefix, and a plan, what was or would be renamed.
    if (shell.options.format !== "text") {
      return yield* shell.document(report.byPrefix || dryRun || report.artifact === null
        ? { dryRun: report.dryRun, moves: report.moves, objects: report.objects, warnings: report.warnings }
        : report.artifact)
    }
    yield* printWarnings(report.warnings)
    if (shell.options.quiet) return
    if (dryRun) yield* shell.write(report.moves.map((move) => `${moveText(move)}\n`).join(""))
    const count = plural(report.moves.length, "key")
    if (dryRun) yield* shell.print(`${count} would be renamed. Dry run: nothing was changed.`)
    else if (report.byPrefix) yield* shell.print(`renamed ${count}: ${safeText(from)} -> ${safeText(to)}`)
    else yield* shell.print(`renamed ${report.moves.map(moveText).join("")}`)
    if (report.objects.length > 0) yield* shell.print(`${plural(report.objects.length, "object")} moved to where the new ${report.moves.length === 1 ? "key says" : "keys say"}`)
  }))
