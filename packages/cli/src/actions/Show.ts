/** `sheaf show REF` */
import { Effect } from "effect"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { artifactText } from "../terminal/ArtifactText.ts"
import { resolveReference } from "../ResolveReference.ts"

export const run = ({ reference }: { readonly reference: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const artifact = yield* (yield* Artifacts).get(yield* resolveReference(reference))
    if (shell.options.format === "text") yield* shell.print(artifactText(artifact, shell.paint))
    else yield* shell.document(artifact)
  }))
