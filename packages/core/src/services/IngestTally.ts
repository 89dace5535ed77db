/**
 * What became of the files of an ingest: counts, failures, skips and warnings, over all of its sources.
 */
import { compareBytes } from "../domain/ByteOrder.ts"
import { displayPath } from "../domain/FileName.ts"
import type { IngestCounts, IngestEvent, IngestFailure, IngestSkip, IngestWarning } from "../domain/IngestReport.ts"
import { OUTCOMES, type Outcome } from "../domain/SaveDecision.ts"
import type { PublishedBatch, PublishedItem } from "../domain/StagedBatch.ts"

export interface RunTotals {
  readonly counts: IngestCounts
  readonly bytes: number
  readonly failures: ReadonlyArray<IngestFailure>
  readonly skips: ReadonlyArray<IngestSkip>
  readonly warnings: ReadonlyArray<IngestWarning>
  readonly unopened: number
  readonly interrupted: boolean
  /** Some content was refused, and will be again. */
  readonly refused: boolean
}

/** A source as messages call it: a directory as the user wrote it, or a URL. */
export interface ShownSource {
  readonly shown: string
}

export class IngestTally {
  readonly #outcomes = Object.fromEntries(OUTCOMES.map((o) => [o, 0])) as Record<Outcome, number>
  readonly #failures = new InPathOrder<IngestFailure>()
  readonly #skips = new InPathOrder<IngestSkip>()
  readonly #warnings: Array<IngestWarning> = []
  /** Of content that was hashed or recognised. */
  bytes = 0
  /** Files recognised without being opened. */
  unopened = 0
  #refused = false

  /** Files known to be registered as they are, which make no row. */
  unchanged(files: number): void {
    this.#outcomes.existing += files
  }

  failed(source: ShownSource, { code, message, path }: IngestFailure): void {
    this.#failures.add(source, { path: shownPath(source, path), code, message })
  }

  skipped(source: ShownSource, { path, reason }: IngestSkip): void {
    this.#skips.add(source, { path: shownPath(source, path), reason })
  }

  /** Paths that differ only in case or Unicode form. */
  clash(source: ShownSource, names: ReadonlyArray<string>): void {
    const paths = names.map((name) => shownPath(source, name))
    this.#warnings.push({ code: "PortabilityClash", message: `${paths.join(" and ")} differ only in case or Unicode form`, paths })
  }

  published(source: ShownSource, { counts, duplicates }: PublishedBatch): void {
    for (const outcome of OUTCOMES) this.#outcomes[outcome] += counts[outcome]
    for (const { rel, uid } of duplicates) {
      this.#refused = true
      this.failed(source, { path: rel, code: "DuplicateContent", message: `the content is already registered as artifact ${uid}` })
    }
  }

  totals(interrupted: boolean): RunTotals {
    const failures = this.#failures.all()
    const skips = this.#skips.all()
    const [failed, skipped] = [failures.length, skips.length]
    const saved = OUTCOMES.reduce((sum, outcome) => sum + this.#outcomes[outcome], 0)
    return {
      counts: { files: saved + failed + skipped, ...this.#outcomes, skipped, failed },
      bytes: this.bytes, failures, skips, warnings: this.#warnings, unopened: this.unopened, interrupted, refused: this.#refused
    }
  }
}

/** What workers report as they meet it, in the order of sources and, in each, of paths. */
class InPathOrder<A extends { readonly path: string }> {
  readonly #bySource = new Map<ShownSource, Array<A>>()

  add(source: ShownSource, item: A): void {
    const items = this.#bySource.get(source)
    if (items === undefined) this.#bySource.set(source, [item])
    else items.push(item)
  }

  all(): ReadonlyArray<A> {
    return [...this.#bySource.values()].flatMap((items) => items.sort((a, b) => compareBytes(a.path, b.path)))
  }
}

const shownPath = ({ shown }: ShownSource, rel: string): string => (rel === "" ? shown : `${shown.replace(/\/+$/, "")}/${rel}`)

/** The event for a file that was decided. */
export const itemEvent = (source: ShownSource, item: PublishedItem): IngestEvent => ({
  type: "item",
  path: shownPath(source, displayPath(item.rel)),
  outcome: item.outcome,
  key: item.key,
  uid: item.uid,
  hash: item.hash,
  size: item.size,
  ...(item.outcome === "skipped" ? { reason: item.message ?? "" } : {}),
  ...(item.outcome === "failed" ? { error: { code: item.code ?? "", message: item.message ?? "" } } : {})
})
