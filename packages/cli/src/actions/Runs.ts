/** `sheaf runs [RUN]` */
import { Effect, Option } from "effect"
import { Runs } from "@sheaf/core/services/Runs"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { runsTable, runText } from "../terminal/RunText.ts"

export interface RunsInput {
  readonly reference: Option.Option<string>
  readonly transform: Option.Option<string>
  readonly limit: Option.Option<number>
}

const DEFAULT_LIMIT = 50

export const run = ({ limit, reference, transform }: RunsInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const runs = yield* Runs
    const isText = shell.options.format === "text"
    if (Option.isSome(reference)) {
      const one = yield* runs.get(reference.value)
      return yield* isText ? shell.print(runText(one, shell.paint)) : shell.document(one)
    }
    const most = Option.getOrElse(limit, () => DEFAULT_LIMIT)
    const listed = yield* runs.list({
      ...(Option.isSome(transform) ? { transform: transform.value } : {}),
      ...(most === 0 ? {} : { limit: most })
    })
    if (!isText) return yield* shell.document(listed)
    if (listed.length === 0) return yield* shell.note(Option.isSome(transform) ? "sheaf: there are no runs of this transform" : "sheaf: there are no runs yet")
    yield* shell.print(runsTable(listed).join("\n"))
  }))
