/** `sheaf gc` */
import { Effect, Option } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Garbage } from "@sheaf/core/services/Garbage"
import { confirm, requireConsent } from "../Confirm.ts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural, sizeText } from "../terminal/SizeText.ts"

export interface GcInput {
  readonly grace: Option.Option<number>
  readonly dryRun: boolean
  readonly yes: boolean
}

export const run = ({ dryRun, grace, yes }: GcInput) =>
  Effect.gen(function*() {
    if (!dryRun) yield* requireConsent("gc", yes)
    yield* withInstance(collect({ dryRun, grace, yes }))
  })

const collect = ({ dryRun, grace, yes }: GcInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const garbage = yield* Garbage
    const isText = shell.options.format === "text"
    // Who is asked has to know about what.
    const isSpoken = isText && (!shell.options.quiet || !(yes || dryRun))
    const all = yield* garbage.find(Option.isSome(grace) ? { graceHours: grace.value } : {})
    const { places: _, ...found } = all
    if (found.skipped.length > 0) yield* shell.exitWith(EXIT.storageUnavailable)
    if (isSpoken) {
      yield* shell.write(found.objects.map(({ path, size }) => `${sizeText(size).padStart(9)}  ${safeText(path)}\n`).join(""))
      for (const { reason, url } of found.skipped) yield* shell.note(`sheaf: ${safeText(url)} was not looked at: ${safeText(reason)}`)
      yield* shell.print(`${plural(found.objects.length, "object")} that nothing refers to, ${sizeText(found.bytes)}${found.young === 0 ? "" : `; ${countText(found.young)} more younger than ${found.graceHours} h`}`)
    }
    if (dryRun) return yield* isText ? (isSpoken ? shell.print("Dry run: nothing was removed.") : Effect.void) : shell.document({ dryRun, ...found, removed: null })
    if (found.objects.length > 0 && !yes && !(yield* confirm("Remove them?"))) return yield* shell.print("Nothing was removed.")
    const removed = yield* garbage.remove(all)
    if (!isText) return yield* shell.document({ dryRun, ...found, removed })
    for (const { objects, reason, url } of removed.pending) yield* shell.note(`sheaf: ${plural(objects, "object")} in ${safeText(url)} could not be removed: ${safeText(reason)}`)
    if (isSpoken && (removed.objects > 0 || found.objects.length > 0)) yield* shell.print(`removed ${plural(removed.objects, "object")}, ${sizeText(removed.bytes)}`)
  })
