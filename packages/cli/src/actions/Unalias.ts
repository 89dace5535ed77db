/** `sheaf unalias KEY` */
import { Effect } from "effect"
import { Keys } from "@sheaf/core/services/Keys"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"

export const run = ({ key }: { readonly key: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const artifact = yield* (yield* Keys).unalias(key)
    if (shell.options.format !== "text") return yield* shell.document(artifact)
    if (shell.options.quiet) return
    const rest = artifact.keys.length === 0 ? "it has no key left" : `its keys: ${artifact.keys.map(safeText).join(", ")}`
    yield* shell.print(`released ${safeText(key)}; artifact ${artifact.uid} stays (${rest})`)
  }))
