// Holds the documentation to what it says. Every fenced block marked `sh run` or `ts run` in README.md and docs/guide/*.md is executed,
// in order, one shell session per file, in an empty directory with node_modules/.bin on the PATH; the TypeScript blocks are type-checked first.
// Every relative link and anchor of every Markdown file must lead somewhere.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const work = mkdtempSync(join(tmpdir(), "sheaf-docs-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))

/** Longest time one document's blocks may take together, in milliseconds. */
const sessionLimit = 300_000
const blockMark = "\u0001block "

const problems = []
const documents = markdownFiles().map((path) => ({ path, name: relative(root, path).split(sep).join("/"), ...parse(readFileSync(path, "utf8")) }))
const only = process.argv.slice(2)
const runnable = documents.filter(
  ({ name, blocks }) => (name === "README.md" || /^docs\/guide\/[^/]+\.md$/.test(name)) && (only.length === 0 || only.includes(name)) && blocks.some(isRun)
)

let links = 0
for (const document of documents) checkLinks(document)
for (const { name, blocks } of documents) {
  if (!runnable.some((document) => document.name === name) && only.length === 0) {
    for (const block of blocks.filter(isRun)) problems.push(`${name}:${block.line}: only README.md and docs/guide/*.md are executed, so this block must not be marked "run"`)
  }
}
linkWorkspace()
if (typecheck()) for (const document of runnable) runSession(document)

for (const problem of problems) console.error(problem)
const ran = runnable.reduce((sum, { blocks }) => sum + blocks.filter(isRun).length, 0)
console.log(
  problems.length === 0
    ? `${ran} blocks of ${runnable.length} documents ran; ${links} links of ${documents.length} Markdown files lead somewhere.`
    : `${problems.length} problems in the documentation.`
)
process.exitCode = problems.length === 0 ? 0 : 1

function isRun({ info }) {
  return /^(sh|ts)\s+run\b/.test(info)
}

function markdownFiles(directory = root) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return /^(node_modules|dist|demo|coverage|\.git|\.turbo)$/.test(entry.name) ? [] : markdownFiles(path)
    return entry.isFile() && entry.name.endsWith(".md") ? [path] : []
  })
}

/** Fenced blocks, and the text outside them with its line numbers kept. */
function parse(text) {
  const blocks = []
  const prose = []
  let open
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/.exec(line)
    if (open === undefined && fence !== null) {
      open = { fence: fence[2], info: fence[3].trim(), line: index + 1, lines: [] }
      prose.push("")
    } else if (open === undefined) {
      prose.push(line)
    } else {
      prose.push("")
      if (fence !== null && fence[3] === "" && fence[2].startsWith(open.fence)) {
        blocks.push({ info: open.info, line: open.line, code: `${open.lines.join("\n")}\n` })
        open = undefined
      } else open.lines.push(line)
    }
  }
  if (open !== undefined) blocks.push({ info: open.info, line: open.line, code: `${open.lines.join("\n")}\n` })
  return { blocks, prose }
}

function checkLinks({ path, name, prose }) {
  for (const [index, line] of prose.entries()) {
    for (const target of linkTargets(line)) {
      if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) continue
      links++
      const [file, anchor] = target.split("#")
      const destination = file === "" ? path : resolve(dirname(path), decodeURIComponent(file))
      const where = `${name}:${index + 1}`
      if (relative(root, destination).startsWith("..")) problems.push(`${where}: the link ${target} leaves the repository`)
      else if (!existsSync(destination)) problems.push(`${where}: the link ${target} leads nowhere`)
      else if (anchor !== undefined && anchor !== "" && destination.endsWith(".md") && !anchors(destination).has(anchor)) {
        problems.push(`${where}: ${relative(root, destination)} has no heading for #${anchor}`)
      }
    }
  }
}

function* linkTargets(line) {
  const text = line.replace(/(`+)[^`].*?\1/g, "")
  for (const [, target] of text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)) yield target
  for (const [, target] of text.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/g)) yield target
  for (const [, target] of text.matchAll(/<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"\s]+)"/g)) yield target
}

