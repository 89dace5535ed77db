/** `sheaf label add NAME REF…` */
import { Effect } from "effect"
import { Labels } from "@sheaf/core/services/Labels"
import { withInstance } from "../OpenInstance.ts"
import { labelOptions, type LabelledInput, reportChange } from "../LabelChange.ts"

export const run = (input: LabelledInput) =>
  withInstance(Effect.gen(function*() {
    yield* reportChange("got", yield* (yield* Labels).add(input.name, input.references, labelOptions(input)))
  }))
