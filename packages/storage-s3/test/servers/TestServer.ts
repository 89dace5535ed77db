/** Stores that tests start for themselves: programs in directories of their own, on ports of their own, gone afterwards. */
import { type ChildProcess, spawnSync } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

/** What a client needs to know; can be handed to other threads. */
export interface ServerAddress {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface TestServer {
  readonly address: ServerAddress
  readonly stop: () => Promise<void>
}

/** Names of servers that may be missing also where `CI` is set, separated by commas. */
const WITHOUT = "SHEAF_TEST_WITHOUT"

/** What to do about a server that is not installed. */
const adviceFor = (name: string): string => `storage-s3: ${name} is not there; get it with: node scripts/test-servers.mjs ${name}`

/** Says that the tests on a server are skipped. */
export const sayMissed = (name: string): void => void process.stderr.write(`${adviceFor(name)}. The tests on it are skipped.\n`)

/** Fails for a server that may not be missing, which is so where `CI` is set. */
export const refuseMissing = (name: string): void => {
  const isExpected = !["", undefined, "false", "0"].includes(process.env["CI"]) && !(process.env[WITHOUT] ?? "").split(",").includes(name)
  if (isExpected) throw new Error(`${adviceFor(name)} (or do without: ${WITHOUT}=${name})`)
}

/** The program with this name: on the path, or where Go puts what it installs. */
export const findProgram = (name: string): string | null => {
  const go = spawnSync("go", ["env", "GOBIN", "GOPATH"], { encoding: "utf8" })
  const [bin = "", path = ""] = go.status === 0 ? go.stdout.split("\n") : []
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), bin, ...(path === "" ? [] : [join(path, "bin")])]
  return folders.filter((folder) => folder !== "").map((folder) => join(folder, name)).find(isProgram) ?? null
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, "close")
  return port
}

export const temporaryDirectory = (name: string): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), `${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Waits until the server answers with 200; fails when the program ends before, or after half a minute. */
export const answering = async (url: string, program: ChildProcess, log: () => string): Promise<void> => {
  for (let i = 0; i < 600; i++) {
    if (program.exitCode !== null || program.signalCode !== null) throw new Error(`the server ended:\n${log()}`)
    const isReady = await fetch(url).then(({ status }) => status === 200, () => false)
    if (isReady) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the server does not answer:\n${log()}`)
}

/** Ends a program whose data nobody wants any more. */
export const ended = async (program: ChildProcess): Promise<void> => {
  if (program.exitCode !== null || program.signalCode !== null) return
  const exited = once(program, "exit")
  program.kill("SIGKILL")
  await exited
}
