/**
 * One run of ingest: gives pieces of the walk to workers, and publishes their rows in batches, in path order, while later files are being hashed.
 *
 * Bytes first, then rows: the objects of a batch are complete and, with durability `full`, synced before its rows are committed.
 */
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, unlinkSync, writeSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { displayPath, fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { IngestCounts, IngestEvent, IngestFailure, IngestSkip, IngestWarning } from "../domain/IngestReport.ts"
import { type DuplicatePolicy, OUTCOMES, type Outcome } from "../domain/SaveDecision.ts"
import type { PublishedBatch, PublishedItem, Relocation, StagedBatch } from "../domain/StagedBatch.ts"
import type { FatalAnswer, IngestPool } from "../workers/IngestPool.ts"
import type { TaskDone, TaskPart } from "../workers/IngestProtocol.ts"
import { TreeCount } from "../workers/TreeCount.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { findLeftovers, intentPath, openIntents, ownIntent, removeLeftovers } from "../workers/PendingObjects.ts"
import { UID_LENGTH } from "../domain/Uid.ts"
import type { IngestPlan } from "./IngestPlan.ts"
import { WorkList } from "./WorkList.ts"

/** A batch is published from this many rows on: few enough that the registry is held for well under a second. */
const BATCH_ROWS = 25_000
/** Or when rows have waited this long, so that a kill among large files loses little. */
const BATCH_MILLIS = 2_000
/** Workers pause while this many rows wait to be published, or this many bytes of rows for a piece before them. */
const MAX_WAITING_ROWS = 150_000
const MAX_BACKLOG = 48 * 1024 * 1024
const PROGRESS_MILLIS = 250

/** What a run needs from the services around it, as promises. */
export interface RunPorts {
  readonly publish: (batch: StagedBatch) => Promise<PublishedBatch>
  readonly knownObjects: (root: string, objectKeys: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
  /** Makes everything written to the root so far durable. */
  readonly flush: (plan: IngestPlan) => Promise<void>
  /** Nothing has changed in the registry since these files were all registered this way: what the stat cache knows need not be looked up. */
  readonly isCurrent: (plan: IngestPlan) => boolean
  readonly emit: (events: ReadonlyArray<IngestEvent>) => Promise<void>
  /** Told of every file that was decided, by the number of its plan; null when nobody asks. */
  readonly met: ((plan: number, items: ReadonlyArray<PublishedItem>) => void) | null
  /** The typed error for a root that cannot be written. */
  readonly targetError: (plan: IngestPlan, fatal: FatalAnswer) => unknown
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
  readonly durable: boolean
}

export interface RunTotals {
  readonly counts: IngestCounts
  readonly bytes: number
  readonly failures: ReadonlyArray<IngestFailure>
  readonly skips: ReadonlyArray<IngestSkip>
  readonly warnings: ReadonlyArray<IngestWarning>
  readonly unopened: number
  readonly interrupted: boolean
  /** Some content was refused, and will be again. */
  readonly refused: boolean
}

type Todo = Extract<TaskPart, { type: "todo" }>

export class IngestRun {
  readonly #ports: RunPorts
  readonly #options: RunOptions
  readonly #pool: IngestPool
  #plans: ReadonlyArray<IngestPlan> = []
  #plan!: IngestPlan
  #work!: WorkList
  /** Staging files in row order; rows are added to the last. */
  readonly #staged: Array<{ readonly file: string; readonly fd: number; rows: number }> = []
  /** Rows in them. */
  #rows = 0
  #accountUid: Promise<string | null> | undefined
  #publishing: Promise<void> | undefined
  #lastPublish = 0
  #batches = 0
  /** Batches in which objects were moved. */
  #moves = 0
  #needContent: Array<string> = []
  #intents: string | null = null
  #stopped: "no" | "afterCurrentFiles" | "now" = "no"
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  #ticking = false
  #count: TreeCount | undefined

  readonly #outcomes = Object.fromEntries(OUTCOMES.map((o) => [o, 0])) as Record<Outcome, number>
  readonly #failures: Array<IngestFailure> = []
  readonly #skips: Array<IngestSkip> = []
  readonly #warnings: Array<IngestWarning> = []
  #bytes = 0
  #unopened = 0
  #refused = false
  /** Files are being read a second time, to copy them. */
  #recopied = false

  /** The pool is the run's from now on: it ends it. */
  constructor(pool: IngestPool, ports: RunPorts, options: RunOptions) {
    this.#pool = pool
    this.#ports = ports
    this.#options = options
    pool.listen({
      onDone: (done) => this.#onDone(done),
      onFatal: (fatal) => this.#fail(ports.targetError(this.#plan, fatal)),
      onCrash: (error) => this.#fail(error)
    })
  }

  /** Ends the run early: after the files that workers are at, with what is finished published; or at once. */
  stop(how: "afterCurrentFiles" | "now"): void {
    if (this.#stopped === "now") return
    this.#stopped = how
    this.#pool.stop(how)
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
    if (countAhead) this.#count = new TreeCount({ sources: plans.map(({ directory, otherRoots }) => ({ directory, otherRoots })), exclude })
    try {
      for (const plan of plans) {
        if (this.#stopped === "no") await this.#runPlan(plan)
      }
      await this.#emitProgress(true)
      await this.#pool.finish()
      return this.#totals()
    } finally {
      clearInterval(timer)
      await this.#count?.close()
      await this.#pool.terminate()
      rmSync(this.#options.stagingFolder, { recursive: true, force: true })
    }
  }

  async #runPlan(plan: IngestPlan): Promise<void> {
    this.#plan = plan
    const copies = plan.mode === "managed" && !this.#options.dryRun
    if (copies) await this.#removeLeftovers(plan)
    this.#intents = copies ? intentPath(plan.rootPath) : null
    const { exclude, followSymlinks, rehash, dryRun } = this.#options
    this.#pool.source({
      type: "source",
      directory: plan.directory,
      keyPrefix: plan.keyPrefix === "" ? "" : plan.keyPrefix + "/",
      copyTo: this.#intents === null ? null : { rootPath: plan.rootPath, intents: this.#intents },
      exclude, followSymlinks, rehash, dryRun, otherRoots: plan.otherRoots,
      trustCache: this.#ports.isCurrent(plan)
    })
    try {
      await this.#drain([{ type: "todo", directory: "", entries: null, large: false, above: [] }])
      // Unchanged files whose content the registry wants after all: they are copied now.
      while (this.#needContent.length > 0 && this.#stopped === "no") {
        const pieces = piecesToCopy(this.#needContent)
        this.#recopied = true
        this.#unopened -= this.#needContent.length
        this.#needContent = []
        await this.#drain(pieces)
      }
      this.#needContent = []
      this.#recopied = false
    } catch (error) {
      this.#pool.stop("now")
      await this.#pool.terminate()
      await this.#publishing
      // Should this fail as well, the intent files stay, and the next run does it.
      if (copies) await this.#removeOwn(plan).catch(() => undefined)
      throw error
    }
    for (const path of this.#ownIntents()) rmSync(path, { force: true })
  }

  /** Works until every piece is done and published. */
  async #drain(pieces: ReadonlyArray<Todo>): Promise<void> {
    this.#work = new WorkList(pieces)
    this.#lastPublish = Date.now()
    for (;;) {
      this.#throwFailure()
      if (this.#stopped !== "no" && this.#work.running === 0) this.#work.abandon()
      this.#dispatch()
      this.#collect()
      const finished = this.#work.isEmpty
      if (this.#publishing === undefined && this.#rows > 0 && (finished || this.#isDue())) this.#startPublishing()
      if (finished && this.#publishing === undefined && this.#rows === 0) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (this.#failure !== undefined) resolve()
      })
    }
  }

  #isDue(): boolean {
    return !this.#options.dryRun && (this.#rows >= BATCH_ROWS || Date.now() - this.#lastPublish > BATCH_MILLIS)
  }

  #dispatch(): void {
    if (this.#stopped !== "no") return
    const full = !this.#options.dryRun && this.#rows > MAX_WAITING_ROWS
    for (let room = this.#pool.room; room !== "none" && !full; room = this.#pool.room) {
      const task = this.#work.take({ onlyFirst: this.#work.backlog > MAX_BACKLOG, notLarge: room === "next" })
      if (task === null) return
      this.#pool.run(task)
    }
  }

  #collect(): void {
    for (let released = this.#work.release(); released !== null; released = this.#work.release()) {
      this.#openRegistry()
      for (const { rows, tsv } of released) {
        let staging = this.#staged.at(-1)
        // A dry run is decided as a whole: batches that change nothing could not see one another.
        if (staging === undefined || (staging.rows >= BATCH_ROWS && !this.#options.dryRun)) {
          const file = join(this.#options.stagingFolder, `batch-${this.#batches++}.tsv`)
          staging = { file, fd: openSync(file, "wx"), rows: 0 }
          this.#staged.push(staging)
        }
        let written = 0
        while (written < tsv.length) written += writeSync(staging.fd, tsv, written)
        staging.rows += rows
        this.#rows += rows
      }
    }
  }

  #openRegistry(): void {
    if (this.#accountUid !== undefined) return
    this.#accountUid = this.#options.account()
    this.#accountUid.catch((error: unknown) => this.#fail(error))
  }

  #startPublishing(): void {
    const { fd, file, rows } = this.#staged.shift()!
    closeSync(fd)
    this.#rows -= rows
    this.#publishing = this.#publish(file, rows).then(
      () => void (this.#lastPublish = Date.now()),
      (error: unknown) => this.#fail(error)
    ).finally(() => {
      this.#publishing = undefined
      this.#signal()
    })
  }

  async #publish(file: string, rows: number): Promise<void> {
    const plan = this.#plan
    const { dryRun, durable, items, onDuplicate, run } = this.#options
    const managed = plan.mode === "managed"
    if (managed && durable && !dryRun) await this.#ports.flush(plan)
    const published = await this.#ports.publish({
      file, rows, root: plan.root.uid, keyPrefix: plan.keyPrefix === "" ? "" : plan.keyPrefix + "/",
      inPlacePrefix: managed ? null : plan.objectPrefix,
      onDuplicate, account: await this.#accountUid!, run, dryRun, wantItems: items || this.#ports.met !== null,
      relocate: managed && !dryRun ? (moves) => this.#relocate(plan, moves) : null
    })
    unlinkSync(file)
    await this.#account(plan, published)
  }

  async #account(plan: IngestPlan, published: PublishedBatch): Promise<void> {
    for (const outcome of OUTCOMES) this.#outcomes[outcome] += published.counts[outcome]
    for (const { rel, uid } of published.duplicates) {
      this.#refused = true
      this.#failures.push({ path: shownPath(plan, rel), code: "DuplicateContent", message: `the content is already registered as artifact ${uid}` })
    }
    const root = fromUserPath(plan.rootPath)
    for (const key of published.superfluous) unlinkSync(toFsPath(`${root}/${unescapePath(key)}`))
    this.#needContent.push(...published.needContent)
    this.#ports.met?.(this.#plans.indexOf(plan), published.items)
    if (this.#options.items && published.items.length > 0) await this.#ports.emit(published.items.map((item) => itemEvent(plan, item)))
  }

  /** Gives the objects of new versions the names that their uids ask for. */
  async #relocate(plan: IngestPlan, moves: ReadonlyArray<Relocation>): Promise<ReadonlyArray<string>> {
    const places = moves.map((move) => (isNamedByUid(move) ? virtualPlace(move) : move.from))
    const changed = moves.flatMap((move, i) => (places[i] === move.from ? [] : [{ from: move.from, to: places[i]! }]))
    if (changed.length === 0) return places
    const root = fromUserPath(plan.rootPath)
    const intents = openIntents(plan.rootPath, ownIntent(this.#intents!, `moved${this.#moves++}`))
    intents.add(changed.map((c) => c.to))
    const folders = new Set<string>()
    for (const { from, to } of changed) {
      const folder = to.slice(0, to.lastIndexOf("/"))
      if (!folders.has(folder)) mkdirSync(toFsPath(`${root}/${unescapePath(folder)}`), { recursive: true })
      folders.add(folder)
      renameSync(toFsPath(`${root}/${unescapePath(from)}`), toFsPath(`${root}/${unescapePath(to)}`))
    }
    if (this.#options.durable) await this.#ports.flush(plan)
    return places
  }

  #onDone(done: TaskDone): void {
    this.#work.complete(done.id, done.parts)
    for (const { code, message, path } of done.failures) this.#failures.push({ path: shownPath(this.#plan, path), code, message })
    for (const { path, reason } of done.skips) this.#skips.push({ path: shownPath(this.#plan, path), reason })
    for (const names of done.clashes) {
      const paths = names.map((name) => shownPath(this.#plan, name))
      this.#warnings.push({ code: "PortabilityClash", message: `${paths.join(" and ")} differ only in case or Unicode form`, paths })
    }
    if (!this.#recopied) this.#bytes += done.bytes
    this.#unopened += done.unopened
    this.#outcomes.existing += done.unchanged
    this.#signal()
  }

  async #removeLeftovers(plan: IngestPlan): Promise<void> {
    const leftovers = findLeftovers(plan.rootPath)
    if (leftovers.length > 0) await removeLeftovers(plan.rootPath, leftovers, (keys) => this.#ports.knownObjects(plan.root.uid, keys))
  }

  /** Intent files of this run's workers and of its moves. */
  #ownIntents(): ReadonlyArray<string> {
    if (this.#intents === null) return []
    const folder = dirname(this.#intents)
    const stem = basename(this.#intents, ".intent") + "-"
    try {
      return readdirSync(folder).filter((name) => name.startsWith(stem)).map((name) => join(folder, name))
    } catch {
      return []
    }
  }

  /** After a failure: what this run wrote and did not publish is taken away again. */
  async #removeOwn(plan: IngestPlan): Promise<void> {
    const own = this.#ownIntents().map((path) => ({ path, owner: null }))
    await removeLeftovers(plan.rootPath, own, (keys) => this.#ports.knownObjects(plan.root.uid, keys))
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
    const files = this.#pool.progress("files")
    const bytes = this.#pool.progress("bytes")
    await this.#ports.emit([{
      type: "progress",
      files,
      bytes,
      totalFiles: Math.max(files, this.#count?.files ?? this.#pool.progress("met")),
      totalBytes: Math.max(bytes, this.#count?.bytes ?? 0),
      walked: walked || (this.#count?.isDone ?? false)
    }])
  }

  #totals(): RunTotals {
    const failed = this.#failures.length
    const skipped = this.#skips.length
    const saved = OUTCOMES.reduce((sum, outcome) => sum + this.#outcomes[outcome], 0)
    return {
      counts: { files: saved + failed + skipped, ...this.#outcomes, skipped, failed },
      bytes: this.#bytes, failures: this.#failures, skips: this.#skips, warnings: this.#warnings, unopened: this.#unopened, interrupted: this.#stopped !== "no", refused: this.#refused
    }
  }
}

/** Whether the object stands where its candidate uid put it, and not where its key did. */
const isNamedByUid = (move: Relocation): boolean =>
  move.from === virtualPlace({ ...move, uid: move.from.slice(VIRTUAL_FOLDER_LENGTH, VIRTUAL_FOLDER_LENGTH + UID_LENGTH.artifact) })

/** Length of `.sheaf/<2>/`. */
const VIRTUAL_FOLDER_LENGTH = 10

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

const shownPath = (plan: IngestPlan, rel: string): string => (rel === "" ? plan.shown : `${plan.shown.replace(/\/+$/, "")}/${rel}`)

const itemEvent = (plan: IngestPlan, item: PublishedItem): IngestEvent => ({
  type: "item",
  path: shownPath(plan, displayPath(item.rel)),
  outcome: item.outcome,
  key: item.key,
  uid: item.uid,
  hash: item.hash,
  size: item.size,
  ...(item.outcome === "skipped" ? { reason: item.message ?? "" } : {}),
  ...(item.outcome === "failed" ? { error: { code: item.code ?? "", message: item.message ?? "" } } : {})
})
