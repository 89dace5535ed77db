/**
 * What an ingest did, on a page.
 */
import type { IngestCounts, IngestSkip, IngestSummary } from "@sheaf/core/domain/IngestReport"
import type { Paint } from "./Paint.ts"
import { placeText } from "./PlaceText.ts"
import { safeText } from "./SafeText.ts"
import { countText, durationText, plural, sizeText } from "./SizeText.ts"

/** Failures, and warnings, that the text lists; JSON has them all. */
const LISTED = 20

const OUTCOME_TEXTS: ReadonlyArray<readonly [outcome: Exclude<keyof IngestCounts, "files">, text: string]> = [
  ["created", "created"],
  ["newVersion", "new versions"],
  ["existing", "existing"],
  ["keyed", "existing, given their first key"],
  ["aliased", "existing under another key, given this one too"],
  ["moved", "existing, key moved to them"],
  ["skipped", "skipped"],
  ["failed", "failed"]
]

const skipsByReason = (skips: ReadonlyArray<IngestSkip>): string => {
  const reasons = new Map<string, number>()
  for (const { reason } of skips) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  return [...reasons].map(([reason, n]) => `${countText(n)} ${reason}`).join(", ")
}

/** All counts that are not zero, bytes, time and rate. */
export const ingestText = (summary: IngestSummary, paint: Paint): string => {
  const { counts } = summary
  const width = countText(counts.files).length
  const verb = summary.dryRun ? "would be registered" : "registered"
  const place = summary.mode === "in-place" ? `${verb} where they are, in` : `${summary.dryRun ? "would be copied" : "copied"} into`
  const lines = [
    `${paint.bold(plural(counts.files, "file"))}, ${sizeText(summary.bytes)} in ${durationText(summary.seconds)} (${countText(summary.filesPerSecond)} files/s), ${place} ${placeText(summary.storage)}`
  ]
  for (const [outcome, text] of OUTCOME_TEXTS) {
    const n = counts[outcome]
    if (n === 0) continue
    const line = `  ${countText(n).padStart(width)} ${text}${outcome === "skipped" ? ` (${skipsByReason(summary.skips)})` : ""}`
    lines.push(outcome === "failed" ? paint.red(line) : outcome === "created" || outcome === "newVersion" ? paint.green(line) : line)
  }
  if (summary.unopened > 0) lines.push(paint.dim(`${countText(summary.unopened)} had not changed since they were last read, and were not opened.`))
  if (summary.labels.length > 0) lines.push(`All have the ${summary.labels.length === 1 ? "label" : "labels"} ${summary.labels.map(safeText).join(", ")}.`)
  if (summary.collection !== null) lines.push(`They are the collection ${safeText(summary.collection)}${summary.collectionUid === null ? "" : ` (${summary.collectionUid})`}.`)
  if (summary.dryRun) lines.push("Dry run: nothing was changed.")
  if (summary.interrupted) lines.push(paint.yellow("Interrupted: run the same command again to finish; what was saved is recognised."))
  return lines.join("\n")
}

const firstOf = <A>(all: ReadonlyArray<A>, line: (one: A) => string): ReadonlyArray<string> => [
  ...all.slice(0, LISTED).map(line),
  ...(all.length > LISTED ? [`… and ${countText(all.length - LISTED)} more; --json lists all`] : [])
]

/** Lines for stderr: the first warnings and failures, each with its reason, and how many more there are. */
export const troubleLines = ({ failures, warnings }: IngestSummary, paint: Paint): ReadonlyArray<string> => [
  ...firstOf(warnings, (one) => `${paint.yellow("warning:")} ${safeText(one.message)}`),
  ...firstOf(failures, (one) => `${paint.red("failed:")} ${safeText(one.path)}: ${safeText(one.message)}`)
]
