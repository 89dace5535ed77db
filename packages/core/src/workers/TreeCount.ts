/** How many files and bytes there are below some directories, counted by a thread of its own while work on them goes on. */
import { Worker } from "node:worker_threads"

export interface CountSetup {
  readonly sources: ReadonlyArray<{ readonly directory: string; readonly otherRoots: ReadonlyArray<string> }>
  readonly exclude: ReadonlyArray<string>
  /** Float64: files, bytes, and 1 when all are counted. */
  readonly shared: SharedArrayBuffer
}

export const COUNT = { files: 0, bytes: 1, done: 2 } as const

export class TreeCount {
  readonly #numbers: Float64Array
  readonly #worker: Worker

  constructor(setup: Omit<CountSetup, "shared">) {
    const shared = new SharedArrayBuffer(3 * 8)
    this.#numbers = new Float64Array(shared)
    const url = new URL(import.meta.url.endsWith(".ts") ? "./CountWorker.ts" : "./CountWorker.js", import.meta.url)
    this.#worker = new Worker(url, { workerData: { ...setup, shared } satisfies CountSetup, resourceLimits: { maxYoungGenerationSizeMb: 8 } })
    // Without a count the work goes on all the same.
    this.#worker.on("error", () => undefined)
    this.#worker.unref()
  }

  get files(): number { return this.#numbers[COUNT.files]! }
  get bytes(): number { return this.#numbers[COUNT.bytes]! }
  get isDone(): boolean { return this.#numbers[COUNT.done] === 1 }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
