/**
 * Asking before something cannot be undone. Only a person at a terminal is asked.
 */
import { Effect } from "effect"
import { createInterface } from "node:readline"
import { Shell } from "./Shell.ts"
import { Usage } from "./UsageError.ts"

/** Whether somebody can be asked: at a terminal, with output for people. */
const canAsk = Effect.map(Shell, ({ errIsTerminal, options }) => options.format === "text" && errIsTerminal && process.stdin.isTTY === true)

/** Fails, as a misuse, where nobody can be asked and `--yes` is not given. To be called before anything changes. */
export const requireConsent = (command: string, yes: boolean, advice = "Look at the plan with --dry-run, then run it with --yes.") =>
  Effect.gen(function*() {
    if (yes || (yield* canAsk)) return
    return yield* new Usage({
      message: `${command} needs --yes, since there is nobody to ask`,
      hint: `Nothing was changed. ${advice}`
    })
  })

/** Whether the person says yes; anything else is a no. */
export const confirm = (question: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    let answer = ""
    lines.question(`${question} [y/N] `, (text) => {
      answer = text
      lines.close()
    })
    lines.on("close", () => resume(Effect.succeed(/^y(es)?$/i.test(answer.trim()))))
    return Effect.sync(() => lines.close())
  })
