/**
 * Lets a storage root do no more at once than it is good for.
 */
import { Effect, Layer, Semaphore, Stream } from "effect"
import { Storage, type StorageBody, type StorageHandle } from "../ports/Storage.ts"

/** How much may happen at once. */
export interface ConcurrencyOptions {
  /** Operations, from 1. Default: what the driver says (`concurrencyHint`). */
  readonly limit?: number
}

/** The storage of a program that works on one root, with a limit on what happens at once. */
export const layer = (options: ConcurrencyOptions = {}): Layer.Layer<Storage, never, Storage> => Layer.effect(Storage, Effect.map(Storage, (handle) => limited(handle, options)))

/**
 * A handle that waits for its turn. A stream has it only while it gets its next piece, and a write not while it waits for one of its body: whoever reads one
 * object to write another one, or deletes what a list gives, never waits for itself.
 */
export const limited = (handle: StorageHandle, { limit = handle.capabilities.concurrencyHint }: ConcurrencyOptions = {}): StorageHandle => {
  const turns = Semaphore.makeUnsafe(Math.max(1, Math.floor(limit)))
  const inTurn = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => turns.withPermit(effect)
  const pieces = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> => Stream.transformPull(stream, (pull) => Effect.succeed(inTurn(pull)))
  return {
    ...handle,
    stat: (key) => inTurn(handle.stat(key)),
    read: (key, options) => pieces(handle.read(key, options)),
    write: (key, body, options) => body.type === "stream" ? betweenPieces(turns, body, (shared) => handle.write(key, shared, options)) : inTurn(handle.write(key, body, options)),
    delete: (keys) => inTurn(handle.delete(keys)),
    list: (options) => pieces(handle.list(options)),
    rename: (from, to) => inTurn(handle.rename(from, to)),
    copy: (from, to) => inTurn(handle.copy(from, to))
  }
}

/** A write in its turn, which it gives up for as long as its body has nothing for it. */
const betweenPieces = <A, E>(turns: Semaphore.Semaphore, body: StorageBody & { readonly type: "stream" }, write: (body: StorageBody) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let isHeld = false
    const take = (restore: <B, F>(effect: Effect.Effect<B, F>) => Effect.Effect<B, F>) => Effect.map(restore(turns.take(1)), () => { isHeld = true })
    const give = Effect.suspend(() => {
      if (!isHeld) return Effect.void
      isHeld = false
      return Effect.asVoid(turns.release(1))
    })
    const shared: StorageBody = {
      type: "stream",
      open: () => Stream.transformPull(body.open(), (pull) => Effect.succeed(Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Effect.andThen(give, Effect.exit(restore(pull))), (exit) => Effect.andThen(take(restore), exit)))))
    }
    return Effect.uninterruptibleMask((restore) => Effect.ensuring(Effect.andThen(take(restore), restore(write(shared))), give))
  })
