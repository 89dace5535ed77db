/**
 * How commands that put a collection together answer.
 */
import { Effect } from "effect"
import type { CollectionChange } from "@sheaf/core/services/Collections"
import { Shell } from "./Shell.ts"
import { versionName } from "./terminal/CollectionText.ts"
import { safeText } from "./terminal/SafeText.ts"
import { plural } from "./terminal/SizeText.ts"
import { printWarnings } from "./Warnings.ts"

/** Says whether it was made, has a new version, or has these members already. */
export const reportCollection = ({ notes, ...change }: CollectionChange) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (shell.options.format !== "text") return yield* shell.document(change)
    for (const note of notes) yield* shell.note(`sheaf: ${safeText(note)}`)
    yield* printWarnings(change.warnings)
    if (shell.options.quiet) return
    const members = plural(change.members, "member")
    const text = {
      created: `created the collection ${safeText(change.name)} (${change.uid}) with ${members}`,
      newVersion: `made ${versionName(change)} (${change.uid}) with ${members}`,
      existing: `${versionName(change)} (${change.uid}) has the same members already (${change.members})`
    }
    yield* shell.print(text[change.outcome])
  })
