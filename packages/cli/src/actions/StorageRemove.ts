/** `sheaf storage remove ROOT` */
import { Effect } from "effect"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { rootName } from "../terminal/RootText.ts"

export const run = ({ root: reference }: { readonly root: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const root = yield* (yield* StorageRoots).remove(reference)
    if (shell.options.format !== "text") return yield* shell.document(root)
    if (!shell.options.quiet) yield* shell.print(`removed the storage root ${rootName(root)}; its files stay`)
  }))
