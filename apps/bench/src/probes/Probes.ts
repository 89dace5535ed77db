/** Measures the rates that the limit is computed from, on the file system that the workloads use. */
import { spawnSync } from "node:child_process"
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import type { ProbeRates } from "../Limit.ts"
import type { FileProbeSetup, FileProbeStep, FileProbeTiming } from "./FileProbe.ts"
import { probeRows } from "./RowProbe.ts"

/** How much a probe does: enough for a stable rate, or just enough to run. */
export interface ProbeSize {
  /** Small files per core. */
  readonly files: number
  /** Bytes of the large file per core. */
  readonly large: number
  readonly rows: number
  /** The best of this many repetitions counts, since a limit is what the machine can do undisturbed. */
  readonly repeats: number
}

/** The usual size: about 10 seconds on two cores. */
export const FULL_PROBES: ProbeSize = { files: 10_000, large: 256 * 2 ** 20, rows: 100_000, repeats: 3 }

/** A size that takes about a second and gives figures of no use but to check the arithmetic. */
export const TINY_PROBES: ProbeSize = { files: 500, large: 8 * 2 ** 20, rows: 2_000, repeats: 1 }

/** Measures everything below `directory`, with `cores` threads for the elapsed rates. */
export const probeRates = async (directory: string, cores: number, size: ProbeSize): Promise<ProbeRates> => {
  const home = join(directory, "probes")
  mkdirSync(home, { recursive: true })
  const workers = Array.from({ length: cores }, (_, i) => makeWorker({ directory: join(home, `core${i}`), files: size.files, size: SMALL, large: size.large }))
  try {
    const alone = async (step: FileProbeStep) => {
      let least = Number.POSITIVE_INFINITY
      for (let i = 0; i < size.repeats; i++) {
        if (step === "create") await workers[0]!.run("clear")
        least = Math.min(least, (await workers[0]!.run(step)).cpu)
      }
      return least
    }
    const together = async (step: FileProbeStep) => {
      let least = Number.POSITIVE_INFINITY
      for (let i = 0; i < size.repeats; i++) {
        if (step === "create") await Promise.all(workers.map((worker) => worker.run("clear")))
        const started = performance.now()
        await Promise.all(workers.map((worker) => worker.run(step)))
        least = Math.min(least, (performance.now() - started) / 1000)
      }
      return least
    }
    const createTogether = await together("create")
    const writeTogether = await together("write")
    const readTogether = await together("read")
    const writeByte = (await alone("write")) / size.large
    const readByte = (await alone("read")) / size.large
    const perSmall = async (step: FileProbeStep, perByte: number) => Math.max(0, (await alone(step)) / size.files - SMALL * perByte)
    const hashByte = { md5: (await alone("md5Large")) / size.large, sha256: (await alone("sha256Large")) / size.large }
    const rows = await probeRows(home, size.rows)
    return {
      cores,
      walk: (await alone("walk")) / size.files,
      stat: (await alone("stat")) / size.files,
      open: await perSmall("open", readByte),
      readByte,
      hash: { md5: await perSmall("md5", hashByte.md5), sha256: await perSmall("sha256", hashByte.sha256) },
      hashByte,
      create: await perSmall("create", writeByte),
      writeByte,
      row: rows.row,
      commit: rows.commit,
      sync: syncSeconds(home, size.repeats),
      readBandwidth: (cores * size.large) / readTogether,
      writeBandwidth: (cores * size.large) / writeTogether,
      createRate: (cores * size.files) / createTogether
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
    rmSync(home, { recursive: true, force: true })
  }
}

const SMALL = 4096

const makeWorker = (setup: FileProbeSetup) => {
  mkdirSync(setup.directory, { recursive: true })
  const worker = new Worker(new URL("./FileProbe.ts", import.meta.url), { workerData: setup })
  return {
    run: (step: FileProbeStep) =>
      new Promise<FileProbeTiming>((resolve, reject) => {
        worker.once("message", (timing: FileProbeTiming) => {
          worker.removeListener("error", reject)
          resolve(timing)
        })
        worker.once("error", reject)
        worker.postMessage(step)
      }),
    stop: () => worker.terminate()
  }
}

/** One small file made durable on a file system that has nothing else to write. */
const syncSeconds = (directory: string, repeats: number): number => {
  spawnSync("sync", ["-f", directory])
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < Math.max(2, repeats); i++) {
    const file = openSync(join(directory, `sync${i}`), "w")
    writeSync(file, "x")
    const started = performance.now()
    fsyncSync(file)
    least = Math.min(least, (performance.now() - started) / 1000)
    closeSync(file)
  }
  return least
}
