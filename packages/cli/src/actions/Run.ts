/** `sheaf run -- COMMAND ARGS…` */
import { Effect, Option } from "effect"
import { withoutSecrets } from "@sheaf/core/domain/Secrets"
import { Instance } from "@sheaf/core/services/Instance"
import { Runs } from "@sheaf/core/services/Runs"
import { type ChildEnd, runChild } from "../ChildCommand.ts"
import { gitState, lockFiles, pythonPackages } from "../CommandEnvironment.ts"
import { withInstance } from "../OpenInstance.ts"
import { transformOf } from "../ScriptOfCommand.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { timeText } from "../terminal/SizeText.ts"
import { Usage } from "../UsageError.ts"

export interface RunInput {
  readonly command: ReadonlyArray<string>
  readonly transform: Option.Option<string>
  readonly params: ReadonlyArray<readonly [name: string, value: string]>
}

/** Numbers, true and false as such, everything else as text. */
const valueOf = (text: string): unknown =>
  text === "true" ? true : text === "false" ? false : /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text

const endText = (uid: string, { exitCode, failure, signal }: ChildEnd, program: string): string | null =>
  failure !== null ? `Run ${uid} failed: cannot run ${safeText(program)} (${failure})`
    : signal !== null ? `Run ${uid} failed: ended by ${signal}`
    : exitCode !== 0 ? `Run ${uid} failed: exit code ${exitCode}` : null

export const run = ({ command, params, transform }: RunInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const [program = ""] = command
    if (program === "") return yield* new Usage({ message: "the command is empty", hint: "Name a program after --, as in: sheaf run -- node clean.mjs" })
    const cwd = process.cwd()
    const git = yield* Effect.promise(() => gitState(cwd))
    const found = yield* Effect.try({
      try: () => transformOf(command, cwd, git.root),
      catch: (error) => new Usage({ message: `${program}: its script cannot be read (${(error as NodeJS.ErrnoException).code})`, hint: "Give yourself read permission, or name another script." })
    })

    // The registry is let go of while the command runs.
    const { directory, started } = yield* withInstance(Effect.gen(function*() {
      return {
        directory: (yield* Instance).directory,
        started: yield* (yield* Runs).start({
          transform: Option.getOrElse(transform, () => found.key),
          kind: found.kind,
          ...(found.source === null ? {} : { source: found.source }),
          params: Object.fromEntries(params.map(([name, value]) => [name, valueOf(value)])),
          command,
          ...(git.commit === null ? {} : { gitCommit: git.commit }),
          environment: { lockFiles: lockFiles(cwd, git.root) }
        })
      }
    }))
    const { isNewTransform, run: { startedAt, transform: { key, uid: transformUid }, uid } } = started
    yield* shell.note(`${isNewTransform ? "created " : ""}Transform ${transformUid} (${safeText(key)}), started new Run ${uid} at ${timeText(startedAt)}`)

    const packages = pythonPackages(command, cwd)
    const end = yield* runChild(command, {
      env: { ...process.env, SHEAF_RUN: uid, SHEAF_INSTANCE: directory },
      outToErr: shell.options.format !== "text"
    })
    const python = yield* Effect.promise(() => packages)
    const text = endText(uid, end, program)
    if (text !== null) yield* shell.note(text)
    const finished = yield* withInstance(Effect.flatMap(Runs, (runs) => runs.finish(uid, {
      exitCode: end.exitCode,
      environment: { ...(end.signal === null ? {} : { signal: end.signal }), ...(python === null ? {} : { pythonPackages: python }) }
    }))).pipe(
      // The command's own failure is the news, and its exit code what the caller waits for.
      Effect.catchIf(() => end.exitCode !== 0, (error) => Effect.as(shell.warn(`sheaf: the end of run ${uid} was not recorded: ${safeText(withoutSecrets(error.message))}`), null))
    )
    if (shell.options.format !== "text" && finished !== null) yield* shell.document(finished)
    yield* shell.exitWith(end.exitCode)
  })
