// Writes docs/guide/driver-conformance.md between its markers: the cases of the suite for storage drivers, and the drivers that are broken on purpose. With --check it
// changes nothing and fails when the page is out of date.
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { brokenDrivers, conformanceCases } from "../packages/storage-testkit/src/index.ts"

const page = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs", "guide", "driver-conformance.md")

const cell = (text) => text.replaceAll("|", "\\|")
const table = (head, rows) => [`| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`)].join("\n")

const generated = {
  cases: table(["case", "what it holds"], conformanceCases.map(({ number, title }) => [String(number), title])),
  "broken drivers": table(["driver", "what it does wrong", "case"], brokenDrivers.map(({ caughtBy, lie, name }) => [`\`${name}\``, lie, String(caughtBy)]))
}

const before = readFileSync(page, "utf8")
let after = before
for (const [name, text] of Object.entries(generated)) {
  const [begin, end] = [`<!-- ${name}: written by scripts/broken-drivers.mjs -->\n`, `\n<!-- end of ${name} -->`]
  const [from, to] = [after.indexOf(begin), after.indexOf(end)]
  if (from < 0 || to < 0) throw new Error(`${page} has no place for ${name}`)
  after = after.slice(0, from + begin.length) + text + after.slice(to)
}

if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("docs/guide/driver-conformance.md is out of date; run: node scripts/broken-drivers.mjs")
    process.exitCode = 1
  } else console.log(`${conformanceCases.length} cases and ${brokenDrivers.length} broken drivers are documented.`)
} else writeFileSync(page, after)
