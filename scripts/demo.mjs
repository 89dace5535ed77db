// `npm run demo`: makes a realistic directory in ./demo and takes it through the command line: every line that starts with `$` is run as it stands.
// The directory stays, so that you can go on from there.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeDataSet } from "../apps/bench/src/data/DataSets.ts"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const demo = join(root, "demo")
const mark = join(demo, "made-by-npm-run-demo.txt")
const { SHEAF_INSTANCE: _, ...inherited } = process.env
const env = { ...inherited, PATH: join(root, "node_modules", ".bin") + delimiter + (process.env.PATH ?? "") }

if (existsSync(demo)) {
  if (!existsSync(mark)) stop(`${demo} was not made by this demo. Move it away, then run \`npm run demo\` again.`)
  rmSync(demo, { recursive: true, force: true })
}
mkdirSync(demo)
writeFileSync(mark, "`npm run demo` made this directory and replaces it when it runs again.\n")

say("A sequencing run of 15 files, beside the mixed folder of a research group: duplicates, empty files, hostile names.")
const facts = makeDataSet(join(demo, "data"), { name: "X", scale: 0.05, seed: 1 })
console.log(`Made ${count(facts.files)} files in ${count(facts.folders)} folders, ${mebibytes(facts.bytes)}, in demo/data.`)

say("An instance is a directory with a registry and a storage root.")
sheaf("init")

say("Ingest the directory: every file is hashed, copied into storage, and named by a key.")
const first = sheaf("ingest", "data")

say("Keys are paths, whatever the places of the bytes.")
sheaf("tree", "data/sample_001")
sheaf("ls", "data/sample_001/filtered_feature_bc_matrix/")
sheaf("show", "data/sample_001/filtered_feature_bc_matrix/matrix.mtx.gz")

say("Again, with nothing changed: every file is recognised by its stat data.")
const second = sheaf("ingest", "data")

const comparison = run("cp", ["-r", "data", "copy"])
rmSync(join(demo, "copy"), { recursive: true, force: true })

const artifacts = JSON.parse(spawnSync("sheaf", ["ls", "--json"], { cwd: demo, env, encoding: "utf8", maxBuffer: 1 << 30 }).stdout)
const keys = artifacts.reduce((sum, artifact) => sum + artifact.keys.length, 0)
if (keys !== facts.files) stop(`${facts.files} files were ingested and ${keys} keys are registered. This is a defect: please report it.`)

say("What happened")
console.log(
  [
    `  ${count(facts.files)} files, ${mebibytes(facts.bytes)}: ${count(keys)} keys name ${count(artifacts.length)} artifacts (equal content is kept once)`,
    `  first ingest   ${seconds(first)}   (${count(Math.round(facts.files / first))} files/s, with start and end of the program)`,
    `  second ingest  ${seconds(second)}   (nothing changed)`,
    `  cp -r data     ${seconds(comparison)}   (for comparison: copies, hashes nothing, waits for no disk)`,
    "",
    "  Look around: cd demo && PATH=$PWD/../node_modules/.bin:$PATH && sheaf --help"
  ].join("\n")
)

function sheaf(...args) {
  console.log(`\n$ sheaf ${args.join(" ")}`)
  return run("sheaf", args)
}

/** Runs a command in the demo directory; the result is its wall time in seconds. */
function run(command, args) {
  const started = performance.now()
  const result = spawnSync(command, args, { cwd: demo, env, stdio: "inherit", shell: process.platform === "win32" })
  if (result.error) stop(`${command} could not be started: ${result.error.message}`)
  if (result.status !== 0) stop(`\`${command} ${args.join(" ")}\` ended with exit ${result.status ?? result.signal}.`)
  return (performance.now() - started) / 1000
}

function say(text) {
  console.log(`\n# ${text}`)
}

function stop(message) {
  console.error(`\n${message}`)
  process.exit(1)
}

function count(n) {
  return n.toLocaleString("en-US")
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function seconds(value) {
  return `${value.toFixed(2).padStart(6)} s`
}
