/** `sheaf lineage REF` */
import { Effect, Option } from "effect"
import { Runs } from "@sheaf/core/services/Runs"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { lineageDot, lineageMermaid } from "../terminal/LineageGraph.ts"
import { lineageText } from "../terminal/LineageText.ts"

export interface LineageInput {
  readonly reference: string
  readonly up: boolean
  readonly down: boolean
  readonly depth: Option.Option<number>
  readonly format: Option.Option<"text" | "mermaid" | "dot" | "json">
}

export const run = ({ depth, down, format, reference, up }: LineageInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const lineage = yield* (yield* Runs).lineage(reference, {
      direction: up === down ? "both" : up ? "up" : "down",
      ...(Option.isSome(depth) ? { depth: depth.value } : {})
    })
    const wanted = shell.options.format === "text" ? Option.getOrElse(format, () => "text" as const) : "json"
    switch (wanted) {
      case "json":
        return yield* shell.document(lineage)
      case "mermaid":
        return yield* shell.print(lineageMermaid(lineage))
      case "dot":
        return yield* shell.print(lineageDot(lineage))
      case "text":
        return yield* shell.print(lineageText(lineage, shell.paint))
    }
  }))
