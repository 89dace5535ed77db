/** The worker threads of one ingest. */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import type { FromWorker, TaskDone, ToWorker, WorkerSetup, WorkerSource, WorkerTask } from "./IngestProtocol.ts"
import { PROGRESS, PROGRESS_SLOTS, STOP } from "./IngestProtocol.ts"
import { segmentName } from "./StatCache.ts"

/** The storage root cannot be written; as a worker met it. */
export interface FatalAnswer {
  readonly key: string
  readonly code: string
  readonly message: string
}

export interface PoolHandlers {
  readonly onDone: (done: TaskDone) => void
  readonly onFatal: (fatal: FatalAnswer) => void
  readonly onCrash: (error: Error) => void
}

/** MB. What a worker allocates is short-lived: with the default of 48 MB each holds 30 MB more and is no faster (measured over 300,000 files). */
const YOUNG_GENERATION = 8

export class IngestPool {
  readonly size: number
  readonly #workers: ReadonlyArray<Worker>
  readonly #idle: Array<number> = []
  readonly #progress: Float64Array
  readonly #stop: Int32Array
  readonly #finished: Array<() => void> = []
  #closing = false

  constructor(setup: Omit<WorkerSetup, "worker" | "progress" | "stop" | "segment"> & { readonly segment: WorkerSetup["segment"] }, workers: number | undefined, handlers: PoolHandlers) {
    this.size = Math.max(1, workers ?? availableParallelism())
    const progress = new SharedArrayBuffer(this.size * PROGRESS_SLOTS * 8)
    const stop = new SharedArrayBuffer(4)
    this.#progress = new Float64Array(progress)
    this.#stop = new Int32Array(stop)
    const url = new URL(import.meta.url.endsWith(".ts") ? "./IngestWorker.ts" : "./IngestWorker.js", import.meta.url)
    this.#workers = Array.from({ length: this.size }, (_, worker) => {
      const segment = setup.segment === null ? null : { folder: setup.segment.folder, name: segmentName(setup.segment.name, worker) }
      const thread = new Worker(url, {
        workerData: { ...setup, worker, progress, stop, segment } satisfies WorkerSetup,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION }
      })
      thread.on("message", (message: FromWorker) => {
        if (message.type === "done") {
          this.#idle.push(worker)
          handlers.onDone(message)
        } else if (message.type === "fatal") {
          handlers.onFatal(message)
        } else {
          this.#finished[worker]?.()
        }
      })
      thread.on("error", (error) => handlers.onCrash(error instanceof Error ? error : new Error(String(error))))
      thread.on("exit", () => {
        if (this.#closing) this.#finished[worker]?.()
        else handlers.onCrash(new Error("a worker thread ended before its work was done"))
      })
      this.#idle.push(worker)
      return thread
    })
  }

  get idle(): number { return this.#idle.length }

  source(source: WorkerSource): void {
    for (const worker of this.#workers) worker.postMessage(source satisfies ToWorker)
  }

  /** Gives a task to an idle worker; there must be one. */
  run(task: WorkerTask): void {
    this.#workers[this.#idle.shift()!]!.postMessage(task satisfies ToWorker)
  }

  /** Workers end their tasks after the files they are at, or at once. */
  stop(how: "afterCurrentFiles" | "now"): void {
    this.#stop[0] = STOP[how]
  }

  progress(slot: keyof typeof PROGRESS): number {
    let sum = 0
    for (let worker = 0; worker < this.size; worker++) sum += this.#progress[worker * PROGRESS_SLOTS + PROGRESS[slot]]!
    return sum
  }

  /** Ends the workers when their files are closed. */
  async finish(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#workers.map((worker, i) =>
      new Promise<void>((resolve) => {
        this.#finished[i] = resolve
        worker.postMessage({ type: "finish" } satisfies ToWorker)
      })
    ))
  }

  /** Ends the workers wherever they are. */
  async terminate(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}
