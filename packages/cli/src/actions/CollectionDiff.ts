/** `sheaf collection diff COLLECTION [OTHER]` */
import { Effect, Option } from "effect"
import { Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { diffText } from "../terminal/CollectionText.ts"

export const run = ({ from, to }: { readonly from: string; readonly to: Option.Option<string> }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const diff = yield* (yield* Collections).diff(from, Option.getOrUndefined(to))
    yield* shell.options.format === "text" ? shell.print(diffText(diff, shell.paint)) : shell.document(diff)
  }))
