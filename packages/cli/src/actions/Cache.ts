/** `sheaf cache REF` */
import { Effect } from "effect"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Reading } from "@sheaf/core/services/Reading"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"

export const run = ({ reference }: { readonly reference: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const artifact = yield* (yield* Artifacts).get(yield* resolveReference(reference))
    const path = yield* (yield* Reading).cachePath(artifact)
    if (shell.options.format !== "text") return yield* shell.document({ ...artifact, cachedAt: path.toString() })
    // A path is data: programs get its bytes as they are, a terminal in a form that cannot harm it.
    yield* shell.outIsTerminal ? shell.print(safeText(path.toString())) : shell.write(Buffer.concat([Buffer.from(path), Buffer.from("\n")]))
  }))