/** The anchors that a Markdown file's headings get when it is shown on a code host, and those it sets itself. */
function anchors(path) {
  const found = new Set()
  if (statSync(path).isDirectory()) return found
  const seen = new Map()
  for (const line of parse(readFileSync(path, "utf8")).prose) {
    for (const [, id] of line.matchAll(/<[a-z0-9]+\b[^>]*?\b(?:id|name)="([^"]+)"/g)) found.add(id)
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(line)
    if (heading === null) continue
    const plain = heading[1].replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]+>/g, "").replace(/[`*]/g, "")
    const slug = plain.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replace(/ /g, "-")
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    found.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return found
}

/** Gives the documents' TypeScript the packages of this workspace, and what these ask their users to have. */
function linkWorkspace() {
  const modules = join(work, "node_modules")
  mkdirSync(join(modules, "@sheaf"), { recursive: true })
  mkdirSync(join(modules, "@types"))
  for (const directory of ["packages", "examples"].flatMap((group) => readdirSync(join(root, group)).map((entry) => join(root, group, entry)))) {
    if (!existsSync(join(directory, "package.json"))) continue
    const link = join(modules, JSON.parse(readFileSync(join(directory, "package.json"), "utf8")).name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(directory, link, "junction")
  }
  symlinkSync(join(root, "packages", "core", "node_modules", "effect"), join(modules, "effect"), "junction")
  symlinkSync(join(root, "node_modules", "@types", "node"), join(modules, "@types", "node"), "junction")
  writeFileSync(join(work, "package.json"), JSON.stringify({ private: true, type: "module" }))
  writeFileSync(
    join(work, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
      include: ["blocks/*.ts"]
    })
  )
}

function blockFile({ name }, block) {
  return join(work, "blocks", `${name.replace(/[^A-Za-z0-9]+/g, "-")}-line-${block.line}.ts`)
}

function typecheck() {
  mkdirSync(join(work, "blocks"))
  let written = 0
  for (const document of runnable) {
    for (const block of document.blocks.filter((candidate) => isRun(candidate) && candidate.info.startsWith("ts"))) {
      writeFileSync(blockFile(document, block), block.code.includes("export ") || block.code.includes("import ") ? block.code : `${block.code}export {}\n`)
      written++
    }
  }
  if (written === 0) return true
  const result = spawnSync("tsc", ["-p", work], { cwd: work, encoding: "utf8", env: environment(work) })
  if (result.status === 0) return true
  problems.push(`A TypeScript block does not type-check (the file name says which):\n${result.stdout}${result.stderr}`)
  return false
}

function runSession(document) {
  const directory = mkdtempSync(join(work, "session-"))
  const home = mkdtempSync(join(work, "home-"))
  const blocks = document.blocks.filter(isRun)
  const script = ["set -eu", "exec 2>&1"]
  for (const [index, block] of blocks.entries()) {
    script.push(`printf '${blockMark}%s\\n' ${index}`)
    script.push(block.info.startsWith("ts") ? `node ${JSON.stringify(blockFile(document, block))}` : block.code)
  }
  const file = join(home, "session.sh")
  writeFileSync(file, `${script.join("\n")}\n`)
  const result = spawnSync("bash", [file], {
    cwd: directory,
    encoding: "utf8",
    env: environment(home),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: sessionLimit,
    maxBuffer: 64 * 1024 * 1024
  })
  const parts = (result.stdout ?? "").split(blockMark)
  const last = parts.at(-1) ?? ""
  if (result.status === 0) {
    console.log(`${document.name}: ${blocks.length} blocks ran`)
    return
  }
  const block = blocks[Number.parseInt(last, 10)] ?? blocks[0]
  const why = result.error?.message ?? (result.signal === null ? `exit ${result.status}` : `signal ${result.signal}`)
  problems.push(`${document.name}:${block.line}: this block failed (${why}):\n${indent(block.code)}\n  it printed:\n${indent(last.slice(last.indexOf("\n") + 1) + (result.stderr ?? ""))}`)
}

function environment(home) {
  const { SHEAF_INSTANCE: _, ...inherited } = process.env
  return { ...inherited, HOME: home, PATH: join(root, "node_modules", ".bin") + delimiter + (process.env.PATH ?? ""), NO_COLOR: "1" }
}

function indent(text) {
  return text.trimEnd().split("\n").map((line) => `    ${line}`).join("\n")
}
