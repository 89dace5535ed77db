/** `sheaf storage default ROOT` */
import { Effect } from "effect"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { rootName } from "../terminal/RootText.ts"

export const run = ({ root: reference }: { readonly root: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const root = yield* (yield* StorageRoots).setDefault(reference)
    if (shell.options.format !== "text") return yield* shell.document(root)
    if (!shell.options.quiet) yield* shell.print(`new files are copied into ${rootName(root)} from now on`)
  }))
