/** `sheaf label remove NAME REF…` */
import { Effect } from "effect"
import { Labels } from "@sheaf/core/services/Labels"
import { withInstance } from "../OpenInstance.ts"
import { labelOptions, type LabelledInput, reportChange } from "../LabelChange.ts"

export const run = (input: LabelledInput) =>
  withInstance(Effect.gen(function*() {
    yield* reportChange("lost", yield* (yield* Labels).remove(input.name, input.references, labelOptions(input)))
  }))
