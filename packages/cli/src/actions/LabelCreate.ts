/** `sheaf label create NAME` */
import { Effect, Option } from "effect"
import { Labels } from "@sheaf/core/services/Labels"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { printWarnings } from "../Warnings.ts"

export interface LabelCreateInput {
  readonly name: string
  readonly type: Option.Option<string>
  readonly parent: Option.Option<string>
  readonly description: Option.Option<string>
}

export const run = ({ description, name, parent, type }: LabelCreateInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const label = yield* (yield* Labels).create(name, {
      ...(Option.isSome(type) ? { type: type.value } : {}),
      ...(Option.isSome(parent) ? { parent: parent.value } : {}),
      ...(Option.isSome(description) ? { description: description.value } : {})
    })
    if (shell.options.format !== "text") return yield* shell.document(label)
    yield* printWarnings(label.warnings)
    if (!shell.options.quiet) yield* shell.print(label.created ? `created the label ${safeText(name)} (${label.uid})` : `the label ${safeText(name)} exists already (${label.uid})`)
  }))
