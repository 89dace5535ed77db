/**
 * The bundled command as users run it: child processes in directories of their own.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"

export const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)))
export const COMMAND = join(PACKAGE, "bin", "sheaf.mjs")

if (!existsSync(join(PACKAGE, "dist", "main.js"))) throw new Error("The command is not built; run node build.mjs in packages/cli first.")

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** stdout, byte for byte. */
  readonly bytes: Buffer
}

const environment = (extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv => {
  const { FORCE_COLOR: _, NO_COLOR: __, SHEAF_INSTANCE: ___, ...rest } = process.env
  return { ...rest, ...extra }
}

/** Starts `sheaf`; the caller handles its streams. */
export const start = (cwd: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): ChildProcess =>
  spawn(process.execPath, [COMMAND, ...args], { cwd, env: environment(env), stdio: ["ignore", "pipe", "pipe"] })

/** Waits for a started command. */
export const finished = (child: ChildProcess): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const out: Array<Buffer> = []
    const err: Array<Buffer> = []
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk))
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk))
    child.on("error", reject)
    child.on("close", (code, signal) => {
      const bytes = Buffer.concat(out)
      resolve({ code, signal, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() })
    })
  })

/** Runs a shell line in which `$SHEAF` is the command. */
export const runShell = (cwd: string, line: string): Promise<Ran> =>
  finished(spawn("bash", ["-c", line], { cwd, env: environment({ SHEAF: `${process.execPath} ${COMMAND}` }), stdio: ["ignore", "pipe", "pipe"] }))

const made: Array<string> = []

/** In memory where there is such a place: the tests are about the command, not about the disk. */
const base = process.platform === "linux" && existsSync("/dev/shm") ? "/dev/shm" : tmpdir()

/** A new empty directory that is gone when the test file has run. */
export const emptyDirectory = (): string => {
  const directory = mkdtempSync(join(base, "sheaf-cli-"))
  made.push(directory)
  return directory
}

afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

export interface Workplace {
  readonly directory: string
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ran>
  /** Runs with `--json` and parses the one document on stdout; the command must succeed. */
  readonly json: (...args: ReadonlyArray<string>) => Promise<any>
  /** Runs with `--json` and gives the error of stderr with the exit code; the command must fail and print nothing on stdout. */
  readonly failure: (...args: ReadonlyArray<string>) => Promise<{ readonly exit: number | null; readonly error: any }>
  readonly write: (path: string, content: string) => string
}

/** A directory, without an instance. */
export const workplace = (): Workplace => {
  const directory = emptyDirectory()
  const run = (...args: ReadonlyArray<string>) => finished(start(directory, args))
  return {
    directory,
    run,
    json: async (...args) => {
      const ran = await run("--json", ...args)
      if (ran.code !== 0) throw new Error(`sheaf ${args.join(" ")} exited ${ran.code}: ${ran.stderr}`)
      return JSON.parse(ran.stdout)
    },
    failure: async (...args) => {
      const ran = await run("--json", ...args)
      if (ran.code === 0 || ran.stdout !== "") throw new Error(`sheaf ${args.join(" ")} exited ${ran.code} and printed: ${ran.stdout}`)
      const lines = ran.stderr.trimEnd().split("\n")
      if (lines.length !== 1) throw new Error(`more than one line on stderr: ${ran.stderr}`)
      return { exit: ran.code, error: JSON.parse(lines[0]!).error }
    },
    write: (path, content) => {
      const full = join(directory, path)
      mkdirSync(dirname(full), { recursive: true })
      writeFileSync(full, content)
      return full
    }
  }
}

/** A directory with an instance in it. */
export const instance = async (): Promise<Workplace> => {
  const place = workplace()
  await place.json("init")
  return place
}
