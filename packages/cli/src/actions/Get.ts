/** `sheaf get REF [-o PATH]` */
import { Effect, Option } from "effect"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Folders } from "@sheaf/core/services/Folders"
import { Reading } from "@sheaf/core/services/Reading"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural, sizeText } from "../terminal/SizeText.ts"

export interface GetInput {
  readonly reference: string
  readonly output: Option.Option<string>
  readonly force: boolean
}

export const run = ({ force, output, reference }: GetInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const isText = shell.options.format === "text"
    const reading = yield* Reading
    const artifact = yield* (yield* Artifacts).get(yield* resolveReference(reference))
    if (Option.isSome(output) && artifact.nFiles !== null) {
      const files = yield* (yield* Folders).copyTo(artifact, output.value)
      if (!isText) return yield* shell.document({ ...artifact, copiedTo: output.value })
      if (!shell.options.quiet) yield* shell.print(`copied ${plural(files, "file")}, ${sizeText(artifact.size)}, to ${safeText(output.value)}`)
      return
    }
    if (Option.isSome(output)) {
      const copied = yield* reading.copyTo(artifact, output.value, { overwrite: force })
      if (!isText) return yield* shell.document({ ...artifact, copiedTo: copied.path })
      if (!shell.options.quiet) yield* shell.print(`copied ${sizeText(copied.bytes)} to ${safeText(copied.path)}`)
      return
    }
    if (!isText) return yield* shell.document(artifact)
    // A path is data: programs get its bytes as they are, a terminal in a form that cannot harm it.
    const path = yield* reading.cachePath(artifact)
    yield* shell.outIsTerminal ? shell.print(safeText(path.toString())) : shell.write(Buffer.concat([Buffer.from(path), Buffer.from("\n")]))
  }))
