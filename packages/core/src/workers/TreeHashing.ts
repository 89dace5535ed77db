/**
 * `sha256-tree` of one large file by several threads: each takes the next chunk, reads, hashes and copies it.
 *
 * File descriptors belong to the process, so threads share them. The calling thread takes chunks like the others and then waits synchronously, since it
 * does not return to its event loop within a file.
 */
import { createHash } from "node:crypto"
import { readSync, writeSync } from "node:fs"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { TREE_CHUNK } from "../domain/ContentHash.ts"
import { treeDigest } from "./HashAlgorithms.ts"
import { readBuffer } from "./ReadBuffer.ts"

/** One file being hashed, in shared memory. */
export interface TreeJob {
  readonly input: number
  /** Descriptor to copy to, or null. */
  readonly output: number | null
  readonly size: number
  /** Int32: next chunk · stop flag · then a state for each helper. */
  readonly control: SharedArrayBuffer
  /** A byte a chunk: 1 when its digest is there. */
  readonly finished: SharedArrayBuffer
  /** 32 bytes a chunk. */
  readonly digests: SharedArrayBuffer
}

const NEXT = 0
const STOPPED = 1
const FIRST_HELPER = 2
const HELPER = { waiting: 0, working: 1, ended: 2, notNeeded: 3 } as const

/** Fits a core's own cache, so that what was read is hashed and written from there. */
const PIECE = 256 * 1024

const digestChunk = (job: TreeJob, chunk: number, buffer: Buffer): boolean => {
  const start = chunk * TREE_CHUNK
  const end = Math.min(start + TREE_CHUNK, job.size)
  const hash = createHash("sha256")
  for (let at = start; at < end;) {
    const n = readSync(job.input, buffer, 0, Math.min(PIECE, end - at), at)
    if (n === 0) return false
    const piece = buffer.subarray(0, n)
    hash.update(piece)
    for (let written = 0; job.output !== null && written < n;) written += writeSync(job.output, piece, written, n - written, at + written)
    at += n
  }
  new Uint8Array(job.digests, chunk * 32, 32).set(hash.digest())
  Atomics.store(new Uint8Array(job.finished), chunk, 1)
  return true
}

let buffer: Buffer | undefined

/** Takes chunks until none is left. A helper leaves a chunk that fails to the calling thread, whose errors have somewhere to go. */
export const takeChunks = (job: TreeJob, helper: number | null): void => {
  const control = new Int32Array(job.control)
  if (helper !== null && Atomics.compareExchange(control, FIRST_HELPER + helper, HELPER.waiting, HELPER.working) !== HELPER.waiting) return
  buffer ??= readBuffer(PIECE)
  const chunks = job.finished.byteLength
  try {
    while (Atomics.load(control, STOPPED) === 0) {
      const chunk = Atomics.add(control, NEXT, 1)
      if (chunk >= chunks || !digestChunk(job, chunk, buffer)) break
    }
  } catch (error) {
    if (helper === null) {
      Atomics.store(control, STOPPED, 1)
      throw error
    }
  } finally {
    if (helper !== null) {
      Atomics.store(control, FIRST_HELPER + helper, HELPER.ended)
      Atomics.notify(control, FIRST_HELPER + helper)
    }
  }
}

export class TreeHashing {
  readonly #helpers: ReadonlyArray<Worker>

  constructor() {
    const url = new URL(import.meta.url.endsWith(".ts") ? "./TreeHelper.ts" : "./TreeHelper.js", import.meta.url)
    this.#helpers = Array.from({ length: availableParallelism() - 1 }, () => {
      const worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: 2 } })
      worker.unref()
      return worker
    })
  }

  /** The hash of `size` bytes of an open file, also copied to another; null when the file has fewer bytes. */
  hash(input: number, size: number, output: number | null): string | null {
    const chunks = Math.ceil(size / TREE_CHUNK)
    const job: TreeJob = {
      input, output, size,
      control: new SharedArrayBuffer(4 * (FIRST_HELPER + this.#helpers.length)),
      finished: new SharedArrayBuffer(chunks),
      digests: new SharedArrayBuffer(32 * chunks)
    }
    this.#helpers.forEach((worker, helper) => worker.postMessage({ job, helper }))
    try {
      takeChunks(job, null)
    } finally {
      const control = new Int32Array(job.control)
      for (let helper = 0; helper < this.#helpers.length; helper++) {
        const state = FIRST_HELPER + helper
        // A helper that is still starting is not waited for.
        Atomics.compareExchange(control, state, HELPER.waiting, HELPER.notNeeded)
        Atomics.wait(control, state, HELPER.working)
      }
    }
    const finished = new Uint8Array(job.finished)
    buffer ??= readBuffer(PIECE)
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (finished[chunk] !== 1 && !digestChunk(job, chunk, buffer)) return null
    }
    return treeDigest(Array.from({ length: chunks }, (_, i) => new Uint8Array(job.digests, i * 32, 32).slice()))
  }

  close(): void {
    for (const worker of this.#helpers) void worker.terminate()
  }
}
