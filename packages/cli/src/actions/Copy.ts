/** `sheaf copy REF… --to ROOT` */
import { Effect } from "effect"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Copying, type CopyReport } from "@sheaf/core/services/Copying"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"

const textOf = ({ artifact, copied, path }: CopyReport): string => {
  const name = safeText(artifact.key ?? artifact.uid)
  return copied ? `copied ${name} to ${safeText(path)}` : `${name} is at ${safeText(path)} already`
}

export const run = ({ references, to }: { readonly references: ReadonlyArray<string>; readonly to: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const artifacts = yield* Artifacts
    const copying = yield* Copying
    // All references have to be right before the first byte is written.
    const wanted = yield* Effect.forEach(references, (reference) => Effect.flatMap(resolveReference(reference), (uid) => artifacts.get(uid)))
    const reports: Array<CopyReport> = []
    for (const artifact of wanted) {
      const report = yield* copying.copy(artifact, to)
      if (shell.options.format === "text" && !shell.options.quiet) yield* shell.print(textOf(report))
      reports.push(report)
    }
    if (shell.options.format === "ndjson") yield* shell.document(reports)
    if (shell.options.format === "json") yield* shell.document(reports.length === 1 ? reports[0] : reports)
  }))
