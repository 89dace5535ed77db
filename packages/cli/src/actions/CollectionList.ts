/** `sheaf collection list` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { collectionsText } from "../terminal/CollectionText.ts"

export const run = () =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const collections = yield* (yield* Collections).list
    if (shell.options.format !== "text") return yield* shell.document(collections)
    yield* collections.length === 0
      ? shell.note("sheaf: there are no collections yet; make one with: sheaf collection create NAME REF")
      : shell.print(collectionsText(collections))
  }))
