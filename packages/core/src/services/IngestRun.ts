/**
 * One run of ingest: gives pieces of the walk to workers, and publishes their rows in batches, in path order, while later files are being hashed.
 *
 * Bytes first, then rows: the objects of a batch are complete and, with durability `full`, synced before its rows are committed.
 */
import { mkdirSync, rmSync, unlinkSync } from "node:fs"
import { unescapePath } from "../domain/FileName.ts"
import type { IngestEvent } from "../domain/IngestReport.ts"
import type { DuplicatePolicy } from "../domain/SaveDecision.ts"
import type { PublishedBatch, PublishedItem, StagedBatch } from "../domain/StagedBatch.ts"
import type { FatalAnswer, IngestPool } from "../workers/IngestPool.ts"
import type { TaskDone, TaskPart } from "../workers/IngestProtocol.ts"
import { TreeCount } from "../workers/TreeCount.ts"
import type { DirectoryPlan, IngestPlan, ListingPlan } from "./IngestPlan.ts"
import { IngestTally, itemEvent, type RunTotals } from "./IngestTally.ts"
import type { ListedRows } from "./ListedObjects.ts"
import type { ObjectTarget } from "./ObjectTarget.ts"
import { BATCH_ROWS, type StagingFile, StagingFiles } from "./StagingFiles.ts"
import { WorkList } from "./WorkList.ts"

/** Rows that have waited this long are published though they are few, so that a kill among large files loses little. */
const BATCH_MILLIS = 2_000
/** Workers pause while this many rows wait to be published, or this many bytes of rows for a piece before them. */
const MAX_WAITING_ROWS = 150_000
const MAX_BACKLOG = 48 * 1024 * 1024
const PROGRESS_MILLIS = 250

/** What a run needs from the services around it, as promises. */
export interface RunPorts {
  readonly publish: (batch: StagedBatch) => Promise<PublishedBatch>
  /** Where the objects of a managed source go; clears away there what killed processes have left. */
  readonly target: (plan: DirectoryPlan, staging: StagingFiles) => Promise<ObjectTarget>
  /** The objects of a source that is a listing, as rows. */
  readonly listed: (plan: ListingPlan) => AsyncIterable<ListedRows>
  /** Nothing has changed in the registry since these files were all registered this way: what the stat cache knows need not be looked up. */
  readonly isCurrent: (plan: DirectoryPlan) => boolean
  readonly emit: (events: ReadonlyArray<IngestEvent>) => Promise<void>
  /** Told of every file that was decided, by the number of its plan; null when nobody asks. */
  readonly met: ((plan: number, items: ReadonlyArray<PublishedItem>) => void) | null
  /** The typed error for a root that cannot be written. */
  readonly targetError: (plan: DirectoryPlan, fatal: FatalAnswer) => unknown
}

export interface RunOptions {
  readonly stagingFolder: string
  readonly exclude: ReadonlyArray<string>
  readonly followSymlinks: boolean
  readonly rehash: boolean
  readonly dryRun: boolean
  readonly items: boolean
  readonly countAhead: boolean
  readonly onDuplicate: DuplicatePolicy
  /** Asked for once, when there is something to publish: this opens the registry while further files are being hashed. */
  readonly account: () => Promise<string | null>
  readonly run: string | null
}

type Todo = Extract<TaskPart, { type: "todo" }>

export class IngestRun {
  readonly #ports: RunPorts
  readonly #options: RunOptions
  readonly #pool: IngestPool | null
  readonly #tally = new IngestTally()
  #plans: ReadonlyArray<IngestPlan> = []
  #plan!: IngestPlan
  #target: ObjectTarget | null = null
  #work!: WorkList
  readonly #staging: StagingFiles
  #accountUid: Promise<string | null> | undefined
  #publishing: Promise<void> | undefined
  #lastPublish = 0
  #needContent: Array<string> = []
  #stopped: "no" | "afterCurrentFiles" | "now" = "no"
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  #ticking = false
  #count: TreeCount | undefined
  /** Files are being read a second time, to copy them. */
  #recopied = false
  /** Objects and bytes of listings so far. */
  readonly #listed = { files: 0, bytes: 0 }

  /** The pool is the run's from now on: it ends it. Null when every source is a listing. */
  constructor(pool: IngestPool | null, ports: RunPorts, options: RunOptions) {
    this.#pool = pool
    this.#ports = ports
    this.#options = options
    // A dry run is decided as a whole: batches that change nothing could not see one another.
    this.#staging = new StagingFiles(options.stagingFolder, options.dryRun ? Number.POSITIVE_INFINITY : BATCH_ROWS)
    pool?.listen({
      onDone: (done) => this.#onDone(done),
      onFatal: (fatal) => this.#fail(ports.targetError(this.#plan as DirectoryPlan, fatal)),
      onCrash: (error) => this.#fail(error)
    })
  }

