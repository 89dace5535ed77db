/** `sheaf storage list` */
import { Effect } from "effect"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { rootsText } from "../terminal/RootText.ts"

export const run = () =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const roots = yield* (yield* StorageRoots).list
    yield* shell.options.format === "text" ? shell.print(rootsText(roots)) : shell.document(roots)
  }))
