/**
 * What is recorded of the place a command runs in: the git commit, lock files by their hash, and of Python the installed packages. Environment variables
 * are not looked at.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { basename, dirname, join, relative, sep } from "node:path"
import { withoutSecrets } from "@sheaf/core/domain/Secrets"

/** How long git and pip may take, in milliseconds. */
const GIT_LIMIT = 5_000
const PIP_LIMIT = 30_000

/** What a program prints, or null when it fails, cannot be found or takes too long. */
const outputOf = (program: string, args: ReadonlyArray<string>, cwd: string, timeout: number): Promise<string | null> =>
  new Promise((done) => {
    execFile(program, args, { cwd, timeout, encoding: "utf8", maxBuffer: 16 * 2 ** 20, windowsHide: true }, (error, stdout) => done(error === null ? stdout : null))
  })

/** The work tree that a directory is in, and the commit checked out there; null without one. */
export interface GitState {
  readonly root: string | null
  readonly commit: string | null
}

export const gitState = async (cwd: string): Promise<GitState> => {
  const [root, commit] = await Promise.all([
    outputOf("git", ["rev-parse", "--show-toplevel"], cwd, GIT_LIMIT),
    outputOf("git", ["rev-parse", "--verify", "HEAD"], cwd, GIT_LIMIT)
  ])
  return { root: root?.replace(/\r?\n$/, "") || null, commit: root === null ? null : commit?.trim() || null }
}

const LOCK_FILES = [
  "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "deno.lock", "uv.lock", "poetry.lock", "Pipfile.lock", "requirements.txt",
  "environment.yml", "conda-lock.yml", "pixi.lock", "renv.lock", "Manifest.toml", "Cargo.lock", "go.sum", "flake.lock"
]
/** Larger files are not lock files. */
const LARGEST = 64 * 2 ** 20

export interface LockFile {
  /** From the git root, or from the working directory. */
  readonly path: string
  /** In hexadecimal, as `sha256sum` prints it. */
  readonly sha256: string
}

const hashOf = (path: string): string | null => {
  try {
    const found = statSync(path)
    return found.isFile() && found.size <= LARGEST ? createHash("sha256").update(readFileSync(path)).digest("hex") : null
  } catch {
    return null
  }
}

/** The lock files in the working directory, and in those above it up to the git root. */
export const lockFiles = (cwd: string, gitRoot: string | null): ReadonlyArray<LockFile> => {
  const found: Array<LockFile> = []
  for (let directory = cwd; ; directory = dirname(directory)) {
    for (const name of LOCK_FILES) {
      const sha256 = hashOf(join(directory, name))
      if (sha256 !== null) found.push({ path: relative(gitRoot ?? cwd, join(directory, name)).split(sep).join("/"), sha256 })
    }
    if (gitRoot === null || directory === gitRoot || dirname(directory) === directory) return found
  }
}

/** The packages of the Python that a command starts, as `pip freeze` lists them; null for other commands, and without pip. */
export const pythonPackages = async (words: ReadonlyArray<string>, cwd: string): Promise<ReadonlyArray<string> | null> => {
  const [program = ""] = words
  if (!/^python[0-9.]*$/.test(basename(program))) return null
  const text = await outputOf(program, ["-m", "pip", "freeze", "--disable-pip-version-check"], cwd, PIP_LIMIT)
  return text === null ? null : text.split(/\r?\n/).filter((line) => line !== "").map(withoutSecrets)
}
