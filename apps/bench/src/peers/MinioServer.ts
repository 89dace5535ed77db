/** An S3 server for one run of the benchmark: MinIO on a folder of the measured file system. */
import { spawn, spawnSync } from "node:child_process"
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { delimiter, join } from "node:path"
import type { Bench } from "../Bench.ts"

/** A server that runs. */
export interface MinioServer {
  readonly endpoint: string
  /** What programs have to know, in their environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What was deleted is kept for minutes while there is other work, and in memory there may be no room for that. */
  readonly emptyTrash: () => void
  readonly stop: () => Promise<void>
}

const USER = "sheafbench"
const PASSWORD = "sheafbench-not-a-secret"

/** The program, on the PATH or where Go installs programs; undefined when there is none. */
export const minioProgram = (): string | undefined => {
  const { stdout } = spawnSync("go", ["env", "GOBIN", "GOPATH"], { encoding: "utf8" })
  const [bin = "", path = ""] = (stdout ?? "").split("\n")
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), bin, path === "" ? "" : join(path, "bin")].filter((folder) => folder !== "")
  return folders.map((folder) => join(folder, "minio")).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Starts the server and waits until it answers. */
export const startMinio = async (bench: Bench, program: string): Promise<MinioServer> => {
  const folder = join(bench.work, "minio")
  mkdirSync(join(folder, "data"), { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const log = openSync(join(folder, "log"), "w")
  const child = spawn(program, ["server", join(folder, "data"), "--address", address, "--quiet"], {
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"], HOME: folder, MINIO_ROOT_USER: USER, MINIO_ROOT_PASSWORD: PASSWORD, MINIO_BROWSER: "off", MINIO_UPDATE: "off" }
  })
  closeSync(log)
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const stop = async () => {
    child.kill("SIGKILL")
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`minio ended: ${readFileSync(join(folder, "log"), "utf8").slice(-300)}`)
    const answer = await fetch(`http://${address}/minio/health/ready`).catch(() => null)
    if (answer?.ok === true) {
      return {
        endpoint: `http://${address}`,
        environment: {
          AWS_ACCESS_KEY_ID: USER, AWS_SECRET_ACCESS_KEY: PASSWORD, AWS_REGION: "us-east-1",
          // Certificates of the user's own are for other servers, and rclone cannot take them from here.
          AWS_CA_BUNDLE: undefined,
          RCLONE_CONFIG: "/dev/null", RCLONE_CONFIG_BENCH_TYPE: "s3", RCLONE_CONFIG_BENCH_PROVIDER: "Minio", RCLONE_CONFIG_BENCH_ENV_AUTH: "true",
          RCLONE_CONFIG_BENCH_ENDPOINT: `http://${address}`, RCLONE_CONFIG_BENCH_REGION: "us-east-1"
        },
        emptyTrash: () => {
          const trash = join(folder, "data", ".minio.sys", "tmp", ".trash")
          if (existsSync(trash)) for (const name of readdirSync(trash)) rmSync(join(trash, name), { recursive: true, force: true })
        },
        stop
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error("minio did not answer within 15 s")
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
