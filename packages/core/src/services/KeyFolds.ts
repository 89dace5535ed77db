/**
 * Which new keys differ from another one only in case or Unicode form.
 *
 * To ask the registry means a look at every key it has. That is right for a few saves; for many, hashes of all folded keys are kept in memory, 16 bytes
 * or less a key, and only a key whose hash is there is asked for. What other processes add meanwhile is not in it: a warning may be missing then, which `sheaf doctor`
 * gives.
 */
import { Effect, Stream } from "effect"
import { portableFold } from "../domain/ArtifactKey.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"

/** Keys asked for one by one before all are read. */
const ASKED = 32
/** Milliseconds after which all are read again. */
const LASTS = 10 * 60 * 1000
/** Registries with more keys than this are not held in memory. */
const MOST = 4_000_000

export class KeyFolds {
  readonly #registry: Registry["Service"]
  #asked = 0
  #known: { readonly hashes: HashSet; readonly until: number } | null = null

  constructor(registry: Registry["Service"]) {
    this.#registry = registry
  }

  /** For each of these keys, new in the registry, the others that it may be taken for, where there are any. */
  clashes(keys: ReadonlyArray<string>): Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, RegistryError> {
    return Effect.gen({ self: this }, function*() {
      const found = new Map<string, ReadonlyArray<string>>()
      if (this.#known !== null && this.#known.until < performance.now()) this.#known = null
      this.#asked += keys.length
      if (this.#known === null && this.#asked > ASKED) yield* this.#load(new Set(keys))
      const hashes = this.#known?.hashes
      for (const key of keys) {
        if (hashes?.add(portableFold(key)) === true) continue
        const others = yield* this.#registry.keysFoldingLike(key)
        if (others.length > 0) found.set(key, others)
      }
      return found
    })
  }

  /** All keys but these, which are new. */
  #load(without: ReadonlySet<string>): Effect.Effect<void, RegistryError> {
    return Effect.suspend(() => {
      const hashes = new HashSet()
      return this.#registry.list("").pipe(
        Stream.takeWhile(() => hashes.size < MOST),
        Stream.runForEachArray((page) => Effect.sync(() => {
          for (const { key } of page) if (!without.has(key)) hashes.add(portableFold(key))
        })),
        Effect.andThen(Effect.sync(() => {
          this.#asked = 0
          if (hashes.size < MOST) this.#known = { hashes, until: performance.now() + LASTS }
        }))
      )
    })
  }
}

/** Texts by a hash of 53 bits, in a table without objects. */
class HashSet {
  #table = new Float64Array(1024)
  size = 0

  /** False when the text, or one with the same hash, is in it already. */
  add(text: string): boolean {
    if (this.size * 2 > this.#table.length) this.#grow()
    return this.#put(hashOf(text))
  }

  #put(hash: number): boolean {
    const table = this.#table
    const mask = table.length - 1
    let at = hash & mask
    while (table[at] !== 0) {
      if (table[at] === hash) return false
      at = (at + 1) & mask
    }
    table[at] = hash
    this.size++
    return true
  }

  #grow(): void {
    const old = this.#table
    this.#table = new Float64Array(old.length * 2)
    this.size = 0
    for (const hash of old) if (hash !== 0) this.#put(hash)
  }
}

/** Two 32-bit multiplicative hashes over the UTF-16 units, as one integer from 1 to 2^53. */
const hashOf = (text: string): number => {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x85ebca6b)
    high ^= high >>> 15
  }
  return (high >>> 11) * 0x100000000 + (low >>> 0) + 1
}
