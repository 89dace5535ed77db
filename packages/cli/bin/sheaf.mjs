#!/usr/bin/env node
// Starts the bundled command. Everything here runs on every start, so it loads nothing it can do without.
import { existsSync, readFileSync } from "node:fs"
import module from "node:module"

const main = new URL("../dist/main.js", import.meta.url)
const [major, minor] = process.versions.node.split(".").map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`sheaf needs Node 22.19 or later and was started with Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else if (process.argv.length === 3 && process.argv[2] === "--version") {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  process.stdout.write(`${version}\n`)
} else if (existsSync(main)) {
  module.enableCompileCache()
  await import(main.href)
} else {
  process.stderr.write("sheaf is not built yet: run `npm run build` at the top of the checkout, then try again.\n")
  process.exitCode = 1
}
