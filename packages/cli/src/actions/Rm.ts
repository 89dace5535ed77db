/** `sheaf rm REF…` */
import { Effect } from "effect"
import { type DeletionPlan, type DeletionReport, Deletion } from "@sheaf/core/services/Deletion"
import { confirm, requireConsent } from "../Confirm.ts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { plural, sizeText, timeText } from "../terminal/SizeText.ts"
import { Usage } from "../UsageError.ts"

export interface RmInput {
  readonly references: ReadonlyArray<string>
  readonly permanent: boolean
  readonly trashed: boolean
  readonly deleteSource: boolean
  readonly list: boolean
  readonly dryRun: boolean
  readonly yes: boolean
}

const misuse = ({ deleteSource, list, permanent, references, trashed }: RmInput): Usage | null => {
  const wrong = (message: string, hint: string) => new Usage({ message, hint })
  if (list) return references.length > 0 || permanent || trashed || deleteSource ? wrong("rm --list shows the trash and takes nothing else", "See sheaf rm --help.") : null
  if (!permanent && trashed) return wrong("--trashed goes with --permanent", "See sheaf rm --help.")
  if (!permanent && deleteSource) return wrong("--delete-source goes with --permanent", "The trash keeps every file. See sheaf rm --help.")
  if (references.length === 0 && !trashed) return wrong("rm needs REF", "Name what is to go, or show the trash with --list. See sheaf rm --help.")
  return null
}

export const run = (input: RmInput) =>
  Effect.gen(function*() {
    const wrong = misuse(input)
    if (wrong !== null) return yield* wrong
    if (input.permanent && !input.dryRun) yield* requireConsent("rm --permanent", input.yes)
    yield* withInstance(input.list ? list : input.permanent ? deletePermanently(input) : moveToTrash(input))
  })

const list = Effect.gen(function*() {
  const shell = yield* Shell
  const trashed = yield* (yield* Deletion).trashed
  if (shell.options.format !== "text") return yield* shell.document(trashed)
  const shown = shell.outIsTerminal ? safeText : (text: string) => text
  for (const { key, size, trashedAt, uid } of trashed) yield* shell.write(`${uid}  ${timeText(trashedAt)}  ${sizeText(size).padStart(9)}${key === null ? "" : `  ${shown(key)}`}\n`)
  if (trashed.length === 0) yield* shell.note("sheaf: the trash is empty")
})

const lineOf = (uid: string, keys: ReadonlyArray<string>): string => `${uid}${keys.length === 0 ? "" : `  ${keys.map(safeText).join("  ")}`}\n`

const moveToTrash = ({ dryRun, references }: RmInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const deletion = yield* Deletion
    if (!dryRun) yield* deletion.finish
    const report = yield* deletion.trash(references, { dryRun })
    if (shell.options.format !== "text") return yield* shell.document({ ...report, permanent: false })
    if (shell.options.quiet) return
    yield* shell.write(report.artifacts.map(({ keys, uid }) => lineOf(uid, keys)).join(""))
    const count = plural(report.artifacts.length, "artifact")
    const keys = plural(report.artifacts.reduce((sum, one) => sum + one.keys.length, 0), "key")
    yield* dryRun
      ? shell.print(`${count} would be moved to the trash, ${keys} released. Dry run: nothing was changed.`)
      : shell.print(`moved ${count} to the trash, released ${keys}`)
  })

const deletePermanently = ({ deleteSource, dryRun, references, trashed, yes }: RmInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const deletion = yield* Deletion
    const isText = shell.options.format === "text"
    const plan = yield* deletion.plan(references, { deleteSource, trashed })
    // Who is asked has to know about what.
    if (isText && (!shell.options.quiet || !(yes || dryRun))) yield* printPlan(plan)
    if (dryRun) {
      if (!isText) return yield* shell.document({ dryRun, permanent: true, ...plan, removed: null })
      if (!shell.options.quiet) yield* shell.print("Dry run: nothing was changed.")
      return
    }
    if (plan.artifacts.length > 0 && !yes && !(yield* confirm("Delete permanently?"))) return yield* shell.print("Nothing was changed.")
    const report = yield* deletion.deletePermanently(plan)
    const { artifacts, ...removed } = report
    if (!isText) return yield* shell.document({ dryRun, permanent: true, ...plan, artifacts, removed })
    if (!shell.options.quiet) yield* printReport(report)
  })

const printPlan = ({ artifacts, bytes, kept, objects }: DeletionPlan) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    yield* shell.write(artifacts.map(({ inTrash, keys, uid }) => lineOf(inTrash ? `${uid}  (in the trash)` : uid, keys)).join(""))
    const keys = artifacts.reduce((sum, one) => sum + (one.inTrash ? 0 : one.keys.length), 0)
    yield* shell.print(`to be deleted: ${plural(artifacts.length, "artifact")}, ${plural(keys, "key")}, ${plural(objects.length, "object")}, ${sizeText(bytes)}`)
    for (const { path, reason } of kept) yield* shell.print(`stays: ${safeText(path)}  (${reason})`)
  })

const printReport = ({ artifacts, bytes, kept, objects, pending }: DeletionReport) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    yield* shell.print(`deleted ${plural(artifacts.length, "artifact")}, ${plural(objects, "object")}, ${sizeText(bytes)}`)
    for (const { path, reason } of kept) yield* shell.note(`stays: ${safeText(path)}  (${reason})`)
    for (const { objects: left, reason, url } of pending) yield* shell.note(`${shell.errPaint.yellow("warning:")} ${plural(left, "object")} in ${safeText(url)} could not be removed yet; sheaf gc does so: ${safeText(reason)}`)
  })
