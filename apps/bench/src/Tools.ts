/** Finds the programs that are compared with, and their versions. */
import { spawnSync } from "node:child_process"
import { accessSync, constants, existsSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"

/** An installed program. */
interface Tool {
  readonly path: string
  readonly version: string
}

/** The programs found, by name; a name that is missing is not installed. */
export interface Tools {
  readonly found: Readonly<Record<string, Tool>>
  /** Of these names, those not found. */
  readonly absent: readonly string[]
}

/** Looks for every peer on the PATH and beside the Python interpreter `python`, and for the Python packages in it. */
export const findTools = (python: string | undefined): Tools => {
  const interpreter = python ?? which("python3", [])
  const extra = python === undefined ? [] : [dirname(python)]
  const found: Record<string, Tool> = {}
  const absent: string[] = []
  for (const [name, argv] of Object.entries(PROGRAMS)) {
    const path = which(name, extra)
    const version = path === undefined ? undefined : versionOf([path, ...argv])
    if (path === undefined || version === undefined) absent.push(name)
    else found[name] = { path, version }
  }
  for (const [name, pack] of Object.entries(PYTHON_PACKAGES)) {
    const script = "import sys, importlib.metadata as m; print(sys.executable); print(m.version(sys.argv[1]))"
    const answer = interpreter === undefined ? undefined : output([interpreter, "-c", script, pack])?.split("\n")
    if (answer?.[0] === undefined || answer[1] === undefined) absent.push(name)
    else found[name] = { path: answer[0], version: answer[1] }
  }
  return { found, absent }
}

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  find: ["--version"], md5sum: ["--version"], cp: ["--version"], git: ["--version"], openssl: ["version"], rclone: ["version"],
  restic: ["version"], dvc: ["--version"], strace: ["--version"]
}

/** Peers that are driven through their Python package, since they ship no program for it. */
const PYTHON_PACKAGES: Readonly<Record<string, string>> = { lamindb: "lamindb", oxen: "oxenai" }

const which = (name: string, extra: readonly string[]): string | undefined => {
  for (const folder of [...extra, ...(process.env["PATH"] ?? "").split(delimiter)]) {
    const path = join(folder, name)
    try {
      if (folder === "" || !existsSync(path)) continue
      accessSync(path, constants.X_OK)
      return path
    } catch {
      continue
    }
  }
  return undefined
}

const versionOf = (argv: readonly string[]): string | undefined => output(argv)?.split("\n")[0]

const output = (argv: readonly string[]): string | undefined => {
  const { status, stdout } = spawnSync(argv[0]!, argv.slice(1), { encoding: "utf8", timeout: 30_000, env: { ...process.env, DVC_NO_ANALYTICS: "1" } })
  return status === 0 ? stdout.trim() : undefined
}
