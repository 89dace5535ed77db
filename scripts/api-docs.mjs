// The API reference in docs/api, made from the sources: a page for each module that has public exports, each export with its doc comment, its
// signature as it is written, and the errors of its calls. `--check` changes nothing and fails when a page is out of date.
// An export or a call without a doc comment is a failure.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { ApiPages } from "./api/ApiPages.mjs"
import { Sources } from "./api/SourceModules.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(root, "docs", "api")
const checking = process.argv.includes("--check")

const sources = new Sources(root)
const core = join(root, "packages", "core", "src")
const entries = [
  { specifier: "@sheaf/core/promise", path: join(core, "Promise.ts") },
  { specifier: "@sheaf/core", path: join(core, "index.ts") },
  ...readdirSync(join(core, "ports")).toSorted().map((file) => ({ specifier: `@sheaf/core/ports/${file.slice(0, -3)}`, path: join(core, "ports", file) })),
  { specifier: "@sheaf/storage-gcs", path: join(root, "packages", "storage-gcs", "src", "index.ts") },
  { specifier: "@sheaf/storage-local", path: join(root, "packages", "storage-local", "src", "index.ts") },
  { specifier: "@sheaf/storage-s3", path: join(root, "packages", "storage-s3", "src", "index.ts") },
  { specifier: "@sheaf/storage-testkit", path: join(root, "packages", "storage-testkit", "src", "index.ts") },
  { specifier: "@sheaf/storage-testkit/vitest", path: join(root, "packages", "storage-testkit", "src", "Vitest.ts") }
]

const { files, problems } = new ApiPages(root, entries.map(({ path, specifier }) => ({ specifier, module: sources.module(path) }))).render()

for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(`${problems.length} doc comments are missing: every export and every call says in a sentence what it is.`)
  process.exitCode = 1
}

const present = existsSync(output) ? readdirSync(output, { recursive: true }).map((name) => name.replaceAll("\\", "/")).filter((name) => name.endsWith(".md")) : []
const stale = [
  ...present.filter((name) => !files.has(name)),
  ...[...files].filter(([name, text]) => !present.includes(name) || readFileSync(join(output, name), "utf8") !== text).map(([name]) => name)
]
if (checking) {
  for (const name of stale) console.error(`docs/api/${name} is out of date`)
  if (stale.length > 0) {
    console.error("Make the pages anew with: npm run api")
    process.exitCode = 1
  }
} else {
  rmSync(output, { recursive: true, force: true })
  for (const [name, text] of files) {
    mkdirSync(dirname(join(output, name)), { recursive: true })
    writeFileSync(join(output, name), text)
  }
}
if (process.exitCode !== 1) console.log(`${files.size} pages in docs/api${checking ? " are up to date" : stale.length === 0 ? ", unchanged" : `, ${stale.length} of them changed`}.`)
