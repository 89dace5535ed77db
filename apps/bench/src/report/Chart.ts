/** Draws comparisons as an SVG of horizontal bars, shorter is better, that reads well on light and on dark pages. */
import type { Results } from "../Results.ts"
import { captionOf, comparisonsOf, type Comparison, type MeasuredContestant } from "./Comparisons.ts"
import { formatNumber, formatSeconds } from "./Format.ts"

/** The chart of one or several runs; throws when nothing in them can be compared. */
export const drawChart = (runs: readonly Results[]): string => {
  const comparisons = comparisonsOf(runs)
  if (comparisons.length === 0) throw new Error("These results hold no comparison of sheaf with another program")
  let y = 34
  const parts: string[] = []
  for (const comparison of comparisons) {
    parts.push(drawPanel(comparison, y))
    y += panelHeight(comparison)
  }
  const height = y + 24
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">Time that sheaf and other programs take for the same work</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="note" x="${MARGIN}" y="22">Time taken, shorter is better. The thin line spans the fastest and the slowest run.</text>`,
    ...parts,
    `<text class="note" x="${MARGIN}" y="${height - 12}">${escapeXml(captionOf(runs))}</text>`,
    "</svg>",
    ""
  ].join("\n")
}

const WIDTH = 880
const MARGIN = 20
const BAR_LEFT = 190
const BAR_WIDTH = 420
const ROW = 24
const HEAD = 34
const GAP = 16

const STYLE = [
  "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}",
  ".page{fill:#ffffff}.head{font-weight:600}.note{font-size:12px;fill:#59636e}.value{font-variant-numeric:tabular-nums}",
  ".ours{fill:#0f7b6c}.peer{fill:#b6bec8}.spread{stroke:#1f2328;stroke-width:1.5}.oursText{font-weight:600}",
  "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.note{fill:#9198a1}.ours{fill:#2fbfa8}.peer{fill:#4b5563}.spread{stroke:#e6edf3}}"
].join("")

const panelHeight = (comparison: Comparison): number => HEAD + comparison.contestants.length * ROW + GAP

const drawPanel = ({ title, workload, contestants, result }: Comparison, top: number): string => {
  const longest = Math.max(...contestants.map((c) => c.elapsed.max))
  const x = (seconds: number) => BAR_LEFT + Math.max(2, (seconds / longest) * BAR_WIDTH)
  const rows = contestants.map((c, row) => drawRow(c, top + HEAD + row * ROW, x, result.items > 1 ? result.unit : undefined))
  return [`<text class="head" x="${MARGIN}" y="${top + 22}">${escapeXml(`${workload}  ${title}`)}</text>`, ...rows].join("\n")
}

const drawRow = (c: MeasuredContestant, top: number, x: (seconds: number) => number, unit: string | undefined): string => {
  const ours = c.kind === "sheaf"
  const { median, min, max } = c.elapsed
  const middle = top + ROW / 2
  const rate = unit === undefined || c.rate === undefined ? "" : ` · ${formatNumber(c.rate)} ${unit}/s`
  const spread = x(max) - x(min) < 1 ? [] : [`<line class="spread" x1="${round(x(min))}" x2="${round(x(max))}" y1="${middle}" y2="${middle}"/>`]
  return [
    `<text x="${BAR_LEFT - 10}" y="${middle + 4}" text-anchor="end"${ours ? ' class="oursText"' : ""}>${escapeXml(c.name)}</text>`,
    `<rect class="${ours ? "ours" : "peer"}" x="${BAR_LEFT}" y="${top + 4}" width="${round(x(median) - BAR_LEFT)}" height="${ROW - 8}" rx="2"/>`,
    ...spread,
    `<text class="value${ours ? " oursText" : ""}" x="${round(x(Math.max(median, max)) + 8)}" y="${middle + 4}">${escapeXml(formatSeconds(median) + rate)}</text>`
  ].join("\n")
}

const round = (value: number): number => Math.round(value * 10) / 10

const escapeXml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
