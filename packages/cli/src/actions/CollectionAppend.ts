/** `sheaf collection append NAME REF…` and `sheaf collection append NAME --query FILTER…` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { type MembersInput, membersOf, reportCollection } from "../CollectionChange.ts"
import { withInstance } from "../OpenInstance.ts"

export const run = (input: MembersInput & { readonly name: string }) =>
  Effect.flatMap(membersOf("append", input), (members) =>
    withInstance(Effect.gen(function*() {
      yield* reportCollection(yield* (yield* Collections).append(input.name, members))
    })))
