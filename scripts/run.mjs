// The one entry point behind `npm run …`. It needs npm and a Node of 20 or later and nothing installed: it installs what is missing
// with the exact pnpm that package.json names, then runs every step on the repository's own Node (node_modules/.bin/node).
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { basename, delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, "node_modules", ".bin")
const onWindows = process.platform === "win32"
const ownNode = join(bin, onWindows ? "node.exe" : "node")
const stampFile = join(root, "node_modules", ".sheaf-install")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** Each task takes the words after its name. A task throws StepFailed. */
const tasks = {
  build: () => turbo("build"),
  types: () => turbo("build", "typecheck"),
  lint: () => lint(),
  knip: () => own("knip"),
  packages: () => {
    turbo("build")
    withPnpm("node", "scripts/check-packages.mjs")
  },
  docs: () => {
    buildCli()
    every(() => node("scripts/broken-drivers.mjs", "--check"), () => node("scripts/api-docs.mjs", "--check"), () => node("scripts/check-docs.mjs"))
  },
  api: () => node("scripts/api-docs.mjs"),
  test: (args) => {
    if (args.length > 0) {
      buildCli()
      own("vitest", "run", ...args)
    } else {
      // One worker less than there are cores is the default, which on two cores leaves one idle while a test waits for a process.
      const workers = String(Math.max(2, availableParallelism() - 1))
      every(() => turbo("build", "typecheck"), lint, () => own("vitest", "run", "--maxWorkers", workers))
    }
  },
  check: () => {
    every(
      () => turbo("build", "typecheck"),
      lint,
      () => own("knip"),
      () => withPnpm("node", "scripts/check-packages.mjs"),
      () => node("scripts/broken-drivers.mjs", "--check"),
      () => node("scripts/api-docs.mjs", "--check"),
      () => node("scripts/check-docs.mjs")
    )
  },
  demo: (args) => {
    buildCli()
    node("scripts/demo.mjs", ...args)
  },
  bench: (args) => {
    buildCli()
    node("apps/bench/src/main.ts", ...args)
  }
}

class StepFailed extends Error {
  constructor(command, status, cause) {
    super(command)
    this.status = status
    this.cause = cause
  }
}

main(process.argv.slice(2))

function main([name, ...args]) {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    fail(`Sheaf's scripts need Node 20 or later to start, and this is Node ${process.versions.node}. Install a newer one, then run the same command again.`)
  }
  const task = Object.hasOwn(tasks, name ?? "") ? tasks[name] : undefined
  if (task === undefined) {
    fail(`Usage: node scripts/run.mjs ${Object.keys(tasks).join("|")} [arguments]`, 2)
  }
  // A Ctrl-C reaches the running step as well, which may have something to finish; this process outlives it and reports how it ended.
  process.on("SIGINT", () => {})
  try {
    install()
    task(args)
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    const reason = error.cause === undefined ? `exit ${error.status}` : error.cause.message
    fail(`npm run ${name} failed at: ${error.message} (${reason})`, error.status)
  }
}

function fail(message, status = 1) {
  process.stderr.write(`\n${message}\n`)
  process.exit(status)
}

function lint() {
  every(() => node("scripts/check-rings.mjs"), () => own("oxlint", "--deny-warnings"))
}

/** Runs all of the steps, also after one that failed, and fails as the first of those did; the ones after it are named. */
function every(...steps) {
  let first
  for (const run of steps) {
    try {
      run()
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error
      if (first === undefined) first = error
      else first.message += `, ${error.message}`
    }
  }
  if (first !== undefined) throw first
}

/** The command-line bundle alone: what the demo, the benchmark and the documentation need. */
function buildCli() {
  node("packages/cli/build.mjs")
}

