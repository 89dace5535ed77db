// Packs every published package as it would be published, checks the tarballs (publint, attw), and then uses them as a stranger would:
// unpacked into an empty project, imported by every documented entry point, type-checked, and the command run once.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const work = mkdtempSync(join(tmpdir(), "sheaf-packages-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))

const published = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((directory) => existsSync(join(directory, "package.json")))
  .map((directory) => ({ directory, manifest: JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) }))
  .filter(({ manifest }) => manifest.private !== true)

const consumer = join(work, "consumer")
mkdirSync(join(consumer, "node_modules", "@sheaf"), { recursive: true })
writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))

for (const { directory, manifest } of published) {
  const packed = join(work, manifest.name.replace("/", "-"))
  mkdirSync(packed)
  run("pnpm", ["pack", "--pack-destination", packed], directory)
  const tarball = join(packed, readdirSync(packed).find((name) => name.endsWith(".tgz")))
  run("publint", ["run", tarball, "--strict"], root)
  // attw judges type entry points; a package that is a command alone has none.
  if (manifest.exports !== undefined) run("attw", [tarball, "--profile", "esm-only", "--format", "ascii"], root)
  const installed = join(consumer, "node_modules", manifest.name)
  mkdirSync(installed, { recursive: true })
  run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"], root)
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, "@types/node": "" })) link(directory, dependency)
  const files = readdirSync(installed, { recursive: true })
  for (const needed of ["LICENSE", "README.md"]) {
    if (!files.includes(needed)) fail(`${manifest.name} is packed without ${needed}`)
  }
  console.log(`${manifest.name}: packed, ${files.length} files and folders`)
}

const entries = published.flatMap(({ manifest }) => Object.keys(manifest.exports ?? {}).flatMap((path) => (path === "./*" ? modulesOf(manifest.name) : [manifest.name + path.slice(1)])))
const imported = entries.map((entry, n) => `import * as m${n} from ${JSON.stringify(entry)}`)
const counts = `console.log([${entries.map((_, n) => `Object.keys(m${n}).length`).join(", ")}].join(" "))`
writeFileSync(join(consumer, "use.ts"), [...imported, counts, ""].join("\n"))
writeFileSync(
  join(consumer, "tsconfig.json"),
  JSON.stringify({ compilerOptions: { module: "NodeNext", target: "ES2023", strict: true, noEmit: true, skipLibCheck: false, types: ["node"] }, files: ["use.ts"] })
)
run("tsc", ["-p", consumer], consumer)
run(process.execPath, [join(consumer, "use.ts")], consumer)
console.log(`Imported and type-checked from the tarballs: ${entries.length} entry points`)

const command = join(consumer, "node_modules", "@sheaf", "cli", "bin", "sheaf.mjs")
mkdirSync(join(consumer, "data"))
writeFileSync(join(consumer, "data", "a.txt"), "hello\n")
run(process.execPath, [command, "init", "instance"], consumer)
run(process.execPath, [command, "ingest", "data", "--instance", "instance"], consumer)
run(process.execPath, [command, "cat", "data/a.txt", "--instance", "instance"], consumer)
console.log("The packed command made an instance and ingested into it.")

/** Every module behind a `./*` export, except those that only run inside a test runner or a worker thread. */
function modulesOf(name) {
  const dist = join(consumer, "node_modules", name, "dist")
  return readdirSync(dist, { recursive: true })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".js") && !/(^|\/)index\.js$|Conformance|Worker\.js$|Helper\.js$/.test(file))
    .map((file) => `${name}/${file.slice(0, -".js".length)}`)
    .toSorted()
}

/** Only what the package itself declares is put where it can find it. */
function link(from, dependency) {
  if (dependency.startsWith("@sheaf/")) return
  const target = join(consumer, "node_modules", dependency)
  const source = [join(from, "node_modules", dependency), join(root, "node_modules", dependency)].find(existsSync)
  if (source === undefined) fail(`${dependency} is not installed`)
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(realpathSync(source), target, "junction")
}

function run(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" } })
  if (result.error) fail(`${program} could not be started: ${result.error.message}`)
  if (result.status !== 0) {
    process.stdout.write(result.stdout)
    process.stderr.write(result.stderr)
    fail(`${program} ${args.join(" ")} failed with exit ${result.status ?? result.signal}`)
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
