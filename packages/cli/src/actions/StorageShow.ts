/** `sheaf storage show ROOT` */
import { Effect } from "effect"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { rootText } from "../terminal/RootText.ts"

export const run = ({ root: reference }: { readonly root: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const root = yield* (yield* StorageRoots).show(reference)
    yield* shell.options.format === "text" ? shell.print(rootText(root)) : shell.document(root)
  }))
