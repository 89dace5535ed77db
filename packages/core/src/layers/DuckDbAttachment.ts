/**
 * The registry file of this process: attached to one in-memory DuckDB instance only while it is needed.
 *
 * Any process may read or write the file, one at a time for writing. A loop of small operations does not pay for attaching each time, because the
 * file stays attached for a moment after the last use; and it cannot shut others out, because after a while it is detached even though operations
 * keep coming. All users of one file in a process share one attachment: two instances that open one file would overwrite each other.
 */
import { existsSync, realpathSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { basename, dirname, join, resolve as resolvePath } from "node:path"
import type { DuckDBInstance } from "@duckdb/node-api"
import { RegistryBusy, RegistryFailed, RegistryNewer } from "../domain/SheafError.ts"
import { conflictingPid, isFatal, registryFailed } from "./DuckDbFailure.ts"
import { createRegistry, isOlder, migrate, schemaOf, sqlText } from "./DuckDbMigrations.ts"
import { SCHEMA_VERSION } from "./DuckDbSchema.ts"
import { DuckDbConnection, SessionInterrupted, type WriteClock } from "./DuckDbSession.ts"
import { describeProcess, lockingPid } from "./RegistryLockHolder.ts"

export type Access = "read" | "write"

export interface AcquireOptions {
  /** Make the registry when there is none. */
  readonly create: boolean
  readonly lockTimeoutMillis: number
  readonly signal: AbortSignal
}

export interface EngineSettings {
  /** As DuckDB writes it, such as `256MB`. */
  readonly memoryLimit: string
  readonly threads: number
  /** Where results that do not fit in memory go; its parent has to exist. */
  readonly tempDirectory: string
}

/** Milliseconds. `Contended` applies for a while after another process was met. */
const TIMES = {
  linger: 40,
  lingerContended: 5,
  hold: 300,
  holdContended: 200,
  contendedFor: 2000,
  /** How long the file is left to others before it is attached again; waiting processes look at the lock more often than this. */
  pause: 15,
  pauseContended: 60,
  pauseLook: 3,
  /** How often the lock is looked at, at first; half as long after having waited for `patience`, and so on, so that those who wait longest come first. */
  poll: 12,
  pollLeast: 1,
  patience: 500
} as const

/**
 * A checkpoint writes the last, unfinished row group of every table again. With DuckDB's own 122,880 rows that was two thirds of the time for publishing
 * a million rows in batches of 25,000. Applies while attached; it is not a property of the file.
 */
const ROW_GROUP_SIZE = 24_576

interface Waiter extends AcquireOptions {
  readonly access: Access
  readonly grant: (connection: Promise<DuckDbConnection>) => void
  readonly refuse: (error: unknown) => void
  /** When another process was first in the way. */
  blockedSince: number | null
}

const shared = new Map<string, DuckDbAttachment>()

export class DuckDbAttachment {
  readonly path: string
  readonly #settings: EngineSettings
  #references = 0
  #instance: DuckDBInstance | null = null
  #control: DuckDbConnection | null = null
  #idle: Array<DuckDbConnection> = []
  #mode: Access | null = null
  #attachedAt = 0
  #clock: WriteClock = { newest: null }
  #users = 0
  #writing = false
  #broken = false
  #contendedUntil = 0
  #queue: Array<Waiter> = []
  #onReleased: Array<() => void> = []
  #pump: Promise<void> | null = null
  #onIdle: (() => void) | null = null
  #linger: NodeJS.Timeout | null = null
  #holder: number | null = null

  private constructor(path: string, settings: EngineSettings) {
    this.path = path
    this.#settings = settings
  }

  /** The attachment of a file, shared in this process. To be closed as often as it was opened. */
  static open(path: string, settings: Partial<EngineSettings> = {}): DuckDbAttachment {
    const absolute = canonical(path)
    let attachment = shared.get(absolute)
    if (attachment === undefined) {
      attachment = new DuckDbAttachment(absolute, {
        memoryLimit: "256MB",
        // Small statements are slower with more threads, and ingest has its own; large batches gain from them where there are many cores.
        threads: Math.max(1, Math.min(4, Math.floor(availableParallelism() / 4))),
        tempDirectory: spillFolder(dirname(absolute)),
        ...settings
      })
      shared.set(absolute, attachment)
    }
    attachment.#references += 1
    return attachment
  }

  async close(): Promise<void> {
    this.#references -= 1
    if (this.#references > 0) return
    shared.delete(this.path)
    this.#stopLinger()
    while (this.#pump !== null) await this.#pump
    await this.#detach()
    this.#dispose()
  }

  /** A connection on which `reg` can be used, to be given back with {@link release}. */
  acquire(access: Access, options: AcquireOptions): Promise<DuckDbConnection> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#queue = this.#queue.filter((w) => w !== waiter)
        reject(new SessionInterrupted("interrupted"))
      }
      const waiter: Waiter = {
        ...options,
        access,
        blockedSince: null,
        grant: (connection) => {
          options.signal.removeEventListener("abort", abort)
          resolve(connection)
        },
        refuse: (error) => {
          options.signal.removeEventListener("abort", abort)
          reject(error)
        }
      }
      if (options.signal.aborted) return abort()
      options.signal.addEventListener("abort", abort, { once: true })
      this.#queue.push(waiter)
      this.#advance()
    })
  }

  release(access: Access, connection: DuckDbConnection): void {
    this.#users -= 1
    if (access === "write") this.#writing = false
    this.#idle.push(connection)
    if (this.#users === 0 && this.#onIdle !== null) this.#onIdle()
    this.#advance()
  }

  /** Whether reads must be protected against a writer of this process. */
  get isWritable(): boolean {
    return this.#mode === "write"
  }

  /** Tells of an error that came up in work on a connection. */
  noteFailure(message: string): void {
    if (isFatal(message)) this.#broken = true
  }

  /** Runs something, synchronously, while this process has let go of the file and everything it wrote is in it. */
  released<A>(use: () => A): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#onReleased.push(() => {
        try {
          resolve(use())
        } catch (error) {
          reject(error)
        }
      })
      this.#advance()
    })
  }

  /** A connection for work in memory, to be closed by the caller. */
  async connect(): Promise<DuckDbConnection> {
    const duck = await import("@duckdb/node-api")
    this.#instance ??= await this.#opening()
    return new DuckDbConnection(duck, await this.#instance.connect())
  }

  #starting: Promise<DuckDBInstance> | null = null

  async #opening(): Promise<DuckDBInstance> {
    this.#starting ??= import("@duckdb/node-api").then((duck) =>
      duck.DuckDBInstance.create(":memory:", {
        memory_limit: this.#settings.memoryLimit,
        threads: String(this.#settings.threads),
        temp_directory: this.#settings.tempDirectory,
        preserve_insertion_order: "true",
        force_compression: "uncompressed",
        autoinstall_known_extensions: "false",
        autoload_known_extensions: "false"
      })
    ).finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  // Granting: everything here is synchronous, so that a use of the attached file costs no turn of the event loop.

  #advance(): void {
    if (this.#pump !== null) return
    if (this.#onReleased.length > 0) return this.#startPump()
    this.#grantAll()
    if (this.#queue.some((w) => this.#needsTransition(w)) || (this.#users === 0 && this.#queue.length === 0 && this.#heldTooLong())) this.#startPump()
    else if (this.#users === 0 && this.#mode !== null) this.#startLinger()
  }

  #grantAll(): void {
    while (true) {
      const next = this.#queue.find((w) => this.#needsTransition(w) || !(w.access === "write" && this.#writing))
      if (next === undefined || this.#needsTransition(next)) return
      this.#queue = this.#queue.filter((w) => w !== next)
      this.#users += 1
      if (next.access === "write") this.#writing = true
      this.#stopLinger()
      next.grant(this.#lease(next.access))
    }
  }

  async #lease(access: Access): Promise<DuckDbConnection> {
    const clock = access === "write" ? this.#clock : null
    try {
      return Object.assign(this.#idle.pop() ?? await this.connect(), { clock })
    } catch (error) {
      this.#users -= 1
      if (access === "write") this.#writing = false
      if (this.#users === 0 && this.#onIdle !== null) this.#onIdle()
      this.#advance()
      throw registryFailed(this.path, "opening it", error)
    }
  }

  #needsTransition(waiter: Waiter): boolean {
    return this.#mode === null || this.#broken || this.#heldTooLong() || (waiter.access === "write" && this.#mode === "read")
  }

  #isContended(): boolean {
    return performance.now() < this.#contendedUntil
  }

  #heldTooLong(): boolean {
    return this.#mode !== null && performance.now() - this.#attachedAt > (this.#isContended() ? TIMES.holdContended : TIMES.hold)
  }

  #startLinger(): void {
    this.#stopLinger()
    this.#linger = setTimeout(() => {
      this.#linger = null
      if (this.#users === 0 && this.#queue.length === 0 && this.#pump === null) this.#startPump()
    }, this.#isContended() ? TIMES.lingerContended : TIMES.linger)
    this.#linger.unref()
  }

  #stopLinger(): void {
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#linger = null
  }

  // Transitions: one at a time, while nobody uses the file.

  #startPump(): void {
    this.#pump = this.#transitions().finally(() => {
      this.#pump = null
      this.#advance()
    })
  }

  async #transitions(): Promise<void> {
    this.#stopLinger()
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      this.#onIdle = null
    }
    const yielding = this.#heldTooLong()
    await this.#detach()
    for (const use of this.#onReleased.splice(0)) use()
    if (yielding && this.#queue.length > 0) await this.#letOthersIn()
    while (this.#queue.length > 0 && this.#mode === null) {
      for (const access of ["write", "read"] as const) {
        if (this.#mode === null && this.#queue.some((w) => w.access === access)) await this.#attachFor(access)
      }
      if (this.#mode !== null) return
      this.#refuseOverdue()
      if (this.#queue.length > 0) await sleep(this.#untilNextLook())
    }
  }

  async #letOthersIn(): Promise<void> {
    if (!this.#isContended()) return sleep(TIMES.pause)
    for (const until = performance.now() + TIMES.pauseContended; performance.now() < until;) {
      await sleep(TIMES.pauseLook)
      if (lockingPid(this.path, "write") !== null) return
    }
    this.#contendedUntil = 0
  }

  #untilNextLook(): number {
    const now = performance.now()
    const waited = this.#queue.reduce((most, { blockedSince }) => Math.max(most, blockedSince === null ? 0 : now - blockedSince), 0)
    return Math.max(TIMES.pollLeast, TIMES.poll * TIMES.patience / (TIMES.patience + waited)) * (0.6 + 0.8 * Math.random())
  }

  async #attachFor(access: Access): Promise<void> {
    try {
      const missing = !existsSync(this.path)
      if (missing && this.#queue.some((w) => w.create)) await createRegistry(await this.#controlled(), this.path)
      else if (missing) throw new RegistryFailed({ path: this.path, operation: "opening it", reason: "the file does not exist" })
      const blocking = await this.#attach(access)
      if (blocking === null) {
        this.#mode = access
        this.#clock = { newest: null }
        this.#attachedAt = performance.now()
      } else {
        this.#holder = blocking
        const now = performance.now()
        this.#contendedUntil = now + TIMES.contendedFor
        for (const waiter of this.#queue) if (waiter.access === access) waiter.blockedSince ??= now
      }
    } catch (error) {
      const typed = error instanceof RegistryFailed || error instanceof RegistryNewer ? error : registryFailed(this.path, "opening it", error)
      const refused = this.#queue.filter((w) => w.access === access)
      this.#queue = this.#queue.filter((w) => w.access !== access)
      for (const waiter of refused) waiter.refuse(typed)
    }
  }

  /** Attaches and brings the file in order; the pid of the process in the way (0 when unknown), or null when attached. */
  async #attach(access: Access): Promise<number | null> {
    const control = await this.#controlled()
    const hasWal = existsSync(this.path + ".wal")
    // A reader would replay what a crash left each time it attaches; whoever can write the file puts an end to that.
    if (access === "read" && hasWal && lockingPid(this.path, "write") === null) await this.#settle(control)
    const blocking = lockingPid(this.path, access) ?? (await this.#attachPlain(control, access))
    if (blocking !== null) return blocking
    try {
      if (access === "write" && hasWal) await control.run("CHECKPOINT reg")
      const found = await schemaOf(control)
      if (found === null) throw new RegistryFailed({ path: this.path, operation: "opening it", reason: "the file is a DuckDB database, but not a Sheaf registry" })
      if (found > SCHEMA_VERSION) throw new RegistryNewer({ path: this.path, found, supported: SCHEMA_VERSION })
      if (isOlder(found)) {
        if (access === "read") {
          await control.run("DETACH reg")
          const writer = await this.#attachPlain(control, "write")
          if (writer !== null) return writer
        }
        await migrate(control)
        if (access === "read") {
          await control.run("DETACH reg")
          return await this.#attachPlain(control, "read")
        }
      }
      return null
    } catch (error) {
      await control.run("DETACH DATABASE IF EXISTS reg").catch(() => this.#dispose())
      throw error
    }
  }

  async #attachPlain(control: DuckDbConnection, access: Access): Promise<number | null> {
    try {
      await control.run(`ATTACH ${sqlText(this.path)} AS reg (TYPE duckdb, ${access === "read" ? "READ_ONLY" : `ROW_GROUP_SIZE ${ROW_GROUP_SIZE}`})`)
      return null
    } catch (error) {
      const pid = error instanceof Error ? conflictingPid(error.message) : null
      if (pid === null) throw error
      return pid
    }
  }

  async #settle(control: DuckDbConnection): Promise<void> {
    try {
      if ((await this.#attachPlain(control, "write")) !== null) return
      await control.run("CHECKPOINT reg")
      await control.run("DETACH reg")
    } catch {
      // A medium that cannot be written, or a file that cannot be opened: attaching for reading tells which.
      await control.run("DETACH DATABASE IF EXISTS reg").catch(() => this.#dispose())
    }
  }

  async #detach(): Promise<void> {
    if (this.#mode !== null) {
      for (const connection of this.#idle) connection.forgetStatements()
      this.#mode = null
      try {
        await (await this.#controlled()).run("DETACH reg")
      } catch {
        // What was committed is in the file or its log; a fresh instance opens it again.
        this.#broken = true
      }
    }
    if (this.#broken) this.#dispose()
  }

  #dispose(): void {
    for (const connection of this.#idle) connection.close()
    this.#control?.close()
    this.#instance?.closeSync()
    this.#idle = []
    this.#control = null
    this.#instance = null
    this.#mode = null
    this.#broken = false
  }

  async #controlled(): Promise<DuckDbConnection> {
    return this.#control ??= await this.connect()
  }

  #refuseOverdue(): void {
    const now = performance.now()
    const overdue = this.#queue.filter((w) => w.blockedSince !== null && now - w.blockedSince >= w.lockTimeoutMillis)
    if (overdue.length === 0) return
    this.#queue = this.#queue.filter((w) => !overdue.includes(w))
    const holder = this.#holder === null || this.#holder <= 0 ? null : describeProcess(this.#holder)
    for (const waiter of overdue) {
      waiter.refuse(new RegistryBusy({
        path: this.path,
        waitedSeconds: Math.round((now - waiter.blockedSince!) / 100) / 10,
        pid: holder?.pid ?? null,
        command: holder?.command ?? null,
        startedAt: holder?.startedAt ?? null
      }))
    }
  }
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** In the cache of the instance; DuckDB makes the last folder of the path itself, and only when it needs it. */
const spillFolder = (folder: string): string => {
  const cache = join(folder, "cache")
  return existsSync(cache) ? join(cache, "spill") : join(tmpdir(), `sheaf-spill-${process.pid}`)
}

/** Two spellings of one file give one text. */
const canonical = (path: string): string => {
  const absolute = resolvePath(path)
  try {
    return realpathSync(absolute)
  } catch {
    try {
      return join(realpathSync(dirname(absolute)), basename(absolute))
    } catch {
      return absolute
    }
  }
}
