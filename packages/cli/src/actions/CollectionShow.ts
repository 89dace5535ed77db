/** `sheaf collection show COLLECTION` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { contentsText } from "../terminal/CollectionText.ts"

export const run = ({ collection }: { readonly collection: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const contents = yield* (yield* Collections).show(collection)
    yield* shell.options.format === "text" ? shell.print(contentsText(contents, shell.paint)) : shell.document(contents)
  }))
