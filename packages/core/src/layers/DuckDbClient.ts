/**
 * The registry file as a service: short pieces of work on a connection, with the registry attached as `reg` while they run.
 */
import { Context, Effect, Layer } from "effect"
import type { RegistryFailed } from "../domain/SheafError.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { DuckDbAttachment } from "./DuckDbAttachment.ts"
import type { Access, EngineSettings } from "./DuckDbEngine.ts"
import { registryFailed } from "./DuckDbFailure.ts"
import { type DuckDbConnection, type DuckDbSession, EngineError, SessionInterrupted } from "./DuckDbSession.ts"

export type { DuckDbSession } from "./DuckDbSession.ts"

export interface DuckDbClientOptions extends Partial<EngineSettings> {
  /** The registry file. */
  readonly path: string
  /** Make the registry when there is none; otherwise a missing file is an error. */
  readonly create?: boolean
  /** How long another process is waited for before `RegistryBusy`; 10,000 by default. */
  readonly lockTimeoutMillis?: number
}

export class DuckDbClient extends Context.Service<DuckDbClient, {
  /** Absolute path of the registry file. */
  readonly path: string
  /** Work in memory, the registry not touched. Tables that are not temporary are seen by later sessions. */
  readonly staging: <A, E = never>(use: (s: DuckDbSession) => Promise<A>) => Effect.Effect<A, E | RegistryFailed>
  /** Rows of one statement, with the registry attached as `reg`. */
  readonly query: <T>(sql: string, params?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<T>, RegistryError>
  /** Work with the registry attached as `reg`, at least for reading; sees one state of it throughout. */
  readonly read: <A, E = never>(use: (s: DuckDbSession) => Promise<A>) => Effect.Effect<A, E | RegistryError>
  /**
   * One transaction with the registry attached for writing, one at a time in this process: committed when `use` succeeds, else rolled back.
   * A tagged error that `use` throws comes out as it is, here and in the other two; give its type as `E`.
   */
  readonly write: <A, E = never>(use: (s: DuckDbSession) => Promise<A>) => Effect.Effect<A, E | RegistryError>
  /**
   * Something to be done with the file itself, while this process has let go of it; nothing else may open the file (see `RegistryLockHolder`). Other work
   * of this process waits meanwhile.
   */
  readonly released: <A, E = never>(use: (signal: AbortSignal) => A | Promise<A>) => Effect.Effect<A, E | RegistryFailed>
}>()("@sheaf/core/DuckDbClient") {}

/** Opens nothing: the engine is loaded and the file attached by the first piece of work. */
export const make = Effect.fnUntraced(function*(options: DuckDbClientOptions) {
  const { create = false, lockTimeoutMillis = 10_000, path, ...settings } = options
  const attachment = yield* Effect.acquireRelease(
    Effect.sync(() => DuckDbAttachment.open(path, settings)),
    (attachment) => Effect.promise(() => attachment.close())
  )

  const staging = async <A>(use: (s: DuckDbSession) => Promise<A>, signal: AbortSignal): Promise<A> => {
    const connection = await attachment.connect()
    try {
      return await interruptibly(connection, signal, use)
    } finally {
      connection.close()
    }
  }
  const attached = async <A>(access: Access, use: (s: DuckDbSession) => Promise<A>, signal: AbortSignal, isOneStatement = false): Promise<A> => {
    const connection = await attachment.acquire(access, { create, lockTimeoutMillis, signal })
    try {
      // Only a writer of this process can change anything between two statements.
      const transactional = access === "write" || (attachment.isWritable && !isOneStatement)
      return await (transactional ? inTransaction(connection, signal, use) : interruptibly(connection, signal, use))
    } catch (error) {
      if (error instanceof EngineError) attachment.noteFailure(error.message)
      throw error
    } finally {
      connection.reset()
      attachment.release(access, connection)
    }
  }
  const effect = <A, E>(operation: string, work: (signal: AbortSignal) => Promise<A>) =>
    Effect.callback<A, E>((resume) => {
      const controller = new AbortController()
      const running = work(controller.signal)
      running.then(
        (value) => resume(Effect.succeed(value)),
        (error) => resume(failure<E>(attachment.path, operation, error))
      )
      return Effect.promise(() => {
        controller.abort()
        return running.then(() => undefined, () => undefined)
      })
    })
  return DuckDbClient.of({
    path: attachment.path,
    staging: (use) => effect("preparing data", (signal) => staging(use, signal)),
    query: <T>(sql: string, params?: ReadonlyArray<unknown>) => effect("being read", (signal) => attached("read", (s) => s.rows<T>(sql, params), signal, true)),
    read: (use) => effect("being read", (signal) => attached("read", use, signal)),
    write: (use) => effect("being written", (signal) => attached("write", use, signal)),
    released: (use) => effect("being looked at", (signal) => attachment.released(() => use(signal)))
  })
})

export const layer = (options: DuckDbClientOptions): Layer.Layer<DuckDbClient> => Layer.effect(DuckDbClient, make(options))

const interruptibly = async <A>(connection: DuckDbConnection, signal: AbortSignal, use: (s: DuckDbSession) => Promise<A>): Promise<A> => {
  if (signal.aborted) throw new SessionInterrupted("interrupted")
  const interrupt = () => connection.interrupt()
  signal.addEventListener("abort", interrupt)
  try {
    return await use(connection)
  } finally {
    signal.removeEventListener("abort", interrupt)
  }
}

const inTransaction = async <A>(connection: DuckDbConnection, signal: AbortSignal, use: (s: DuckDbSession) => Promise<A>): Promise<A> => {
  const { clock } = connection
  const newest = clock?.newest
  await connection.begin()
  try {
    const value = await interruptibly(connection, signal, use)
    if (connection.interrupted) throw new SessionInterrupted("interrupted")
    await connection.commit()
    // Work that did not ask for its time may have recorded any.
    if (clock !== null && clock.newest === newest) clock.newest = null
    return value
  } catch (error) {
    connection.reset()
    await connection.run("ROLLBACK").catch(() => undefined)
    throw error
  }
}

const failure = <E>(path: string, operation: string, error: unknown): Effect.Effect<never, E> => {
  if (error instanceof EngineError) return Effect.fail(registryFailed(path, operation, error) as E)
  if (error instanceof SessionInterrupted) return Effect.interrupt
  return typeof error === "object" && error !== null && "_tag" in error ? Effect.fail(error as E) : Effect.die(error)
}
