/**
 * File system and hash probes: the cheapest synchronous calls that do each step of registering a file, timed per step.
 * Runs as a worker thread; `threadCpuUsage` counts that thread alone.
 */
import { hash } from "node:crypto"
import { closeSync, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import { makeSeededBytes } from "../Prng.ts"

/** One step to measure, in a folder of the worker's own. */
export type FileProbeStep = "clear" | "create" | "write" | "walk" | "stat" | "open" | "read" | "md5" | "sha256" | "md5Large" | "sha256Large"

/** What a worker is told. */
export interface FileProbeSetup {
  readonly directory: string
  readonly files: number
  /** Bytes of each small file. */
  readonly size: number
  /** Bytes of the one large file. */
  readonly large: number
}

/** CPU and elapsed seconds of one step over all files (or the large file, made durable when written). */
export interface FileProbeTiming {
  readonly cpu: number
  readonly elapsed: number
}

const PER_FOLDER = 1000
const PIECE = 1024 * 1024

const makeSteps = ({ directory, files, size, large }: FileProbeSetup): Record<FileProbeStep, () => void> => {
  const bytes = makeSeededBytes(1, directory)
  const small = bytes.content(0, size)
  const piece = bytes.content(1, PIECE)
  const buffer = Buffer.alloc(PIECE)
  const small4k = buffer.subarray(0, size)
  const paths = Array.from({ length: files }, (_, i) => `${directory}/small/${Math.floor(i / PER_FOLDER)}/${i}.dat`)
  const digest = (algorithm: string, data: Buffer, times: number) => {
    for (let i = 0; i < times; i++) hash(algorithm, data, "hex")
  }
  return {
    clear: () => rmSync(`${directory}/small`, { recursive: true, force: true }),
    create: () => {
      for (let i = 0; i < files; i += PER_FOLDER) mkdirSync(`${directory}/small/${i / PER_FOLDER}`, { recursive: true })
      for (const path of paths) {
        const file = openSync(path, "wx")
        writeSync(file, small)
        closeSync(file)
      }
    },
    write: () => {
      rmSync(`${directory}/large`, { force: true })
      const file = openSync(`${directory}/large`, "wx")
      for (let at = 0; at < large; at += PIECE) writeSync(file, piece)
      fsyncSync(file)
      closeSync(file)
    },
    walk: () => {
      for (const folder of readdirSync(`${directory}/small`)) readdirSync(`${directory}/small/${folder}`, { withFileTypes: true })
    },
    stat: () => {
      for (const path of paths) lstatSync(path)
    },
    open: () => {
      for (const path of paths) {
        const file = openSync(path, "r")
        fstatSync(file)
        readSync(file, buffer, 0, PIECE, 0)
        closeSync(file)
      }
    },
    read: () => {
      const file = openSync(`${directory}/large`, "r")
      while (readSync(file, buffer, 0, PIECE, null) > 0);
      closeSync(file)
    },
    md5: () => digest("md5", small4k, files),
    sha256: () => digest("sha256", small4k, files),
    md5Large: () => digest("md5", piece, large / PIECE),
    sha256Large: () => digest("sha256", piece, large / PIECE)
  }
}

if (parentPort !== null) {
  const port = parentPort
  const steps = makeSteps(workerData as FileProbeSetup)
  port.on("message", (step: FileProbeStep) => {
    const before = process.threadCpuUsage()
    const started = performance.now()
    steps[step]()
    const elapsed = (performance.now() - started) / 1000
    const used = process.threadCpuUsage(before)
    port.postMessage({ cpu: (used.user + used.system) / 1e6, elapsed } satisfies FileProbeTiming)
  })
}
