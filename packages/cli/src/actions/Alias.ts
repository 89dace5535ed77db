/** `sheaf alias REF KEY` */
import { Effect } from "effect"
import { Keys } from "@sheaf/core/services/Keys"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { printWarnings } from "../Warnings.ts"

export interface AliasInput {
  readonly reference: string
  readonly key: string
  readonly allowSuffixMismatch: boolean
}

export const run = ({ allowSuffixMismatch, key, reference }: AliasInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const report = yield* (yield* Keys).alias(yield* resolveReference(reference), key, { allowSuffixMismatch })
    if (shell.options.format !== "text") return yield* shell.document(report.artifact)
    yield* printWarnings(report.warnings)
    if (shell.options.quiet) return
    const { artifact } = report
    yield* shell.print(`${safeText(report.key)} now points at ${artifact.uid}${artifact.key === null || artifact.key === report.key ? "" : ` (${safeText(artifact.key)})`}`)
  }))
