/**
 * The worker threads of one ingest.
 *
 * A worker holds one task and the next, so that it never waits for this thread to hear of the first; but nothing is queued behind a large file, which
 * another worker could be done with by then.
 */
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

export type PoolSetup = Omit<WorkerSetup, "worker" | "progress" | "stop">

export interface PoolHandlers {
  readonly onDone: (done: TaskDone) => void
  readonly onFatal: (fatal: FatalAnswer) => void
  readonly onCrash: (error: Error) => void
}

/** MB. What a worker allocates is short-lived: with the default of 48 MB each holds 30 MB more and is no faster (measured over 300,000 files). */
const YOUNG_GENERATION = 8

/** Tasks that a worker holds at a time. */
const HELD_TASKS = 2

export class IngestPool {
  readonly size: number
  readonly #workers: ReadonlyArray<Worker>
  /** Number of tasks that each worker holds. */
  readonly #held: Array<number>
  /** Which of them are at a large file. */
  readonly #large = new Set<number>()
  #handlers: PoolHandlers | null = null
  #crash: Error | null = null
  readonly #progress: Float64Array
  readonly #stop: Int32Array
  readonly #finished: Array<() => void> = []
  #closing = false

  /** Starts the threads, which takes a moment; say who listens before the first task is given. */
  constructor(setup: PoolSetup, workers: number | undefined) {
    this.size = Math.max(1, workers ?? availableParallelism())
    this.#held = Array.from({ length: this.size }, () => 0)
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
          this.#held[worker]! -= 1
          this.#large.delete(worker)
          this.#handlers?.onDone(message)
        } else if (message.type === "fatal") {
          this.#handlers?.onFatal(message)
        } else {
          this.#finished[worker]?.()
        }
      })
      thread.on("error", (error) => this.#crashed(error instanceof Error ? error : new Error(String(error))))
      thread.on("exit", () => {
        if (this.#closing) this.#finished[worker]?.()
        else this.#crashed(new Error("a worker thread ended before its work was done"))
      })
      return thread
    })
  }

  listen(handlers: PoolHandlers): void {
    this.#handlers = handlers
    if (this.#crash !== null) handlers.onCrash(this.#crash)
  }

  /** Whether a task can be given: to a worker that has nothing to do, or to one that will then know what comes next. */
  get room(): "now" | "next" | "none" {
    const worker = this.#leastBusy()
    return worker === null ? "none" : this.#held[worker] === 0 ? "now" : "next"
  }

  source(source: WorkerSource): void {
    for (const worker of this.#workers) worker.postMessage(source satisfies ToWorker)
  }

  /** Gives a task to a worker; there must be room, and for a large file a worker that has nothing to do. */
  run(task: WorkerTask): void {
    const worker = this.#leastBusy()!
    this.#held[worker]! += 1
    if (task.large) this.#large.add(worker)
    this.#workers[worker]!.postMessage(task satisfies ToWorker)
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

  #leastBusy(): number | null {
    let least: number | null = null
    for (let worker = 0; worker < this.size; worker++) {
      const held = this.#held[worker]!
      if (held < HELD_TASKS && !this.#large.has(worker) && (least === null || held < this.#held[least]!)) least = worker
    }
    return least
  }

  #crashed(error: Error): void {
    this.#crash ??= error
    this.#handlers?.onCrash(error)
  }
}
