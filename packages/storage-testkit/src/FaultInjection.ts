/**
 * A storage root with bad days: errors, delays, cut bodies, lost replies, and, when asked for, what no driver may do. What happens is decided by a seed and the
 * order of the operations, so that a test can be run again.
 */
import { Storage, type StorageBody, StorageError, type StorageErrorKind, type StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Layer, Stream } from "effect"

/**
 * What can happen to an operation:
 * - `error` it fails and nothing was done · `lostReply` it is done and fails · `delay` it takes longer
 * - `cut` a stream that is read or listed fails half-way · `cutBody` a write fails after a part of its body
 * - and what the contract forbids: `tornWrite` a write fails and a part of it is stored · `reordered` and `duplicated` lists
 */
export type Fault = "error" | "lostReply" | "delay" | "cut" | "cutBody" | "tornWrite" | "reordered" | "duplicated"

/** Which faults, and how many. */
export interface FaultOptions {
  /** The same seed and the same operations give the same faults. */
  readonly seed: number
  /** How many of the operations have a fault, from 0 to 1. Default 0.3. */
  readonly rate?: number
  /** Which ones. Default: those that can happen to a driver that keeps its contract. */
  readonly faults?: ReadonlyArray<Fault>
  /** Kinds of the errors. Default: those that are worth repeating, which then also say so. */
  readonly kinds?: ReadonlyArray<StorageErrorKind>
  /** Longest delay in milliseconds. Default 5. */
  readonly delay?: number
  /** Operations with a fault after which nothing happens any more. Default: no end. */
  readonly times?: number
}

/** One fault that happened. */
export interface InjectedFault {
  readonly operation: string
  readonly key: string
  readonly fault: Fault
}

/** Faults that a driver may meet without breaking its contract. */
export const HONEST_FAULTS: ReadonlyArray<Fault> = ["error", "lostReply", "delay", "cut", "cutBody"]

const PASSING: ReadonlyArray<StorageErrorKind> = ["RateLimited", "Timeout", "Unavailable", "Unexpected"]

const CHANGES: ReadonlySet<string> = new Set(["write", "delete", "rename", "copy"])

/** The storage of a program that works on one root, with faults. */
export const layer = (options: FaultOptions): Layer.Layer<Storage, never, Storage> => Layer.effect(Storage, Effect.map(Storage, (handle) => faulty(handle, options).handle))

/** A handle with faults, and those that have happened so far. */
export const faulty = (handle: StorageHandle, options: FaultOptions): { readonly handle: StorageHandle; readonly injected: ReadonlyArray<InjectedFault> } => {
  const { delay = 5, faults = HONEST_FAULTS, kinds = PASSING, rate = 0.3, times = Infinity } = options
  const random = randomFrom(options.seed)
  const injected: Array<InjectedFault> = []
  const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!
  const failure = (operation: string, key: string): StorageError => {
    const kind = pick(kinds)
    return new StorageError({ kind, driver: handle.info.name, operation, key, retry: PASSING.includes(kind), cause: new Error("injected") })
  }
  /** The fault of this operation, of those that can happen to it, or null. */
  const next = (operation: string, key: string, possible: ReadonlyArray<Fault>): Fault | null => {
    const has = random() < rate
    const fitting = faults.filter((fault) => possible.includes(fault))
    if (!has || fitting.length === 0 || injected.length >= times) return null
    const fault = pick(fitting)
    injected.push({ operation, key, fault })
    return fault
  }
  const one = <A>(operation: string, key: string, effect: Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> =>
    Effect.suspend(() => {
      switch (next(operation, key, CHANGES.has(operation) ? ["error", "delay", "lostReply"] : ["error", "delay"])) {
        case "error":
          return Effect.fail(failure(operation, key))
        case "delay":
          return Effect.delay(effect, random() * delay)
        case "lostReply":
          return Effect.flatMap(effect, () => Effect.fail(failure(operation, key)))
        default:
          return effect
      }
    })
  const stream = <A>(operation: string, key: string, inner: Stream.Stream<A, StorageError>, cutAt: (items: ReadonlyArray<A>, at: number) => ReadonlyArray<A>, more: ReadonlyArray<Fault>) =>
    Stream.suspend(() => {
      const all = (change: (items: ReadonlyArray<A>) => ReadonlyArray<A>) => Stream.fromIterableEffect(Effect.map(Stream.runCollect(inner), change))
      switch (next(operation, key, ["error", "delay", "cut", ...more])) {
        case "error":
          return Stream.fail(failure(operation, key))
        case "delay":
          return Stream.unwrap(Effect.delay(Effect.succeed(inner), random() * delay))
        case "cut": {
          const at = random()
          return Stream.concat(all((items) => cutAt(items, at)), Stream.fail(failure(operation, key)))
        }
        case "reordered":
          return all((items) => [...items.slice(1), ...items.slice(0, 1)])
        case "duplicated":
          return all((items) => items.flatMap((item, n) => (n === items.length >> 1 ? [item, item] : [item])))
        default:
          return inner
      }
    })
  return {
    injected,
    handle: {
      ...handle,
      stat: (key) => one("stat", key, handle.stat(key)),
      read: (key, read) => stream("read", key, handle.read(key, read), cutBytes, []),
      write: (key, body, write) => Effect.suspend(() => {
        const fault = next("write", key, ["error", "delay", "lostReply", "cutBody", "tornWrite"])
        switch (fault) {
          case "error":
            return Effect.fail(failure("write", key))
          case "delay":
            return Effect.delay(handle.write(key, body, write), random() * delay)
          case "lostReply":
            return Effect.flatMap(handle.write(key, body, write), () => Effect.fail(failure("write", key)))
          case "cutBody":
            return Effect.andThen(cutBody(body), Effect.fail(failure("write", key)))
          case "tornWrite":
            return Effect.andThen(
              Effect.flatMap(cutBody(body), (part) => Effect.ignore(handle.write(key, { type: "bytes", bytes: part }, { mode: write.mode }))),
              Effect.fail(failure("write", key))
            )
          default:
            return handle.write(key, body, write)
        }
      }),
      delete: (keys) => one("delete", keys[0] ?? "", handle.delete(keys)),
      list: (list) => stream("list", list?.prefix ?? "", handle.list(list), (items, at) => items.slice(0, Math.floor(items.length * at)), ["reordered", "duplicated"]),
      probe: one("probe", "", handle.probe),
      rename: (from, to) => one("rename", from, handle.rename(from, to)),
      copy: (from, to) => one("copy", from, handle.copy(from, to)),
      flush: one("flush", "", handle.flush)
    }
  }
}

/** A part of the bytes, in pieces. */
const cutBytes = (pieces: ReadonlyArray<Uint8Array>, at: number): ReadonlyArray<Uint8Array> => {
  const bytes = Buffer.concat([...pieces])
  const end = Math.floor(bytes.length * at)
  return end === 0 ? [] : [bytes.subarray(0, end >> 1), bytes.subarray(end >> 1, end)].filter((piece) => piece.length > 0)
}

/** The first piece of a stream, which is opened for it, or half of the bytes. */
const cutBody = (body: StorageBody): Effect.Effect<Uint8Array, StorageError> =>
  body.type === "bytes" ? Effect.succeed(body.bytes.subarray(0, body.bytes.length >> 1))
    : body.type === "file" ? Effect.succeed(new Uint8Array(0))
    : Effect.map(Stream.runCollect(Stream.take(body.open(), 1)), ([piece]) => piece ?? new Uint8Array(0))

/** Numbers from 0 up to 1, the same for the same seed. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
