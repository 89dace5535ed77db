/**
 * What stands between Sheaf and a storage root that is not a directory of this machine: spans, repetitions, turns and timeouts, in this order from the outside.
 */
import { Effect, Layer } from "effect"
import { Storage, type StorageDriver, StorageError, type StorageHandle } from "../ports/Storage.ts"
import { type ConcurrencyOptions, limited } from "./StorageConcurrency.ts"
import { opening, type RetryOptions, retrying } from "./StorageRetry.ts"
import { IDLE_TIMEOUT, type TimeoutOptions, withTimeouts } from "./StorageTimeouts.ts"
import { traced } from "./StorageTracing.ts"

export interface ResilienceOptions {
  readonly retry?: RetryOptions
  readonly timeout?: TimeoutOptions
  readonly concurrency?: ConcurrencyOptions
}

/** A handle that holds out: it waits for its turn for each attempt, and the time of an attempt does not count while it waits. */
export const resilient = (handle: StorageHandle, { concurrency, retry, timeout }: ResilienceOptions = {}): StorageHandle =>
  traced(retrying(limited(withTimeouts(handle, timeout), concurrency), retry))

/** The same for a program that works on one root. */
export const layer = (options: ResilienceOptions = {}): Layer.Layer<Storage, never, Storage> => Layer.effect(Storage, Effect.map(Storage, (handle) => resilient(handle, options)))

/** A driver whose roots hold out. Directories are left as they are: the operating system does all of this for them. */
export const resilientDriver = (driver: StorageDriver, options: ResilienceOptions = {}): StorageDriver => {
  if (driver.scheme === "file") return driver
  // A root that is away has been waited for once: whoever needs it for each of many objects is told so at once.
  const away = new Set<string>()
  return {
    ...driver,
    open: (url, open) => Effect.suspend(() => {
      const once = withinTime(driver.name, driver.open(url, open), options.timeout?.idle ?? IDLE_TIMEOUT)
      return (away.has(url) ? once : opening(options.retry ?? {}, once)).pipe(
        Effect.tap(() => Effect.sync(() => away.delete(url))),
        Effect.tapError((error) => Effect.sync(() => { if (error.retry) away.add(url) })),
        Effect.map((handle) => resilient(handle, options))
      )
    })
  }
}

const withinTime = <A, R>(driver: string, open: Effect.Effect<A, StorageError, R>, idle: number): Effect.Effect<A, StorageError, R> =>
  idle <= 0 ? open : Effect.timeoutOrElse(Effect.interruptible(open), {
    duration: idle,
    orElse: () => Effect.fail(new StorageError({ kind: "Timeout", driver, operation: "open", key: "", retry: true, cause: new Error(`nothing happened for ${idle / 1000} s`) }))
  })
