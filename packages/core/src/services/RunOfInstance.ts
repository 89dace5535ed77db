/**
 * `sheaf run` tells its command the run and the instance, by `SHEAF_RUN` and `SHEAF_INSTANCE`. A command that works on another instance is not in that run.
 */
import { realpathSync } from "node:fs"
import { Effect } from "effect"
import { InvalidInput, NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { currentRun, Session } from "../ports/Session.ts"

const realPath = (path: string): string | null => {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/** The run of a session as it is in the instance of a directory: null when the environment names it for another instance. */
export const runOfInstance = (run: string | null, directory: string): string | null => {
  const named = process.env["SHEAF_INSTANCE"]
  if (run === null || run !== currentRun() || named === undefined || named === "") return run
  const real = realPath(named)
  return real === directory || real === `${directory}/.sheaf` ? run : null
}

/** Refuses a session whose run the instance does not know. Asks the registry only when there is a run. */
export const checkRunOfSession: Effect.Effect<void, InvalidInput | RegistryError, RunRecords> = Effect.gen(function*() {
  const { run } = yield* Session
  if (run === null) return
  if ((yield* (yield* RunRecords).runs([run])).length > 0) return
  return yield* new InvalidInput({
    what: run === currentRun() ? `SHEAF_RUN is ${run}` : `run ${run}`,
    reason: "this instance has no such run",
    advice: "Start the command with sheaf run, or unset SHEAF_RUN. sheaf runs lists the runs."
  })
})

/** Those of these runs that the instance does not know; `runs` null knows nothing of any. */
export const unknownRuns = (uids: ReadonlyArray<string>, runs: Pick<RunRecords["Service"], "runs"> | null): Effect.Effect<ReadonlySet<string>, RegistryError> => {
  const wanted = new Set(uids)
  if (wanted.size === 0 || runs === null) return Effect.succeed(new Set())
  return Effect.map(runs.runs([...wanted]), (known) => {
    for (const { uid } of known) wanted.delete(uid)
    return wanted
  })
}

/** A save names a run that does not exist. */
export const noRun = (run: string): NotFound => new NotFound({ what: "run", reference: run, near: [] })
