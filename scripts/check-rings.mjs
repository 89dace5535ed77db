// Holds the direction of imports. In packages/core/src a file imports from its own ring or an earlier one; storage drivers know only
// core's domain, ports and workers, by the package's exports, and the kit for them the layers and what is for tests as well; core knows no other package of this repository; nothing reaches into another package by a relative path.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const rings = ["domain", "ports", "workers", "services", "layers", "testing"]
/** What only the outer rings may load: the domain does no input or output, and the engine stays behind the layers. */
const restricted = [
  { rings: ["domain"], pattern: /^node:(fs|child_process|worker_threads|net|http|https)(\/|$)/, reason: "the domain does no input or output" },
  { rings: ["domain", "ports", "workers", "services"], pattern: /^@duckdb\//, reason: "the database engine is known to layers/ alone" }
]

/** Strings are matched so that the comment signs inside them are not taken for comments. */
const stringsAndComments = /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g

const problems = []
let files = 0
for (const packageDir of ["packages", "apps", "examples"].flatMap(packagesIn)) {
  for (const directory of ["src", "test"]) {
    for (const file of sources(join(packageDir, directory))) {
      files++
      for (const { specifier, line } of imports(readFileSync(file, "utf8"))) {
        const problem = judge(packageDir, directory, file, specifier)
        if (problem !== undefined) problems.push(`${relative(root, file)}:${line}: imports "${specifier}": ${problem}`)
      }
    }
  }
}
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? `Import rings hold in ${files} files.` : `${problems.length} imports go the wrong way.`)
process.exitCode = problems.length === 0 ? 0 : 1

function judge(packageDir, directory, file, specifier) {
  const name = relative(root, packageDir).split(sep).join("/")
  if (specifier.startsWith(".")) {
    const target = join(dirname(file), specifier)
    // A test of core may use a driver, which core itself cannot name without making the packages depend on each other in a circle.
    if (relative(packageDir, target).startsWith("..")) return directory === "test" ? undefined : "leaves its package; use the other package's exports"
    if (name === "packages/core" && directory === "src") return judgeRing(packageDir, file, target)
    return undefined
  }
  if (name === "packages/core") {
    if (/^@sheaf\/(?!core(\/|$))/.test(specifier)) return "core knows no driver and no program"
    const ring = ringOf(packageDir, file)
    if (directory === "src") return restricted.find((rule) => rule.rings.includes(ring) && rule.pattern.test(specifier))?.reason
  }
  if (name.startsWith("packages/storage-") && directory === "src" && specifier.startsWith("@sheaf/") && !/^@sheaf\/core\/(domain|ports|workers)\//.test(specifier)) {
    const isKit = name === "packages/storage-testkit" && /^@sheaf\/core\/(layers|testing)\//.test(specifier)
    if (!isKit) return "a driver's source knows only @sheaf/core/domain/…, @sheaf/core/ports/… and @sheaf/core/workers/…"
  }
  return undefined
}

function judgeRing(packageDir, file, target) {
  const from = ringOf(packageDir, file)
  const to = ringOf(packageDir, target)
  if (from === undefined) return undefined
  if (to === undefined) return `a file of ${from}/ does not import what composes it`
  return rings.indexOf(to) > rings.indexOf(from) ? `${from}/ comes before ${to}/` : undefined
}

/** The ring of a file of core, or undefined for the files at the top that put the rings together. */
function ringOf(packageDir, file) {
  const first = relative(join(packageDir, "src"), file).split(sep)[0]
  return rings.includes(first) ? first : undefined
}

function* imports(text) {
  const code = text.replace(stringsAndComments, (match, string) => string ?? match.replace(/[^\n]/g, " "))
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+|\bnew URL\(\s*)"([^"\n]+)"/gm
  for (const match of code.matchAll(pattern)) {
    yield { specifier: match[1], line: code.slice(0, match.index + match[0].length).split("\n").length }
  }
}

function packagesIn(group) {
  const directory = join(root, group)
  if (!existsSync(directory)) return []
  return readdirSync(directory).map((name) => join(directory, name)).filter((path) => existsSync(join(path, "package.json")))
}

function sources(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true }).filter((name) => /\.(ts|mjs)$/.test(name)).map((name) => join(directory, name)).toSorted()
}
