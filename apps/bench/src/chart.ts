/** Draws the chart of results files and writes their table into a document. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { REPOSITORY } from "./Bench.ts"
import { drawChart } from "./report/Chart.ts"
import { renderMarkdown, replaceBetweenMarkers } from "./report/MarkdownTable.ts"
import type { Results } from "./Results.ts"

const HELP = `Usage: node apps/bench/src/chart.ts RESULTS.json… [--out FILE] [--readme FILE]

Draws the comparisons of one or several results files as an SVG (default docs/bench.svg) and prints them as a Markdown table.
With --readme the table is also written between <!-- bench:start --> and <!-- bench:end --> of that file.
`

const main = (): void => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: "string" }, readme: { type: "string" }, help: { type: "boolean", short: "h" } }
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return
  }
  if (positionals.length === 0) throw new Error(`Name at least one results file.\n\n${HELP}`)
  const runs = positionals.map(readResults)
  const out = values.out ?? join(REPOSITORY, "docs/bench.svg")
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, drawChart(runs))
  const table = renderMarkdown(runs)
  if (values.readme !== undefined) writeFileSync(values.readme, replaceBetweenMarkers(readFileSync(values.readme, "utf8"), table))
  process.stdout.write(`${table}\n`)
}

const readResults = (file: string): Results => {
  const results = JSON.parse(readFileSync(file, "utf8")) as Partial<Results>
  if (results.format !== 1 || results.workloads === undefined) throw new Error(`${file} is not a results file of this benchmark`)
  const wrong = results.workloads.flatMap((workload) => workload.errors)
  if (wrong.length > 0) throw new Error(`${file} holds wrong results, which are not drawn: ${wrong.join("; ")}`)
  return results as Results
}

try {
  main()
} catch (cause) {
  process.stderr.write(`chart: ${(cause as Error).message}\n`)
  process.exitCode = 2
}
