/** `sheaf collection create NAME REF…` */
import { Effect, Option } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { reportCollection } from "../CollectionChange.ts"
import { withInstance } from "../OpenInstance.ts"

export interface CollectionCreateInput {
  readonly name: string
  readonly references: ReadonlyArray<string>
  readonly description: Option.Option<string>
}

export const run = ({ description, name, references }: CollectionCreateInput) =>
  withInstance(Effect.gen(function*() {
    yield* reportCollection(yield* (yield* Collections).create(name, references, Option.isSome(description) ? { description: description.value } : {}))
  }))
