/**
 * A registry that remembers its storage roots: every save and every ingest asks for them, and they hardly ever change.
 *
 * In a process they are remembered while the file stays as it is: another process can change it only while it is not attached here, and then leaves it with
 * other times; what this process changes goes through here. Between processes they are kept in `cache/roots.json` beside the registry, with the stamp
 * of the registry they were read from, so that ingest can begin before the engine is loaded. That file may be deleted at any time.
 */
import { Effect, type Scope } from "effect"
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import type { Registry } from "../ports/Registry.ts"

type RegistryService = Registry["Service"]

interface Stored {
  readonly format: 1
  /** The registry's stamp. */
  readonly registry: string
  readonly roots: ReadonlyArray<StorageRoot>
}

/** Milliseconds that the end of a program may wait for another one that holds the registry. */
const PATIENCE = 100

/** The registry in the file at `path`, with its roots remembered; what was found out is kept for other processes when the scope ends. */
export const cachedRoots = (registry: RegistryService, path: string): Effect.Effect<RegistryService, never, Scope.Scope> =>
  Effect.gen(function*() {
    const cache = join(dirname(path), "cache", "roots.json")
    let known: { readonly times: string; readonly roots: ReadonlyArray<StorageRoot> } | null = null
    let isFirst = true
    /** The kept roots are those of the registry as it is. */
    let isKept = false
    yield* Effect.addFinalizer((exit) =>
      exit._tag === "Failure" || isFirst || isKept ? Effect.void : Effect.ignore(Effect.interruptible(Effect.timeout(keep(registry, path, cache), PATIENCE))))

    const forget = Effect.sync(() => {
      known = null
      isFirst = false
      isKept = false
    })
    const changing = <A, E>(change: (what: A) => Effect.Effect<void, E>) => (what: A): Effect.Effect<void, E> => Effect.ensuring(change(what), forget)
    return {
      ...registry,
      roots: Effect.gen(function*() {
        const times = timesOf(path)
        if (known !== null && times !== null && known.times === times) return known.roots
        if (isFirst && times !== null) {
          const kept = load(cache, yield* registry.stamp)
          if (kept !== null) {
            known = { times, roots: kept }
            isKept = true
            isFirst = false
            return kept
          }
        }
        isFirst = false
        isKept = false
        const roots = yield* registry.roots
        known = times === null ? null : { times, roots }
        return roots
      }),
      addRoot: changing(registry.addRoot),
      setDefaultRoot: changing(registry.setDefaultRoot),
      removeRoot: changing(registry.removeRoot)
    }
  })

const timesOf = (path: string): string | null => {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
}

const load = (cache: string, stamp: string | null): ReadonlyArray<StorageRoot> | null => {
  if (stamp === null) return null
  try {
    const stored = JSON.parse(readFileSync(cache, "utf8")) as Stored
    return stored.format === 1 && stored.registry === stamp ? stored.roots : null
  } catch {
    // Missing or damaged: the registry is asked.
    return null
  }
}

/** Reads the roots once more and keeps them, unless the file has changed on the way. */
const keep = (registry: RegistryService, path: string, cache: string) =>
  Effect.gen(function*() {
    // What this process wrote is in the file from here on.
    yield* registry.stamp
    const times = timesOf(path)
    if (times === null) return
    const roots = yield* registry.roots
    const stamp = yield* registry.stamp
    if (stamp === null || times !== timesOf(path)) return
    yield* Effect.try(() => {
      mkdirSync(dirname(cache), { recursive: true })
      const temporary = `${cache}.${randomBase62(UID_LENGTH.account)}`
      writeFileSync(temporary, JSON.stringify({ format: 1, registry: stamp, roots } satisfies Stored))
      renameSync(temporary, cache)
    })
  })
