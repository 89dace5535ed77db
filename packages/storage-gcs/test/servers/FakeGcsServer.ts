/** fake-gcs-server, which others wrote and test clients of Google's own on, keeping everything in memory. What it gets wrong is in the tests that leave it out. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants } from "node:fs"
import { createServer } from "node:net"
import { delimiter, join } from "node:path"

/** How to get it. */
export const INSTALL = "go install github.com/fsouza/fake-gcs-server@v1.56.1"

export interface RunningServer {
  readonly endpoint: string
  readonly stop: () => Promise<void>
}

/** Null when it is not installed. */
export const startFakeGcsServer = async (): Promise<RunningServer | null> => {
  const program = findProgram("fake-gcs-server")
  if (program === null) return null
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const child = spawn(program, [
    "-scheme", "http", "-host", "127.0.0.1", "-port", String(port), "-backend", "memory", "-public-host", `127.0.0.1:${port}`, "-external-url", endpoint, "-log-level", "error"
  ], { stdio: "ignore" })
  const stop = () => ended(child)
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("fake-gcs-server ended at once")
    if (await fetch(`${endpoint}/storage/v1/b?project=none`).then(({ ok }) => ok, () => false)) return { endpoint, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error("fake-gcs-server does not answer")
}

/** The program with this name: on the path, or where Go puts what it installs. */
const findProgram = (name: string): string | null => {
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

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, "close")
  return port
}

/** Ends a program, by force when it does not within some seconds. */
const ended = async (program: ChildProcess): Promise<void> => {
  if (program.exitCode !== null || program.signalCode !== null) return
  const exited = once(program, "exit")
  program.kill("SIGTERM")
  const timer = setTimeout(() => program.kill("SIGKILL"), 5_000)
  await exited
  clearTimeout(timer)
}
