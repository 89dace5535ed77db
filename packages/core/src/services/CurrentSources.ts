/**
 * Which directories were ingested as a whole, at which state of the registry.
 *
 * While the registry is still at that state, a file that the stat cache recognises below such a directory is registered under its key for certain, and
 * need not be looked up. The list is part of the cache (`.sheaf/cache/current.json`) and may be deleted at any time.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import type { IngestPlan } from "./IngestPlan.ts"

interface Stored {
  readonly format: 1
  /** The registry's stamp. */
  readonly registry: string
  readonly sources: ReadonlyArray<string>
}

export class CurrentSources {
  readonly #file: string
  readonly #settings: string
  #sources = new Set<string>()

  /** `settings` is whatever else decides what a file is registered as. */
  constructor(cacheFolder: string, settings: string) {
    this.#file = join(cacheFolder, "current.json")
    this.#settings = settings
  }

  /** Reads the list, if the registry is at the state it was written for. */
  load(stamp: string | null): void {
    this.#sources = new Set()
    if (stamp === null) return
    try {
      const stored = JSON.parse(readFileSync(this.#file, "utf8")) as Stored
      if (stored.format === 1 && stored.registry === stamp) this.#sources = new Set(stored.sources)
    } catch {
      // Missing or damaged: every file is looked up.
    }
  }

  has(plan: IngestPlan): boolean {
    return this.#sources.has(this.#name(plan))
  }

  /** Adds completely ingested directories at the registry's state now; those of another state are dropped. */
  save(stamp: string | null, plans: ReadonlyArray<IngestPlan>): void {
    if (stamp === null) return
    this.load(stamp)
    const sources = new Set([...this.#sources, ...plans.map((plan) => this.#name(plan))])
    if (sources.size === this.#sources.size) return
    const stored: Stored = { format: 1, registry: stamp, sources: [...sources] }
    const temporary = `${this.#file}.${randomBase62(UID_LENGTH.account)}`
    writeFileSync(temporary, JSON.stringify(stored))
    renameSync(temporary, this.#file)
  }

  #name(plan: IngestPlan): string {
    return [this.#settings, plan.mode, plan.root.uid, plan.keyPrefix, plan.objectPrefix, plan.directory].join("\n")
  }
}
