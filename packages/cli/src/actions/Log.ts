/** `sheaf log KEY` */
import { Effect } from "effect"
import type { KeyEvent } from "@sheaf/core/domain/Artifact"
import { contentNumbers } from "@sheaf/core/domain/KeyLog"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { timeText } from "../terminal/SizeText.ts"

const EVENT_TEXTS: Readonly<Record<KeyEvent["event"], string>> = {
  created: "created",
  newVersion: "new version",
  keyed: "given to existing artifact",
  aliased: "made an alias",
  moved: "moved to other content",
  renamed: "renamed to this",
  released: "released",
  restored: "restored from the trash"
}

export const run = ({ key }: { readonly key: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const events = yield* (yield* Artifacts).log(key)
    if (shell.options.format !== "text") return yield* shell.document(events)
    // The number is what comes after the @ of a reference to that content.
    const numbers = contentNumbers(events).map((number) => (number === null ? "" : `@${number}`))
    const width = Math.max(...numbers.map(({ length }) => length))
    yield* shell.print(
      events.map(({ at, event, run, uid }, i) =>
        `${numbers[i]!.padEnd(width)}  ${timeText(at)}  ${EVENT_TEXTS[event].padEnd(26)}  ${uid}${run === null ? "" : `  run ${run}`}`).join("\n")
    )
  }))
