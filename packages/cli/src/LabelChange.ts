/**
 * Giving labels to artifacts and taking them away, which are called and answered alike.
 */
import { Effect, Option } from "effect"
import type { LabelChange } from "@sheaf/core/services/Labels"
import { Shell } from "./Shell.ts"
import { safeText } from "./terminal/SafeText.ts"
import { countText, plural } from "./terminal/SizeText.ts"

export interface LabelledInput {
  readonly name: string
  readonly references: ReadonlyArray<string>
  readonly type: Option.Option<string>
}

/** What the library takes beside the label and the references. */
export const labelOptions = ({ type }: LabelledInput) => (Option.isSome(type) ? { type: type.value } : {})

/** Says how many artifacts got the label, or lost it. */
export const reportChange = (verb: "got" | "lost", { artifacts, changed, label, notes }: LabelChange) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (shell.options.format !== "text") return yield* shell.document({ label: label.name, uid: label.uid, changed, artifacts })
    for (const note of notes) yield* shell.note(`sheaf: ${safeText(note)}`)
    if (shell.options.quiet) return
    const others = artifacts.length - changed
    const rest = others === 0 ? "" : verb === "got" ? `; ${countText(others)} had it already` : `; ${countText(others)} did not have it`
    yield* shell.print(`${plural(changed, "artifact")} ${verb} the label ${safeText(label.name)}${rest}`)
  })
