/**
 * How commands that put a collection together are told its members, and how they answer.
 */
import { Effect } from "effect"
import type { InvalidInput } from "@sheaf/core/domain/SheafError"
import type { CollectionChange } from "@sheaf/core/services/Collections"
import type { MemberSource } from "@sheaf/core/services/MemberSource"
import { queryFlagIn, type QueryInput, queryOf } from "./QueryInput.ts"
import { Shell } from "./Shell.ts"
import { keepHeapSteady } from "./SteadyHeap.ts"
import { versionName } from "./terminal/CollectionText.ts"
import { safeText } from "./terminal/SafeText.ts"
import { plural } from "./terminal/SizeText.ts"
import { Usage } from "./UsageError.ts"
import { printWarnings } from "./Warnings.ts"

export interface MembersInput extends QueryInput {
  /** Filters with `query`. */
  readonly references: ReadonlyArray<string>
  readonly query: boolean
}

/** References as they are, or the query of filters. Fails with `Usage` when there is neither. */
export const membersOf = (command: string, input: MembersInput): Effect.Effect<MemberSource, Usage | InvalidInput> => {
  if (input.query) {
    keepHeapSteady()
    return queryOf(input.references, input)
  }
  const flag = queryFlagIn(input)
  if (flag !== null) return Effect.fail(new Usage({ message: `${flag} is about filters, which go with --query`, hint: "Add --query, or leave it out." }))
  if (input.references.length > 0) return Effect.succeed(input.references)
  return Effect.fail(new Usage({ message: `collection ${command} needs members`, hint: "Name at least one artifact, or give --query and filters as for find." }))
}

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
