/** The worker threads of one verification. */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { PROGRESS_SLOTS, type VerifyAnswer, type VerifyFinding, type VerifySetup, type VerifyTask } from "./VerifyProtocol.ts"

/** A worker has this many batches waiting, so that it goes on while the main thread is busy with the registry. */
const AHEAD = 6
/** But no more than this many bytes, so that large files spread over the workers. */
const AHEAD_BYTES = 64 * 1024 * 1024
/** MB; what a worker allocates is short-lived. */
const YOUNG_GENERATION = 8

interface Waiting {
  readonly task: VerifyTask
  readonly bytes: number
  readonly resolve: (findings: ReadonlyArray<VerifyFinding>) => void
  readonly reject: (error: Error) => void
}

interface Member {
  readonly thread: Worker
  readonly ended: Promise<void>
  readonly open: Map<number, Waiting>
  bytes: number
}

export class VerifyPool {
  /** Batches that are worth being given to the pool at once. */
  readonly ahead: number
  readonly #members: ReadonlyArray<Member>
  readonly #queue: Array<Waiting> = []
  readonly #progress: Float64Array
  readonly #stop: Int32Array
  #tasks = 0
  #failure: Error | null = null
  #closing = false

  constructor(workers: number | undefined) {
    const size = Math.max(1, workers ?? availableParallelism())
    const progress = new SharedArrayBuffer(size * PROGRESS_SLOTS * 8)
    const stop = new SharedArrayBuffer(4)
    this.ahead = size * (AHEAD + 1)
    this.#progress = new Float64Array(progress)
    this.#stop = new Int32Array(stop)
    const url = new URL(import.meta.url.endsWith(".ts") ? "./VerifyWorker.ts" : "./VerifyWorker.js", import.meta.url)
    this.#members = Array.from({ length: size }, (_, worker) => {
      const thread = new Worker(url, {
        workerData: { worker, progress, stop } satisfies VerifySetup,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION }
      })
      const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()))
      const member: Member = { thread, ended, open: new Map(), bytes: 0 }
      thread.on("message", (answer: VerifyAnswer) => this.#answered(member, answer))
      thread.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
      thread.on("exit", () => {
        if (!this.#closing) this.#fail(new Error("a worker thread ended before its work was done"))
      })
      return member
    })
  }

  /** Checks a batch of copies, `bytes` long together. */
  check(task: Omit<VerifyTask, "id">, bytes: number): Promise<ReadonlyArray<VerifyFinding>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#queue.push({ task: { ...task, id: this.#tasks++ }, bytes, resolve, reject })
      this.#dispatch()
    })
  }

  /** Copies looked at and bytes read so far. */
  progress(): { readonly copies: number; readonly bytes: number } {
    let copies = 0
    let bytes = 0
    for (let at = 0; at < this.#progress.length; at += PROGRESS_SLOTS) {
      copies += this.#progress[at]!
      bytes += this.#progress[at + 1]!
    }
    return { copies, bytes }
  }

  /** Ends the workers: those that are at work stop at the next piece of a file. */
  async close(): Promise<void> {
    this.#closing = true
    Atomics.store(this.#stop, 0, 1)
    for (const { thread } of this.#members) thread.postMessage("finish")
    await Promise.all(this.#members.map(({ ended }) => ended))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const next = this.#queue[0]!
      const member = this.#members.reduce((least, one) => (one.bytes + one.open.size < least.bytes + least.open.size ? one : least))
      if (member.open.size > 0 && (member.open.size >= AHEAD || member.bytes + next.bytes > AHEAD_BYTES)) return
      this.#queue.shift()
      member.open.set(next.task.id, next)
      member.bytes += next.bytes
      member.thread.postMessage(next.task)
    }
  }

  #answered(member: Member, { findings, id }: VerifyAnswer): void {
    const done = member.open.get(id)!
    member.open.delete(id)
    member.bytes -= done.bytes
    this.#dispatch()
    done.resolve(findings)
  }

  #fail(error: Error): void {
    this.#failure = error
    for (const { reject } of [...this.#queue.splice(0), ...this.#members.flatMap(({ open }) => [...open.values()])]) reject(error)
  }
}
