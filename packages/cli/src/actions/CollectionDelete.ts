/** `sheaf collection delete COLLECTION` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural } from "../terminal/SizeText.ts"

export const run = ({ collection }: { readonly collection: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const versions = yield* (yield* Collections).delete(collection)
    if (shell.options.format !== "text") return yield* shell.document(versions)
    if (!shell.options.quiet) yield* shell.print(`deleted the collection ${safeText(versions[0]?.name ?? collection)}, ${plural(versions.length, "version")}; its members stay`)
  }))
