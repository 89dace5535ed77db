/** `sheaf label list` */
import { Effect, Option } from "effect"
import { Labels } from "@sheaf/core/services/Labels"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { labelsText } from "../terminal/LabelText.ts"

export const run = ({ prefix, type }: { readonly prefix: Option.Option<string>; readonly type: Option.Option<string> }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const labels = yield* (yield* Labels).list({
      ...(Option.isSome(prefix) ? { prefix: prefix.value } : {}),
      ...(Option.isSome(type) ? { type: type.value } : {})
    })
    if (shell.options.format !== "text") return yield* shell.document(labels)
    yield* labels.length === 0 ? shell.note("sheaf: there are no such labels; make one with: sheaf label create NAME") : shell.print(labelsText(labels))
  }))