  /** Ends the run early: after the files that workers are at, with what is finished published; or at once. */
  stop(how: "afterCurrentFiles" | "now"): void {
    if (this.#stopped === "now") return
    this.#stopped = how
    this.#pool?.stop(how)
    this.#target?.stop(how)
    if (how === "now") this.#fail(new Error("stopped"))
    this.#signal()
  }

  async run(plans: ReadonlyArray<IngestPlan>): Promise<RunTotals> {
    this.#plans = plans
    mkdirSync(this.#options.stagingFolder, { recursive: true })
    const timer = setInterval(() => {
      this.#signal()
      this.#tick()
    }, PROGRESS_MILLIS)
    const { countAhead, exclude } = this.#options
    const sources = plans.flatMap((plan) => (plan.source === "directory" ? [{ directory: plan.directory, otherRoots: plan.otherRoots }] : []))
    if (countAhead && sources.length === plans.length) this.#count = new TreeCount({ sources, exclude })
    try {
      for (const plan of plans) {
        if (this.#stopped !== "no") break
        this.#plan = plan
        await (plan.source === "directory" ? this.#runDirectory(plan) : this.#runListing(plan))
      }
      await this.#emitProgress(true)
      await this.#pool?.finish()
      return this.#tally.totals(this.#stopped !== "no")
    } finally {
      clearInterval(timer)
      await this.#count?.close()
      await this.#pool?.terminate()
      rmSync(this.#options.stagingFolder, { recursive: true, force: true })
    }
  }

  async #runDirectory(plan: DirectoryPlan): Promise<void> {
    const pool = this.#pool!
    const { dryRun, exclude, followSymlinks, rehash } = this.#options
    const isCurrent = this.#ports.isCurrent(plan)
    const isStored = plan.mode === "managed" && !dryRun
    // A store answers after a while, in which the registry can be opened; but nobody needs it where nothing has changed.
    if (isStored && plan.rootPath === null && !isCurrent) this.#openRegistry()
    this.#target = isStored ? await this.#ports.target(plan, this.#staging) : null
    pool.source({
      type: "source",
      directory: plan.directory,
      keyPrefix: plan.keyPrefix === "" ? "" : plan.keyPrefix + "/",
      copyTo: this.#target?.copyTo ?? null,
      parts: this.#target?.parts ?? null,
      exclude, followSymlinks, rehash, dryRun, otherRoots: plan.otherRoots,
      trustCache: isCurrent
    })
    try {
      await this.#drain(pool, [{ type: "todo", directory: "", entries: null, large: false, above: [] }])
      // Unchanged files whose content the registry wants after all: they are copied now.
      while (this.#needContent.length > 0 && this.#stopped === "no") {
        const pieces = piecesToCopy(this.#needContent)
        this.#recopied = true
        this.#tally.unopened -= this.#needContent.length
        this.#needContent = []
        await this.#drain(pool, pieces)
      }
      this.#needContent = []
      this.#recopied = false
    } catch (error) {
      pool.stop("now")
      this.#target?.stop("now")
      await pool.terminate()
      await this.#publishing
      // Should this fail as well, the intent files stay, and the next run does it.
      await this.#target?.abandon().catch(() => undefined)
      throw error
    }
    this.#target?.close()
    this.#target = null
  }

  async #runListing(plan: ListingPlan): Promise<void> {
    this.#lastPublish = Date.now()
    for await (const { bytes, failures, rows, skips, tsv } of this.#ports.listed(plan)) {
      this.#throwFailure()
      this.#openRegistry()
      this.#staging.add(tsv, rows)
      for (const failure of failures) this.#tally.failed(plan, failure)
      for (const skip of skips) this.#tally.skipped(plan, skip)
      this.#listed.files += rows
      this.#listed.bytes += bytes
      this.#tally.bytes += bytes
      this.#tally.unopened += rows - failures.length - skips.length
      if (this.#isDue()) {
        await this.#publishing
        this.#throwFailure()
        this.#startPublishing()
      }
      if (this.#stopped !== "no") break
    }
    await this.#publishing
    while (this.#staging.rows > 0 && this.#failure === undefined) {
      this.#startPublishing()
      await this.#publishing
    }
    this.#throwFailure()
  }

  /** Works until every piece is done and published. */
  async #drain(pool: IngestPool, pieces: ReadonlyArray<Todo>): Promise<void> {
    this.#work = new WorkList(pieces)
    this.#lastPublish = Date.now()
    for (;;) {
      this.#throwFailure()
      if (this.#stopped !== "no" && this.#work.running === 0) this.#work.abandon()
      this.#dispatch(pool)
      this.#collect()
      const finished = this.#work.isEmpty
      if (this.#publishing === undefined && this.#staging.rows > 0 && (finished || this.#isDue())) this.#startPublishing()
      if (finished && this.#publishing === undefined && this.#staging.rows === 0) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (this.#failure !== undefined) resolve()
      })
    }
  }

  #isDue(): boolean {
    return !this.#options.dryRun && (this.#staging.rows >= BATCH_ROWS || Date.now() - this.#lastPublish > BATCH_MILLIS)
  }

  #dispatch(pool: IngestPool): void {
    if (this.#stopped !== "no") return
    const full = !this.#options.dryRun && this.#staging.rows > MAX_WAITING_ROWS
    for (let room = pool.room; room !== "none" && !full; room = pool.room) {
      const task = this.#work.take({ onlyFirst: this.#work.backlog > MAX_BACKLOG, notLarge: room === "next" })
      if (task === null) return
      pool.run(task)
    }
  }

  #collect(): void {
    for (let released = this.#work.release(); released !== null; released = this.#work.release()) {
      this.#openRegistry()
      for (const { partDigests, rows, tsv } of released) this.#staging.add(tsv, rows, partDigests)
    }
  }

  #openRegistry(): void {
    if (this.#accountUid !== undefined) return
    this.#accountUid = this.#options.account()
    this.#accountUid.catch((error: unknown) => this.#fail(error))
  }

  #startPublishing(): void {
    this.#publishing = this.#publish(this.#staging.take()).then(
      () => void (this.#lastPublish = Date.now()),
      (error: unknown) => this.#fail(error)
    ).finally(() => {
      this.#publishing = undefined
      this.#signal()
    })
  }

  async #publish(staging: StagingFile): Promise<void> {
    const target = this.#target
    let rels = await this.#publishRows(staging)
    if (target === null || target.store === null) {
      this.#needContent.push(...rels)
    } else {
      const once = this.#options.onDuplicate !== "new"
      while (rels.length > 0 && this.#stopped === "no") {
        const again: Array<string> = []
        await target.store({ staging, rels, once }, async (part, failures) => {
          again.push(...(await this.#publishRows(part)))
          for (const failure of failures) this.#tally.failed(this.#plan, failure)
          unlinkSync(part.file)
        })
        rels = again
      }
    }
    unlinkSync(staging.file)
  }

  /** Publishes rows; gives the paths of those whose content the target has to store first. */
  async #publishRows({ file, rows }: StagingFile): Promise<ReadonlyArray<string>> {
    const plan = this.#plan
    const target = this.#target
    const { dryRun, items, onDuplicate, run } = this.#options
    await target?.flush()
    const published = await this.#ports.publish({
      file, rows, root: plan.root.uid, keyPrefix: plan.keyPrefix === "" ? "" : plan.keyPrefix + "/",
      inPlacePrefix: plan.mode === "managed" ? null : plan.objectPrefix,
      onDuplicate, account: await this.#accountUid!, run, dryRun, wantItems: items || this.#ports.met !== null,
      relocate: target?.relocate ?? null
    })
    this.#tally.published(plan, published)
    await target?.discard(published.superfluous)
    this.#ports.met?.(this.#plans.indexOf(plan), published.items)
    if (items && published.items.length > 0) await this.#ports.emit(published.items.map((item) => itemEvent(plan, item)))
    return published.needContent
  }

