/** `sheaf storage add URL` */
import { Effect, Option } from "effect"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { rootName } from "../terminal/RootText.ts"
import { safeText } from "../terminal/SafeText.ts"

export interface StorageAddInput {
  readonly url: string
  readonly name: Option.Option<string>
  readonly readOnly: boolean
  readonly makeDefault: boolean
}

export const run = (input: StorageAddInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const { notes, root } = yield* (yield* StorageRoots).add(input.url, {
      ...(Option.isSome(input.name) ? { name: input.name.value } : {}),
      readOnly: input.readOnly,
      default: input.makeDefault
    })
    if (shell.options.format !== "text") return yield* shell.document({ ...root, notes })
    for (const note of notes) yield* shell.note(`sheaf: ${safeText(note)}`)
    if (!shell.options.quiet) yield* shell.print(`added the storage root ${rootName(root)}${root.default ? ", now the default" : ""}`)
  }))
