/**
 * One verification under way: copies come in pages from the registry and go in batches to worker threads, or through their driver where a root is no local
 * directory; what was found is recorded in large groups, since each write of the registry has its price.
 */
import { Data, Effect, Result, Stream } from "effect"
import { realpathSync } from "node:fs"
import type { LocationState } from "../domain/Artifact.ts"
import { fromUserPath } from "../domain/FileName.ts"
import type { StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { VerifyPool } from "../layers/VerifyPool.ts"
import type { VerifyFinding } from "../layers/VerifyProtocol.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { CopyFilter, Registry, RegistryError, StoredCopy } from "../ports/Registry.ts"
import type { StorageError, StorageHandle } from "../ports/Storage.ts"
import { type CopyProblem, CopyReader } from "./CopyReader.ts"
import type { DamagedCopy, MissingCopy, UnreachableRoot, UnreadCopy, VerifyProgress, VerifyReport } from "./Integrity.ts"
import { objectPath, type StorageRoots } from "./StorageRoots.ts"

/** Copies, and bytes, that a worker gets at once: large files are shared out one by one. */
const BATCH_COPIES = 512
const BATCH_BYTES = 16 * 1024 * 1024
/** States that are recorded at once. */
const RECORDED = 100_000

interface FoundState {
  readonly uid: string
  readonly root: string
  readonly objectKey: string
  readonly state: LocationState
}

/** Ends the stream of copies early. */
class Stopped extends Data.TaggedError("Stopped") {}

export class VerifyRun {
  readonly #registry: Registry["Service"]
  readonly #roots: StorageRoots["Service"]
  readonly #reader: CopyReader
  readonly #workers: number | undefined
  readonly #signal: AbortSignal | undefined
  #pool: VerifyPool | null = null
  /** Path of the local root whose copies are checked, as the workers take it. */
  #base = ""
  #batch: Array<StoredCopy> = []
  #batchBytes = 0
  readonly #open = new Set<Promise<void>>()
  #crash: { readonly error: unknown } | null = null
  #states: Array<FoundState> = []
  /** Not there, which counts when the root itself turns out to be there. */
  #suspects: Array<StoredCopy> = []
  #notRecorded: string | null = null

  #ok = 0
  #sizeOnly = 0
  #replaced = 0
  /** Read without the worker threads. */
  #read = { copies: 0, bytes: 0 }
  readonly #damaged: Array<DamagedCopy> = []
  readonly #missing: Array<MissingCopy> = []
  readonly #failed: Array<UnreadCopy> = []
  readonly #unreachable: Array<UnreachableRoot> = []

  constructor(
    ports: { readonly registry: Registry["Service"]; readonly roots: StorageRoots["Service"]; readonly hashing: Hashing["Service"] },
    workers: number | undefined,
    signal: AbortSignal | undefined
  ) {
    this.#registry = ports.registry
    this.#roots = ports.roots
    this.#reader = new CopyReader(ports)
    this.#workers = workers
    this.#signal = signal
  }

  /** Starts the worker threads. */
  start(): VerifyPool {
    return this.#pool ??= new VerifyPool(this.#workers)
  }

  async close(): Promise<void> {
    await this.#pool?.close()
  }

  progress(): Omit<VerifyProgress, "total"> {
    const { bytes, copies } = this.#pool?.progress() ?? { bytes: 0, copies: 0 }
    return { checked: this.#read.copies + copies, bytes: this.#read.bytes + bytes }
  }

  report(): Omit<VerifyReport, "sample" | "seconds"> {
    const inOrder = <A extends { readonly path: string }>(found: ReadonlyArray<A>) => found.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    const faulty = this.#damaged.length + this.#missing.length + this.#failed.length
    return {
      checked: this.#ok + this.#sizeOnly + faulty,
      bytes: this.progress().bytes,
      ok: this.#ok,
      sizeOnly: this.#sizeOnly,
      damaged: inOrder(this.#damaged),
      missing: inOrder(this.#missing),
      failed: inOrder(this.#failed),
      unreachable: this.#unreachable,
      replaced: this.#replaced,
      notRecorded: this.#notRecorded,
      interrupted: this.#signal?.aborted ?? false
    }
  }

  /** Checks the copies in one root. One that cannot be reached is noted, or fails when it is `required`. */
  verifyRoot(root: StorageRoot, filter: CopyFilter, required: boolean): Effect.Effect<void, RegistryError | StorageError | StorageRootProblem> {
    return Effect.gen({ self: this }, function*() {
      if (this.#signal?.aborted) return
      const here = { ...filter, root: root.uid }
      const reached = yield* Effect.result(this.#roots.reach(root))
      if (Result.isFailure(reached)) {
        if (required) return yield* Effect.fail(reached.failure)
        const copies = yield* Stream.runFold(this.#registry.copies(here), () => 0, (count, copy) => count + (copy.state === "replaced" ? 0 : 1))
        if (copies > 0) this.#noteUnreachable(root, reached.failure, copies)
        return
      }
      const handle = reached.success
      const path = handle.capabilities.localPath ? localPathOf(root) : null
      // A folder above may have become a symbolic link since the root was registered.
      if (path !== null) this.#base = fromUserPath(realPathOf(path)).replace(/^\/$/, "")
      yield* this.#registry.copies(here).pipe(
        // The next page is read from the registry meanwhile.
        Stream.bufferArray({ capacity: 1 }),
        Stream.runForEachArray((copies) => Effect.andThen(path !== null ? this.#checkLocal(root, copies) : this.#checkRemote(root, handle, copies), this.#recordGroup)),
        Effect.catchTag("Stopped", () => Effect.void)
      )
      yield* Effect.promise(async () => {
        if (this.#batch.length > 0) await this.#dispatch(root)
        while (this.#open.size > 0) await this.#answer()
      })
      yield* this.#judgeSuspects(root, required)
    })
  }

  /** Records what is not recorded yet. */
  get record(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const states = this.#states
      this.#states = []
      return Effect.matchEffect(this.#registry.recordStates(states), {
        onSuccess: () => Effect.void,
        onFailure: (error) => Effect.sync(() => {
          this.#notRecorded ??= error.message
        })
      })
    })
  }

  get #recordGroup(): Effect.Effect<void> {
    return Effect.suspend(() => (this.#states.length >= RECORDED ? this.record : Effect.void))
  }

  #checkLocal(root: StorageRoot, copies: ReadonlyArray<StoredCopy>): Effect.Effect<void, Stopped> {
    return Effect.flatMap(
      Effect.promise(async () => {
        for (const copy of copies) {
          if (copy.state === "replaced") {
            this.#replaced += 1
            continue
          }
          this.#batch.push(copy)
          this.#batchBytes += copy.size
          if (this.#batch.length < BATCH_COPIES && this.#batchBytes < BATCH_BYTES) continue
          await this.#dispatch(root)
          if (this.#signal?.aborted) return false
        }
        return true
      }),
      (goOn) => (goOn ? Effect.void : Effect.fail(new Stopped()))
    )
  }

  /** Gives a batch to the worker threads, when they have room for it. */
  async #dispatch(root: StorageRoot): Promise<void> {
    const copies = this.#batch
    const bytes = this.#batchBytes
    this.#batch = []
    this.#batchBytes = 0
    const pool = this.start()
    while (this.#open.size >= pool.ahead) await this.#answer()
    const lines = copies.map(({ hash, hashType, objectKey, size }) => `${objectKey}\t${size}\t${hashType}\t${hash}`)
    const checked: Promise<void> = pool.check({ base: this.#base, copies: lines.join("\n") }, bytes).then(
      (findings) => {
        const found = new Map(findings.map((finding) => [finding.at, finding]))
        copies.forEach((copy, at) => this.#note(root, copy, found.get(at) ?? null))
      },
      (error: unknown) => void (this.#crash ??= { error })
    ).finally(() => this.#open.delete(checked))
    this.#open.add(checked)
  }

  /** Waits for the next answer. */
  async #answer(): Promise<void> {
    await Promise.race(this.#open)
    if (this.#crash !== null) throw this.#crash.error
  }

  #checkRemote(root: StorageRoot, handle: StorageHandle, copies: ReadonlyArray<StoredCopy>): Effect.Effect<void, Stopped> {
    return Effect.forEach(copies, (copy) => {
      if (this.#signal?.aborted) return Effect.fail(new Stopped())
      if (copy.state === "replaced") return Effect.sync(() => void (this.#replaced += 1))
      return Effect.map(Effect.result(this.#reader.examine({ ...copy, root, path: "" }, handle)), (examined) => {
        this.#read.copies += 1
        if (Result.isSuccess(examined)) this.#read.bytes += copy.size
        this.#note(root, copy, Result.isFailure(examined) ? findingFrom(examined.failure) : this.#reader.hasherFor(copy, copy.size) === null ? { type: "size only" } : null)
      })
    }, { concurrency: Math.max(1, handle.capabilities.concurrencyHint), discard: true })
  }

  #note(root: StorageRoot, copy: StoredCopy, finding: Finding | null): void {
    const { hash, objectKey, uid } = copy
    switch (finding?.type) {
      case undefined:
        this.#ok += 1
        this.#states.push({ uid, root: root.uid, objectKey, state: "ok" })
        return
      case "size only":
        this.#sizeOnly += 1
        return
      case "missing":
        this.#suspects.push(copy)
        return
      case "unread":
        this.#failed.push({ uid, path: objectPath(root, objectKey), code: finding.code, message: finding.reason })
        return
      case "damaged":
        this.#damaged.push({ uid, path: objectPath(root, objectKey), expected: hash, found: finding.found })
        this.#states.push({ uid, root: root.uid, objectKey, state: "damaged" })
    }
  }

  /** Copies are missing when their root is there; a disk that was taken away meanwhile has lost nothing. */
  #judgeSuspects(root: StorageRoot, required: boolean): Effect.Effect<void, StorageError | StorageRootProblem> {
    return Effect.gen({ self: this }, function*() {
      const suspects = this.#suspects
      this.#suspects = []
      if (suspects.length === 0) return
      const reached = yield* Effect.result(this.#roots.reach(root))
      if (Result.isFailure(reached)) {
        if (required) return yield* Effect.fail(reached.failure)
        return this.#noteUnreachable(root, reached.failure, suspects.length)
      }
      for (const { objectKey, uid } of suspects) {
        this.#missing.push({ uid, path: objectPath(root, objectKey) })
        this.#states.push({ uid, root: root.uid, objectKey, state: "missing" })
      }
    })
  }

  #noteUnreachable(root: StorageRoot, error: StorageError | StorageRootProblem, copies: number): void {
    this.#unreachable.push({ uid: root.uid, url: root.url, name: root.name, reason: error.message, copies })
  }
}

/** What is not as it should be with a copy, wherever it is. */
type Finding = VerifyFinding extends infer F ? (F extends VerifyFinding ? Omit<F, "at"> : never) : never

/** The path itself when it is gone: that its copies are not there is judged afterwards. */
const realPathOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const findingFrom = ({ found, reason, state }: CopyProblem): Finding => {
  if (state === "missing") return { type: "missing" }
  return state === "damaged" ? { type: "damaged", found: found ?? reason } : { type: "unread", code: "StorageError", reason }
}
