/** `sheaf collection append NAME REF…` */
import { Effect } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { reportCollection } from "../CollectionChange.ts"
import { withInstance } from "../OpenInstance.ts"

export const run = ({ name, references }: { readonly name: string; readonly references: ReadonlyArray<string> }) =>
  withInstance(Effect.gen(function*() {
    yield* reportCollection(yield* (yield* Collections).append(name, references))
  }))
