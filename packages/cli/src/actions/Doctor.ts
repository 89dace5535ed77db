/** `sheaf doctor` */
import { Effect } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { coreServices } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural } from "../terminal/SizeText.ts"

export const run = () =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { Sheaf, sheafOptions } = yield* coreServices
    // Works also where the config or the registry cannot be opened.
    const checks = yield* Sheaf.examine(sheafOptions(shell.options))
    const bad = checks.filter((check) => !check.ok)
    if (shell.options.format === "text") {
      const width = Math.max(...checks.map((check) => check.check.length))
      for (const { advice, check, detail, ok } of shell.options.quiet ? bad : checks) {
        yield* shell.print(`${ok ? shell.paint.green("ok ") : shell.paint.red("bad")}  ${safeText(check).padEnd(width)}  ${safeText(detail)}`)
        if (advice !== null) yield* shell.print(`     ${" ".repeat(width)}  ${shell.paint.dim(safeText(advice))}`)
      }
      if (bad.length > 0) yield* shell.note(`${plural(bad.length, "problem")} found`)
    } else {
      yield* shell.document({ ok: bad.length === 0, checks })
    }
    if (bad.length > 0) yield* shell.exitWith(EXIT.integrity)
  })
