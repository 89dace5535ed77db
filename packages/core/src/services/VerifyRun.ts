/**
 * One verification under way: the copies of each root are listed in files, part by part, and go from there in batches to worker threads, or through their
 * driver where a root is no local directory. What was found is recorded after each part; the registry is not held in between.
 */
import { Cause, Effect, Exit, Fiber, Result } from "effect"
import { closeSync, openSync, realpathSync, rmSync } from "node:fs"
import type { HashType } from "../domain/ContentHash.ts"
import { fromUserPath } from "../domain/FileName.ts"
import type { FileError, StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import { type CopyBatch, parseCopyLine, readCopyList } from "../workers/CopyListReader.ts"
import { VerifyPool } from "../workers/VerifyPool.ts"
import type { VerifyFinding } from "../workers/VerifyProtocol.ts"
import type { CopyLedger, CopyPosition, ListedFinding, ListedPart } from "../ports/CopyLedger.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { CopyFilter, RegistryError } from "../ports/Registry.ts"
import type { StorageError, StorageHandle } from "../ports/Storage.ts"
import { type CopyProblem, examineCopy } from "./CopyExamination.ts"
import type { DamagedCopy, MissingCopy, UnreachableRoot, UnreadCopy, VerifyProgress, VerifyReport } from "./Integrity.ts"
import type { ScratchFiles } from "./ScratchFiles.ts"
import type { StorageRoots } from "./StorageRoots.ts"

/** Copies, and bytes, that a worker gets at once: large files are shared out one by one. */
const BATCH = { copies: 512, bytes: 16 * 1024 * 1024 }
/** Copies listed and recorded at once. */
const PART = 200_000
/** Milliseconds after which what was found so far is recorded also within a part, so that a kill loses little. */
const RECORD_AFTER = 30_000

export interface VerifyPorts {
  readonly ledger: CopyLedger["Service"]
  readonly roots: StorageRoots["Service"]
  readonly hashing: Hashing["Service"]
  readonly files: ScratchFiles
}

/** A root whose copies are to be checked. */
export interface RootToCheck {
  readonly root: StorageRoot
  readonly filter: CopyFilter
  readonly copies: number
  readonly handle: StorageHandle
  /** Path of a local root as the workers take it; else null. */
  readonly base: string | null
}

interface PartFile extends ListedPart {
  readonly file: string
}

type PartError = RegistryError | FileError

/** What is not as it should be with a copy, wherever it is. */
type Finding = VerifyFinding extends infer F ? (F extends VerifyFinding ? Omit<F, "at"> : never) : never

interface Suspect extends MissingCopy {
  readonly line: number
}

export class VerifyRun {
  readonly #ports: VerifyPorts
  readonly #workers: number | undefined
  readonly #signal: AbortSignal | undefined
  #pool: VerifyPool | null = null
  readonly #open = new Set<Promise<void>>()
  /** Copies in batches that are checked through their driver now. */
  #beside = 0
  #crash: { readonly error: unknown } | null = null
  /** Found since the last time it was recorded. */
  #findings: Array<ListedFinding> = []
  /** Not there, which counts when the root itself turns out to be there. */
  #suspects: Array<Suspect> = []
  #total = 0
  /** Read without the worker threads. */
  readonly #read = { copies: 0, bytes: 0 }

  #ok = 0
  #sizeOnly = 0
  #replaced = 0
  readonly #damaged: Array<DamagedCopy> = []
  readonly #missing: Array<MissingCopy> = []
  readonly #failed: Array<UnreadCopy> = []
  readonly #unreachable: Array<UnreachableRoot> = []
  #notRecorded: string | null = null

  constructor(ports: VerifyPorts, workers: number | undefined, signal: AbortSignal | undefined) {
    this.#ports = ports
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

  progress(): VerifyProgress {
    const { bytes, copies } = this.#pool?.progress() ?? { bytes: 0, copies: 0 }
    return { checked: this.#read.copies + copies, bytes: this.#read.bytes + bytes, total: this.#total }
  }

  report(): Omit<VerifyReport, "sample" | "seconds"> {
    const inOrder = <A extends { readonly path: string }>(found: ReadonlyArray<A>) => found.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    return {
      checked: this.#ok + this.#sizeOnly + this.#damaged.length + this.#missing.length + this.#failed.length,
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

  /** Opens a root and counts its copies; null when there are none, or when it cannot be reached, which fails when it is `required`. */
  open(root: StorageRoot, filter: CopyFilter, required: boolean): Effect.Effect<RootToCheck | null, RegistryError | StorageError | StorageRootProblem> {
    return Effect.gen({ self: this }, function*() {
      const reached = yield* Effect.result(this.#ports.roots.reach(root))
      if (Result.isFailure(reached) && required) return yield* Effect.fail(reached.failure)
      const { copies, replaced } = yield* this.#ports.ledger.count(root.uid, filter)
      if (Result.isFailure(reached)) {
        if (copies > 0) this.#noteUnreachable(root, reached.failure, copies)
        return null
      }
      this.#replaced += replaced
      this.#total += copies
      const handle = reached.success
      return copies === 0 ? null : { root, filter, copies, handle, base: handle.capabilities.localPath ? baseOf(root) : null }
    })
  }

  /** Checks the copies of a root and records what was found. */
  check(target: RootToCheck): Effect.Effect<void, PartError> {
    return Effect.gen({ self: this }, function*() {
      let checked = 0
      let part: PartFile | null = yield* this.#list(target, null)
      while (part !== null && !this.#signal?.aborted) {
        const { end }: PartFile = part
        // The next part is listed meanwhile.
        const next: Fiber.Fiber<PartFile | null, PartError> = yield* Effect.forkChild(end === null ? Effect.succeed(null) : this.#list(target, end))
        if (!(yield* this.#checkPart(target, part, target.copies - checked))) return
        checked += part.copies
        part = yield* Fiber.join(next)
      }
    })
  }

  #list({ filter, root }: RootToCheck, after: CopyPosition | null): Effect.Effect<PartFile, PartError> {
    return Effect.flatMap(this.#ports.files.next, (file) =>
      Effect.map(this.#ports.ledger.list(root.uid, filter, { after, limit: PART, file }), (part) => ({ ...part, file })))
  }

  /** Checks what is listed in a file; false when the root has gone meanwhile. `left` is the number of copies from here on. */
  #checkPart(target: RootToCheck, part: PartFile, left: number): Effect.Effect<boolean> {
    return Effect.acquireUseRelease(
      Effect.sync(() => openSync(part.file, "r")),
      (file) => this.#checkLines(target, part, file, left),
      (file) => Effect.sync(() => {
        closeSync(file)
        rmSync(part.file, { force: true })
      })
    )
  }

  #checkLines(target: RootToCheck, part: PartFile, file: number, left: number): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      let from = 0
      let done = 0
      let recorded = Date.now()
      for (const batch of readCopyList(file, BATCH)) {
        if (this.#signal?.aborted) break
        yield* target.base === null ? this.#checkBeside(target, batch) : Effect.promise(() => this.#dispatch(target, target.base!, batch))
        done = batch.first + batch.copies
        if (Date.now() - recorded < RECORD_AFTER) continue
        if (!(yield* this.#settle(target, part, from, done, left - done))) return false
        from = done
        recorded = Date.now()
      }
      return yield* this.#settle(target, part, from, done, left - done)
    })
  }

  /** Waits for all answers and records lines `from` up to `to`; false when the root has gone meanwhile. */
  #settle({ root }: RootToCheck, { file }: PartFile, from: number, to: number, left: number): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.promise(async () => {
        while (this.#open.size > 0) await this.#answer()
      })
      const isThere = yield* this.#judgeSuspects(root, left)
      const findings = this.#findings
      this.#findings = []
      yield* Effect.matchEffect(this.#ports.ledger.record({ root: root.uid, file }, { from, to, findings }), {
        onSuccess: () => Effect.void,
        onFailure: (error) => Effect.sync(() => void (this.#notRecorded ??= error.message))
      })
      return isThere
    })
  }

  /** Gives a batch to the worker threads, when they have room for it. */
  async #dispatch({ root }: RootToCheck, base: string, batch: CopyBatch): Promise<void> {
    const pool = this.start()
    while (this.#open.size >= pool.ahead) await this.#answer()
    const checked: Promise<void> = pool.check({ base, copies: batch.text }, batch.bytes).then(
      (findings) => {
        this.#ok += batch.copies - findings.length
        if (findings.length === 0) return
        const lines = batch.text.split("\n")
        for (const finding of findings) this.#note(root, batch.first + finding.at, lines[finding.at]!, finding)
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

  /**
   * Checks a batch through its driver. Large objects come in batches of few, which are checked beside one another as far as the store is good for that many copies
   * at once.
   */
  #checkBeside(target: RootToCheck, batch: CopyBatch): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { concurrencyHint } = target.handle.capabilities
      yield* Effect.promise(async () => {
        while (this.#beside > 0 && this.#beside + batch.copies > concurrencyHint) await this.#answer()
      })
      this.#beside += batch.copies
      const fiber = yield* Effect.forkChild(this.#checkRemote(target, batch))
      const checked: Promise<void> = new Promise((resolve) => {
        fiber.addObserver((exit) => {
          if (Exit.isFailure(exit)) this.#crash ??= { error: Cause.squash(exit.cause) }
          this.#beside -= batch.copies
          this.#open.delete(checked)
          resolve()
        })
      })
      this.#open.add(checked)
    })
  }

  #checkRemote({ handle, root }: RootToCheck, batch: CopyBatch): Effect.Effect<void> {
    const { hashing } = this.#ports
    return Effect.forEach(batch.text.split("\n").entries(), ([at, line]) => {
      const copy = { ...parseCopyLine(line), hashType: parseCopyLine(line).hashType as HashType }
      return Effect.map(Effect.result(examineCopy(copy, handle, hashing)), (examined) => {
        this.#read.copies += 1
        if (Result.isSuccess(examined)) this.#read.bytes += copy.size
        if (Result.isFailure(examined)) this.#note(root, batch.first + at, line, findingFrom(examined.failure))
        else if (hashing.forType(copy.hashType, copy.size) === null) this.#note(root, batch.first + at, line, { type: "size only" })
        else this.#ok += 1
      })
    }, { concurrency: Math.max(1, handle.capabilities.concurrencyHint), discard: true })
  }

  #note(root: StorageRoot, line: number, text: string, finding: Finding): void {
    const { hash, objectKey, uid } = parseCopyLine(text)
    const path = objectPath(root, objectKey)
    switch (finding.type) {
      case "missing":
        this.#suspects.push({ line, uid, path })
        return
      case "damaged":
        this.#damaged.push({ uid, path, expected: hash, found: finding.found })
        break
      case "unread":
        this.#failed.push({ uid, path, code: finding.code, message: finding.reason })
        break
      case "size only":
        this.#sizeOnly += 1
        break
    }
    this.#findings.push({ line, state: finding.type === "damaged" ? "damaged" : null })
  }

  /** Copies are missing when their root is there; a disk that was taken away meanwhile has lost nothing. `left` copies have not been looked at. */
  #judgeSuspects(root: StorageRoot, left: number): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      const suspects = this.#suspects
      this.#suspects = []
      if (suspects.length === 0) return true
      const reached = yield* Effect.result(this.#ports.roots.reach(root))
      const isThere = Result.isSuccess(reached)
      if (!isThere) this.#noteUnreachable(root, reached.failure, suspects.length + left)
      for (const { line, path, uid } of suspects) {
        if (isThere) this.#missing.push({ uid, path })
        this.#findings.push({ line, state: isThere ? "missing" : null })
      }
      return isThere
    })
  }

  #noteUnreachable(root: StorageRoot, error: StorageError | StorageRootProblem, copies: number): void {
    this.#unreachable.push({ uid: root.uid, url: root.url, name: root.name, reason: error.message, copies })
  }
}

/** Path of a local root as a latin1 string of its bytes, "" for `/`; null for another kind. A folder above may have become a symbolic link. */
const baseOf = (root: StorageRoot): string | null => {
  const path = localPathOf(root)
  if (path === null) return null
  try {
    return fromUserPath(realpathSync(path)).replace(/^\/$/, "")
  } catch {
    // It has just gone: that its copies are not there is judged afterwards.
    return fromUserPath(path)
  }
}

const findingFrom = ({ found, reason, state }: CopyProblem): Finding => {
  if (state === "missing") return { type: "missing" }
  return state === "damaged" ? { type: "damaged", found: found ?? reason } : { type: "unread", code: "StorageError", reason }
}
