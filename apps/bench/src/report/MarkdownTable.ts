/** Writes comparisons as a Markdown table, and puts it between the markers of a document. */
import type { Results } from "../Results.ts"
import { captionOf, comparisonsOf, type Comparison } from "./Comparisons.ts"
import { formatBytes, formatFactor, formatSeconds } from "./Format.ts"

/** The line after which the table stands. */
const TABLE_START = "<!-- bench:start -->"

/** The line before which the table stands. */
const TABLE_END = "<!-- bench:end -->"

/** The table with a caption; a factor says how many times as long as sheaf the other program takes. */
export const renderMarkdown = (runs: readonly Results[]): string => {
  const rows = comparisonsOf(runs).flatMap(renderRows)
  return ["| | work | sheaf | others | memory | of the limit |", "|---|---|---|---|---|---|", ...rows, "", `${captionOf(runs)}.`].join("\n")
}

/** Replaces what stands between the markers; throws when the document does not hold both, once and in order. */
export const replaceBetweenMarkers = (document: string, table: string): string => {
  const start = document.indexOf(TABLE_START)
  const end = document.indexOf(TABLE_END)
  if (start < 0 || end < start || document.indexOf(TABLE_START, start + 1) >= 0 || document.indexOf(TABLE_END, end + 1) >= 0) {
    throw new Error(`The document must hold ${TABLE_START} and, below it, ${TABLE_END}, once each`)
  }
  return `${document.slice(0, start + TABLE_START.length)}\n${table}\n${document.slice(end)}`
}

const renderRows = ({ workload, title, result, contestants }: Comparison): string[] => {
  const peers = contestants.filter((c) => c.kind === "peer")
  return contestants
    .filter((c) => c.kind === "sheaf")
    .map((ours, i) => {
      const { median, min, max, runs } = ours.elapsed
      const time = runs > 1 ? `**${formatSeconds(median)}** (${formatSeconds(min)} to ${formatSeconds(max)})` : `**${formatSeconds(median)}**`
      const others = peers.map((c) => `${c.name} ${formatSeconds(c.elapsed.median)} (${formatFactor(c.elapsed.median / median)})`).join(", ")
      const memory = ours.peakMemory === undefined ? "" : formatBytes(ours.peakMemory.max)
      const score = i === 0 && result.score?.kind === "score" ? result.score.value.toFixed(2) : ""
      const name = ours.name === "sheaf" ? title : `${title}; ${ours.name}`
      return `| ${[workload, name, time, others, memory, score].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
    })
}
