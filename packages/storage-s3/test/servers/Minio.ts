/** MinIO on one directory. */
import { spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { answering, ended, findProgram, freePort, temporaryDirectory, type TestServer } from "./TestServer.ts"

const USER = "sheaftest"
const PASSWORD = "sheaftest-not-a-secret"

export interface MinioServer extends TestServer {
  /** The directory that it keeps everything in. */
  readonly data: string
}

/** Null when it is not installed. */
export const startMinio = async (): Promise<MinioServer | null> => {
  const program = findProgram("minio")
  if (program === null) return null
  const { path, remove } = temporaryDirectory("sheaf-minio")
  mkdirSync(join(path, "data"))
  const address = `127.0.0.1:${await freePort()}`
  const log = openSync(join(path, "log"), "w")
  const child = spawn(program, ["server", join(path, "data"), "--address", address, "--quiet"], {
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"], HOME: path, MINIO_ROOT_USER: USER, MINIO_ROOT_PASSWORD: PASSWORD, MINIO_BROWSER: "off", MINIO_UPDATE: "off" }
  })
  closeSync(log)
  const stop = async (): Promise<void> => {
    await ended(child)
    remove()
  }
  try {
    await answering(`http://${address}/minio/health/ready`, child, () => readFileSync(join(path, "log"), "utf8"))
  } catch (error) {
    await stop()
    throw error
  }
  return { address: { endpoint: `http://${address}`, accessKeyId: USER, secretAccessKey: PASSWORD }, data: join(path, "data"), stop }
}
