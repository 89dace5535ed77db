// Bundles the command into dist/: main.js is small, every command module that is reached by `import()` stays a chunk of its own beside
// it, and each worker thread of the library has an entry. All files are flat in dist/, because the library finds its workers next to the
// chunk it runs from. Files that did not change are left alone, so a build that
// changes nothing never disturbs a command that is running.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const here = dirname(fileURLToPath(import.meta.url))
const outdir = join(here, "dist")

const workers = join(here, "../core/src/workers")
const threads = readdirSync(workers).filter((name) => /(?:Worker|Helper)\.ts$/.test(name)).map((name) => basename(name, ".ts"))

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", ...Object.fromEntries(threads.map((name) => [name, join(workers, `${name}.ts`)])) },
  outdir,
  write: false,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  mainFields: ["module", "main"],
  // Only the native part stays outside: finding and compiling the many small files of the rest takes longer than all of this program.
  external: ["@duckdb/node-bindings"],
  banner: { js: 'import{createRequire as bundledRequire}from"node:module";const require=bundledRequire(import.meta.url);' },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  chunkNames: "[name]-[hash]",
  logLevel: "warning"
}).catch(() => process.exit(1)) // esbuild has already printed what is wrong, and where

mkdirSync(outdir, { recursive: true })
// Chunks before the entries that name them.
const entries = new Set(["main", ...threads].map((name) => `${name}.js`))
outputFiles.sort((a, b) => Number(entries.has(basename(a.path))) - Number(entries.has(basename(b.path))))
for (const { path, contents } of outputFiles) {
  if (existsSync(path) && readFileSync(path).equals(contents)) continue
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, contents)
  renameSync(temporary, path)
}
const current = new Set(outputFiles.map(({ path }) => basename(path)))
for (const name of readdirSync(outdir)) {
  if (!current.has(name)) rmSync(join(outdir, name), { recursive: true, force: true })
}
