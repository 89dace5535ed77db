/** `sheaf convert --to POLICY REF…` */
import { Effect } from "effect"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Conversion, type ConvertRequest } from "@sheaf/core/services/Conversion"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"
import { writeErr } from "../StandardStreams.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural } from "../terminal/SizeText.ts"

export interface ConvertInput {
  readonly references: ReadonlyArray<string>
  readonly to: ConvertRequest["to"]
  readonly dryRun: boolean
}

export const run = ({ dryRun, references, to }: ConvertInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const conversion = yield* Conversion
    const artifacts = yield* Artifacts
    const prefixes = references.filter((reference) => reference.endsWith("/"))
    const uids = yield* Effect.forEach(references.filter((reference) => !reference.endsWith("/")), resolveReference)
    for (const uid of uids) yield* artifacts.get(uid)
    const requests: ReadonlyArray<ConvertRequest> = [
      ...(uids.length === 0 ? [] : [{ to, dryRun, uids }]),
      ...prefixes.map((prefix): ConvertRequest => ({ to, dryRun, keyPrefix: prefix.replace(/^[/.]*|\/+$/g, "") }))
    ]
    const reports = yield* Effect.forEach(requests, (request) => conversion.convert(request))
    const report = {
      dryRun, moves: reports.flatMap(({ moves }) => moves), left: reports.flatMap(({ left }) => left), unchanged: reports.reduce((n, { unchanged }) => n + unchanged, 0)
    }
    if (report.left.length > 0) yield* shell.exitWith(EXIT.someFailed)
    if (shell.options.format !== "text") return yield* shell.document(report)
    if (!shell.options.quiet) {
      if (dryRun) yield* shell.write(report.moves.map(({ from, to }) => `${safeText(from)} -> ${safeText(to)}\n`).join(""))
      yield* shell.print(dryRun
        ? `${plural(report.moves.length, "object")} would be moved. Dry run: nothing was changed.`
        : `moved ${plural(report.moves.length, "object")}${report.unchanged > 0 ? `; ${report.unchanged} stood there already` : ""}`)
    }
    yield* Effect.sync(() => writeErr(report.left.map(({ key, reason, uid }) => `left ${safeText(key ?? uid)}: ${reason}\n`).join("")))
  }))
