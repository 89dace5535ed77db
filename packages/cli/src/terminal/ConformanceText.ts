/**
 * What the suite for storage drivers costs, and what it found out about a root.
 */
import type { ConformanceCost, RootConformanceReport } from "@sheaf/storage-testkit"
import type { Paint } from "./Paint.ts"
import { safeText } from "./SafeText.ts"
import { countText, durationText, plural, sizeText } from "./SizeText.ts"

/** About what a run asks of the store, in a sentence. */
export const costText = ({ bytesRead, bytesWritten, cases, requests }: ConformanceCost): string =>
  `The suite runs ${plural(cases, "case")}: about ${countText(roundUp(requests))} requests, ${sizeText(bytesWritten)} written and ${sizeText(bytesRead)} read, in a folder .sheaf/verify-… that is removed afterwards.`

/** A sentence, then a line for every case that did not pass. */
export const casesText = (report: RootConformanceReport & { readonly seconds: number }, paint: Paint): string => {
  const { cases, failed, passed, skipped } = report
  const verdict = failed > 0 ? paint.red(`${countText(failed)} failed`) : report.interrupted ? paint.yellow("interrupted") : paint.green("none failed")
  return [
    `${paint.bold(`${plural(passed, "case")} passed`)}, ${verdict}, ${countText(skipped)} skipped in ${durationText(report.seconds)} ` +
    `(${plural(report.requests, "request")}, ${sizeText(report.bytesWritten)} written, ${sizeText(report.bytesRead)} read)`,
    ...cases.filter(({ outcome }) => outcome !== "passed").map(({ number, outcome, reason, title }) =>
      `  ${outcome === "failed" ? paint.red("failed ") : paint.dim("skipped")}  ${String(number).padStart(2)}  ${title}: ${safeText(reason ?? "")}`),
    ...(report.interrupted ? [paint.yellow("Interrupted: not all cases were run.")] : [])
  ].join("\n")
}

/** To two digits. */
const roundUp = (n: number): number => {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, n))) - 1)
  return Math.ceil(n / step) * step
}
