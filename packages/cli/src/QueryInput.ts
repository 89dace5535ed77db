/**
 * A query as the command line gives it.
 */
import { Effect, Option } from "effect"
import { sortFieldNamed } from "@sheaf/core/domain/ArtifactFilter"
import { parseFilter } from "@sheaf/core/domain/FilterParse"
import type { InvalidInput } from "@sheaf/core/domain/SheafError"
import { Query } from "@sheaf/core/services/Query"

export interface QueryInput {
  readonly any: boolean
  readonly order: Option.Option<string>
  readonly desc: boolean
  readonly limit: Option.Option<number>
}

/** The query of filters and flags. Fails with `InvalidInput` when a word is no filter. */
export const queryOf = (filters: ReadonlyArray<string>, { any, desc, limit, order }: QueryInput): Effect.Effect<Query, InvalidInput> =>
  Effect.try({
    try: () => {
      const query = Query.of(parseFilter(filters, any))
      const sorted = Option.isSome(order) || desc ? query.orderBy(sortFieldNamed(Option.getOrElse(order, () => "createdAt")), desc ? "desc" : "asc") : query
      return Option.isSome(limit) ? sorted.limit(limit.value) : sorted
    },
    catch: (error) => error as InvalidInput
  })

/** The first of these flags that was given, as it is written; null when none was. */
export const queryFlagIn = ({ any, desc, limit, order }: QueryInput): string | null =>
  any ? "--any" : Option.isSome(order) ? "--order" : desc ? "--desc" : Option.isSome(limit) ? "--limit" : null