  #onDone(done: TaskDone): void {
    this.#work.complete(done.id, done.parts)
    for (const failure of done.failures) this.#tally.failed(this.#plan, failure)
    for (const skip of done.skips) this.#tally.skipped(this.#plan, skip)
    for (const names of done.clashes) this.#tally.clash(this.#plan, names)
    if (!this.#recopied) this.#tally.bytes += done.bytes
    this.#tally.unopened += done.unopened
    this.#tally.unchanged(done.unchanged)
    this.#signal()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#signal()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #signal(): void {
    this.#wake?.()
  }

  /** A progress event, unless the last one still waits for a slow reader. */
  #tick(): void {
    if (this.#ticking) return
    this.#ticking = true
    this.#emitProgress(false).catch(() => undefined).finally(() => {
      this.#ticking = false
    })
  }

  async #emitProgress(walked: boolean): Promise<void> {
    // Where content is stored after it was hashed, a file is done when it is stored.
    const waiting = this.#target === null || this.#target.store === null ? null : this.#target.waiting
    const done = (slot: "files" | "bytes", rows: number) => Math.max(0, (this.#pool?.progress(slot) ?? 0) - (waiting === null ? 0 : waiting[slot] + rows))
    const files = this.#listed.files + done("files", this.#staging.rows)
    const bytes = this.#listed.bytes + done("bytes", 0)
    await this.#ports.emit([{
      type: "progress",
      files,
      bytes,
      totalFiles: Math.max(files, this.#count?.files ?? this.#pool?.progress("met") ?? 0),
      totalBytes: Math.max(bytes, this.#count?.bytes ?? 0),
      walked: walked || (this.#count?.isDone ?? false)
    }])
  }
}

/** Entries to read again, by directory, in the order they came. */
const piecesToCopy = (rels: ReadonlyArray<string>): ReadonlyArray<Todo> => {
  const pieces: Array<{ directory: string; entries: Array<string> }> = []
  for (const rel of rels) {
    const path = unescapePath(rel)
    const slash = path.lastIndexOf("/")
    const directory = slash < 0 ? "" : path.slice(0, slash)
    const entry = "c" + path.slice(slash + 1)
    const last = pieces.at(-1)
    if (last?.directory === directory && last.entries.length < PIECE_FILES) last.entries.push(entry)
    else pieces.push({ directory, entries: [entry] })
  }
  return pieces.map(({ directory, entries }) => ({ type: "todo", directory, entries: entries.join("/"), large: false, above: [] }))
}

const PIECE_FILES = 1024