/** Installs unless node_modules was made from exactly these manifests and this lockfile, on this platform. */
function install() {
  const wanted = installRecord()
  const found = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : ""
  if (found === wanted && existsSync(ownNode) && installedLockfileIsCurrent()) return
  process.stderr.write(`Installing dependencies with ${manifest.packageManager} …\n`)
  try {
    withPnpm("pnpm", "install", "--frozen-lockfile")
  } catch (error) {
    if (error instanceof StepFailed) {
      process.stderr.write(
        "\nThe dependencies could not be installed. The npm registry must be reachable; when a package.json was changed, bring the lockfile up to date with\n" +
          `  npx --yes ${manifest.packageManager} install --no-frozen-lockfile\n`
      )
    }
    throw error
  }
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, wanted)
}

/** pnpm keeps a copy of the lockfile it last installed from; it differs after a branch switch or an interrupted install. */
function installedLockfileIsCurrent() {
  const installed = join(root, "node_modules", ".pnpm", "lock.yaml")
  return existsSync(installed) && readFileSync(installed).equals(readFileSync(join(root, "pnpm-lock.yaml")))
}

function installRecord() {
  const hash = createHash("sha256")
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, file)))
  for (const file of manifests()) {
    const { name, bin: binaries, packageManager, dependencies, devDependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(root, file), "utf8")
    )
    hash.update(JSON.stringify([file, name, binaries, packageManager, dependencies, devDependencies, optionalDependencies, peerDependencies]))
  }
  return `${process.platform} ${process.arch} ${hash.digest("hex")}\n`
}

function manifests() {
  const found = ["package.json"]
  for (const group of ["packages", "apps", "examples"]) {
    if (!existsSync(join(root, group))) continue
    for (const entry of readdirSync(join(root, group)).toSorted()) {
      if (existsSync(join(root, group, entry, "package.json"))) found.push(`${group}/${entry}/package.json`)
    }
  }
  return found
}

function node(...args) {
  step(ownNode, args)
}

/** A program of node_modules/.bin. */
function own(command, ...args) {
  step(join(bin, onWindows ? `${command}.cmd` : command), args)
}

/** turbo starts each package's scripts through the package manager, so it runs with pnpm on its PATH. */
function turbo(...names) {
  withPnpm("turbo", "run", ...names, "--output-logs=errors-only")
}

/** Runs a command with the named pnpm first on its PATH, which npm fetches once and keeps in its own cache (`--prefer-offline`: an exact version never changes). CI=true keeps it from asking anything. */
function withPnpm(command, ...args) {
  const npm = process.env.npm_execpath
  const exec = ["exec", "--yes", "--prefer-offline", `--package=${manifest.packageManager}`, "--", command, ...args]
  const shown = [command, ...args].join(" ")
  if (npm !== undefined && basename(npm) === "npm-cli.js") step(process.execPath, [npm, ...exec], shown, { CI: "true" })
  else step(onWindows ? "npm.cmd" : "npm", exec, shown, { CI: "true" })
}

function step(command, args, shown = [basename(command), ...args].join(" "), extra = {}) {
  const result = spawnSync(command, args, { cwd: root, env: { ...environment(), ...extra }, stdio: "inherit", shell: onWindows && command.endsWith(".cmd") })
  if (result.error) throw new StepFailed(shown, 1, result.error)
  if (result.signal !== null) {
    process.removeAllListeners("SIGINT")
    process.kill(process.pid, result.signal)
  }
  if (result.status !== 0) throw new StepFailed(shown, result.status ?? 1)
}

/** No telemetry, no notices; and none of the settings that `npm run` hands down, which describe npm and not pnpm. */
function environment() {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (/^npm_(package_|lifecycle_|command$|config_(local_prefix|global_prefix|prefix|init_module|node_gyp|npm_version|user_agent)$)/i.test(name)) delete env[name]
  }
  return {
    ...env,
    PATH: bin + delimiter + (env.PATH ?? ""),
    DO_NOT_TRACK: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
    npm_config_update_notifier: "false",
    npm_config_fund: "false",
    npm_config_audit: "false"
  }
}
