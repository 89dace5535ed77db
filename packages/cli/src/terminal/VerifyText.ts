/**
 * What verification found, on a page.
 */
import type { VerifyReport } from "@sheaf/core/services/Integrity"
import type { Paint } from "./Paint.ts"
import { placeText } from "./PlaceText.ts"
import { safeText } from "./SafeText.ts"
import { countText, durationText, plural, sizeText } from "./SizeText.ts"

/** A sentence, then a line for everything that is not as it should be. */
export const verifyText = (report: VerifyReport, paint: Paint): string => {
  const { damaged, failed, missing, replaced, sample, unreachable } = report
  const isGood = damaged.length + missing.length + failed.length + unreachable.length === 0
  const counts = ([["ok", report.ok], ["damaged", damaged.length], ["missing", missing.length], ["not readable", failed.length]] as const)
    .filter(([name, n]) => n > 0 || name === "ok")
    .map(([name, n]) => `${countText(n)} ${name}`)
  const verdict = isGood && report.checked > 0 ? paint.green("all are what they were") : counts.join(", ")
  return [
    `${paint.bold(plural(report.checked, "copy", "copies"))}, ${sizeText(report.bytes)} read in ${durationText(report.seconds)}: ${verdict}`,
    ...(sample === null ? [] : [`A sample of ${Number((sample.share * 100).toPrecision(3))} %, drawn with --seed ${safeText(sample.seed)}.`]),
    ...damaged.map((one) => `  ${paint.red("damaged")}  ${one.uid}  ${safeText(one.path)}  (expected ${one.expected}, found ${one.found})`),
    ...missing.map((one) => `  ${paint.red("missing")}  ${one.uid}  ${safeText(one.path)}`),
    ...failed.map((one) => `  ${paint.yellow("unread ")}  ${one.uid}  ${safeText(one.path)}  (${safeText(one.message)})`),
    ...unreachable.map((one) =>
      `  ${paint.yellow("unreachable")}  ${one.name === null ? "" : `${safeText(one.name)} `}${placeText(one.url)}: ${safeText(one.reason)}; ${plural(one.copies, "copy", "copies")} not checked`),
    ...(replaced === 0 ? [] : [`${plural(replaced, "file")} registered in place ${replaced === 1 ? "has" : "have"} other content since: not copies of the earlier versions any more.`]),
    ...(report.notRecorded === null ? [] : [paint.yellow(`What was found could not be recorded: ${safeText(report.notRecorded)}`)]),
    ...(report.interrupted ? [paint.yellow("Interrupted: not everything was read.")] : [])
  ].join("\n")
}
