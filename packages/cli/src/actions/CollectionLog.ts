/** `sheaf collection log COLLECTION` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { collectionsText } from "../terminal/CollectionText.ts"

export const run = ({ collection }: { readonly collection: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const versions = yield* (yield* Collections).log(collection)
    yield* shell.options.format === "text" ? shell.print(collectionsText(versions)) : shell.document(versions)
  }))
