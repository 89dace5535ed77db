/**
 * The registry file of this process: attached to one in-memory DuckDB instance only while it is needed.
 *
 * Any process may read or write the file, one at a time for writing. A loop of small operations does not pay for attaching each time, because the
 * file stays attached for a moment after the last use; and it cannot shut others out, because after a while it is detached even though operations
 * keep coming. All users of one file in a process share one attachment: two instances that open one file would overwrite each other.
 */
import { realpathSync } from "node:fs"
import { basename, dirname, join, resolve as resolvePath } from "node:path"
import { RegistryBusy, RegistryFailed, RegistryNewer } from "../domain/SheafError.ts"
import { type Access, DuckDbEngine, type EngineSettings } from "./DuckDbEngine.ts"
import { isFatal, registryFailed } from "./DuckDbFailure.ts"
import { type DuckDbConnection, SessionInterrupted, type WriteClock } from "./DuckDbSession.ts"
import { describeProcess } from "./RegistryLockHolder.ts"
import { RegistryTurns } from "./RegistryTurns.ts"

export interface AcquireOptions {
  /** Make the registry when there is none. */
  readonly create: boolean
  readonly lockTimeoutMillis: number
  readonly signal: AbortSignal
}

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
  readonly #engine: DuckDbEngine
  readonly #turns: RegistryTurns
  #references = 0
  #idle: Array<DuckDbConnection> = []
  #mode: Access | null = null
  #attachedAt = 0
  #clock: WriteClock = { newest: null }
  #users = 0
  #writing = false
  #broken = false
  #queue: Array<Waiter> = []
  #onReleased: Array<() => Promise<void>> = []
  #transition: Promise<void> | null = null
  #onIdle: (() => void) | null = null
  #linger: NodeJS.Timeout | null = null

  private constructor(path: string, settings: Partial<EngineSettings>) {
    this.path = path
    this.#engine = new DuckDbEngine(path, settings)
    this.#turns = new RegistryTurns(path)
  }

  /** The attachment of a file, shared in this process. To be closed as often as it was opened; settings are those of whoever comes first. */
  static open(path: string, settings: Partial<EngineSettings> = {}): DuckDbAttachment {
    const absolute = canonical(path)
    const attachment = shared.get(absolute) ?? new DuckDbAttachment(absolute, settings)
    shared.set(absolute, attachment)
    attachment.#references += 1
    return attachment
  }

  async close(): Promise<void> {
    this.#references -= 1
    if (this.#references > 0) return
    // Until the file is let go of, whoever opens it again in this process has to find this attachment.
    await this.released(() => {
      if (this.#references > 0) return
      shared.delete(this.path)
      this.#broken = true
    })
    if (this.#broken) await this.#dispose()
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
    this.#idle.push(connection)
    this.#leave(access)
  }

  /** Whether reads must be protected against a writer of this process. */
  get isWritable(): boolean {
    return this.#mode === "write"
  }

  /** Tells of an error that came up in work on a connection. */
  noteFailure(message: string): void {
    if (isFatal(message)) this.#broken = true
  }

  /** Runs something while this process has let go of the file and everything it wrote is in it; nobody gets the file before it ends. */
  released<A>(use: () => A | Promise<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#onReleased.push(async () => {
        try {
          resolve(await use())
        } catch (error) {
          reject(error)
        }
      })
      this.#advance()
    })
  }

  /** A connection for work in memory, to be closed by the caller. */
  connect(): Promise<DuckDbConnection> {
    return this.#engine.connect()
  }

  // Granting: everything here is synchronous, so that a use of the attached file costs no turn of the event loop.

  #advance(): void {
    if (this.#transition !== null) return
    if (this.#onReleased.length > 0) return this.#startTransition()
    this.#grantAll()
    const isUnused = this.#users === 0 && this.#queue.length === 0
    if (this.#queue.some((w) => this.#needsTransition(w)) || (isUnused && this.#heldTooLong())) this.#startTransition()
    else if (isUnused && this.#mode !== null) this.#startLinger()
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
      this.#leave(access)
      throw registryFailed(this.path, "opening it", error)
    }
  }

  #leave(access: Access): void {
    this.#users -= 1
    if (access === "write") this.#writing = false
    if (this.#users === 0 && this.#onIdle !== null) this.#onIdle()
    this.#advance()
  }

  #needsTransition(waiter: Waiter): boolean {
    return this.#mode === null || this.#broken || this.#heldTooLong() || (waiter.access === "write" && this.#mode === "read")
  }

  #heldTooLong(): boolean {
    return this.#mode !== null && performance.now() - this.#attachedAt > this.#turns.hold
  }

  #startLinger(): void {
    this.#stopLinger()
    this.#linger = setTimeout(() => {
      this.#linger = null
      if (this.#users === 0 && this.#queue.length === 0 && this.#transition === null) this.#startTransition()
    }, this.#turns.linger)
    this.#linger.unref()
  }

  #stopLinger(): void {
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#linger = null
  }

  // Transitions: one at a time, while nobody uses the file.

  #startTransition(): void {
    this.#stopLinger()
    this.#transition = this.#change().catch((error: unknown) => this.#refuse(this.#queue, registryFailed(this.path, "opening it", error))).finally(() => {
      this.#transition = null
      this.#advance()
    })
  }

  async #change(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      this.#onIdle = null
    }
    const isYielding = this.#heldTooLong()
    await this.#detach()
    for (const use of this.#onReleased.splice(0)) await use()
    if (isYielding && this.#queue.length > 0) await this.#turns.letOthersIn()
    while (this.#queue.length > 0 && this.#mode === null) {
      for (const access of ["write", "read"] as const) {
        if (this.#mode === null && this.#queue.some((w) => w.access === access)) await this.#attachFor(access)
      }
      if (this.#mode !== null) return
      this.#refuseOverdue()
      if (this.#queue.length > 0) await this.#turns.untilNextLook(this.#waited())
    }
  }

  /** Milliseconds that the one who has waited longest has been kept out by other processes. */
  #waited(): number {
    const now = performance.now()
    return this.#queue.reduce((most, { blockedSince }) => Math.max(most, blockedSince === null ? 0 : now - blockedSince), 0)
  }

  async #attachFor(access: Access): Promise<void> {
    try {
      const blocking = await this.#engine.attach(access, {
        create: this.#queue.some((w) => w.create),
        look: this.#turns.isContended || this.#queue.some((w) => w.blockedSince !== null)
      })
      const now = performance.now()
      if (blocking === null) {
        this.#mode = access
        this.#clock = { newest: null }
        this.#attachedAt = now
      } else {
        this.#turns.met(blocking)
        for (const waiter of this.#queue) if (waiter.access === access) waiter.blockedSince ??= now
      }
    } catch (error) {
      const isTyped = error instanceof RegistryFailed || error instanceof RegistryNewer
      this.#refuse(this.#queue.filter((w) => w.access === access), isTyped ? error : registryFailed(this.path, "opening it", error))
    }
  }

  async #detach(): Promise<void> {
    if (this.#mode !== null) {
      for (const connection of this.#idle) connection.forgetStatements()
      this.#mode = null
      // What was committed is in the file or its log, whatever happens here: a fresh instance opens it again.
      await this.#engine.detach().catch(() => void (this.#broken = true))
    }
    if (this.#broken) await this.#dispose()
  }

  async #dispose(): Promise<void> {
    for (const connection of this.#idle.splice(0)) connection.close()
    this.#broken = false
    await this.#engine.dispose()
  }

  #refuseOverdue(): void {
    const now = performance.now()
    const overdue = this.#queue.filter((w) => w.blockedSince !== null && now - w.blockedSince >= w.lockTimeoutMillis)
    if (overdue.length === 0) return
    const pid = this.#turns.holder
    const holder = pid === null || pid <= 0 ? null : describeProcess(pid)
    for (const waiter of overdue) {
      this.#refuse([waiter], new RegistryBusy({
        path: this.path,
        waitedSeconds: Math.round((now - waiter.blockedSince!) / 100) / 10,
        pid: holder?.pid ?? null,
        command: holder?.command ?? null,
        startedAt: holder?.startedAt ?? null
      }))
    }
  }

  #refuse(waiters: ReadonlyArray<Waiter>, error: unknown): void {
    this.#queue = this.#queue.filter((w) => !waiters.includes(w))
    for (const waiter of waiters) waiter.refuse(error)
  }
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
