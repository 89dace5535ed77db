/**
 * Which directories were ingested as a whole, at which state of the registry.
 *
 * While the registry is still at that state, a file that the stat cache recognises below such a directory is registered under its key for certain, and
 * need not be looked up. The list is part of the cache (`.sheaf/cache/current.json`) and may be deleted at any time.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { randomBase62, UID_LENGTH } from "../domain/Uid.ts"
import type { DirectoryPlan } from "./IngestPlan.ts"

interface Stored {
  readonly format: 2
  /** Segments of the stat cache whose files were all registered by then. A killed run leaves others, with files that it hashed and did not register. */
  readonly segments: ReadonlyArray<string>
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

  /** Reads the list, if the registry and the stat cache are at the state it was written for; `segments` are the cache's segments now. */
  load(stamp: string | null, segments: ReadonlyArray<string>): void {
    this.#sources = new Set()
    if (stamp === null) return
    try {
      const stored = JSON.parse(readFileSync(this.#file, "utf8")) as Stored
      const known = new Set(stored.segments)
      if (stored.format === 2 && stored.registry === stamp && segments.every((segment) => known.has(segment))) this.#sources = new Set(stored.sources)
    } catch {
      // Missing or damaged: every file is looked up.
    }
  }

  has(plan: DirectoryPlan): boolean {
    return this.#sources.has(this.#name(plan))
  }

  /**
   * Adds completely ingested directories at the registry's state now; those of another state are dropped. `segments` are those that stood in the cache before
   * and the ones this run wrote.
   */
  save(stamp: string | null, plans: ReadonlyArray<DirectoryPlan>, segments: ReadonlyArray<string>): void {
    if (stamp === null || plans.length === 0) return
    this.load(stamp, segments)
    const sources = new Set([...this.#sources, ...plans.map((plan) => this.#name(plan))])
    if (sources.size === this.#sources.size) return
    const stored: Stored = { format: 2, registry: stamp, segments, sources: [...sources] }
    const temporary = `${this.#file}.${randomBase62(UID_LENGTH.account)}`
    writeFileSync(temporary, JSON.stringify(stored))
    renameSync(temporary, this.#file)
  }

  #name(plan: DirectoryPlan): string {
    return [this.#settings, plan.mode, plan.root.uid, plan.keyPrefix, plan.objectPrefix, plan.directory].join("\n")
  }
}
