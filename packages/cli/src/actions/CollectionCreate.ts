/** `sheaf collection create NAME REF…` and `sheaf collection create NAME --query FILTER…` */
import { Effect, Option } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { type MembersInput, membersOf, reportCollection } from "../CollectionChange.ts"
import { withInstance } from "../OpenInstance.ts"

export interface CollectionCreateInput extends MembersInput {
  readonly name: string
  readonly description: Option.Option<string>
}

export const run = (input: CollectionCreateInput) =>
  Effect.flatMap(membersOf("create", input), (members) =>
    withInstance(Effect.gen(function*() {
      const options = Option.isSome(input.description) ? { description: input.description.value } : {}
      yield* reportCollection(yield* (yield* Collections).create(input.name, members, options))
    })))
