/** `sheaf ingest PATH…` */
import { Effect, Option, Stream } from "effect"
import type { IngestEvent, IngestSummary } from "@sheaf/core/domain/IngestReport"
import type { DuplicatePolicy } from "@sheaf/core/domain/SaveDecision"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Ingest, type IngestRequest } from "@sheaf/core/services/Ingest"
import { withInstance } from "../OpenInstance.ts"
import { orderlyStop } from "../OrderlyStop.ts"
import { Shell } from "../Shell.ts"
import { writeErr } from "../StandardStreams.ts"
import { ingestText, troubleLines } from "../terminal/IngestText.ts"
import { progressDisplay } from "../terminal/ProgressBar.ts"

export interface IngestInput {
  readonly paths: ReadonlyArray<string>
  readonly key: Option.Option<string>
  readonly storage: Option.Option<string>
  readonly policy: Option.Option<string>
  readonly onDuplicate: Option.Option<DuplicatePolicy>
  readonly label: ReadonlyArray<string>
  readonly collection: Option.Option<string>
  readonly exclude: ReadonlyArray<string>
  readonly followSymlinks: boolean
  readonly rehash: boolean
  readonly dryRun: boolean
  readonly workers: Option.Option<number>
}

const requestOf = (input: IngestInput, items: boolean, countAhead: boolean, signal: AbortSignal): IngestRequest => ({
  paths: input.paths,
  ...(Option.isSome(input.key) ? { key: input.key.value } : {}),
  ...(Option.isSome(input.storage) ? { storage: input.storage.value } : {}),
  ...(Option.isSome(input.policy) ? { policy: input.policy.value } : {}),
  ...(Option.isSome(input.onDuplicate) ? { onDuplicate: input.onDuplicate.value } : {}),
  ...(Option.isSome(input.workers) ? { workers: input.workers.value } : {}),
  ...(Option.isSome(input.collection) ? { collection: input.collection.value } : {}),
  labels: input.label,
  exclude: input.exclude,
  followSymlinks: input.followSymlinks,
  rehash: input.rehash,
  dryRun: input.dryRun,
  items,
  countAhead,
  signal
})

export const run = (input: IngestInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const { format } = shell.options
    const ingest = yield* Ingest
    const signal = yield* orderlyStop("finishing the current batch")
    // Under --ndjson progress is among the events.
    const display = progressDisplay(shell, "files")
    let summary: IngestSummary | null = null

    const onEvents = (events: ReadonlyArray<IngestEvent>) => {
      for (const event of events) {
        if (event.type === "progress") display.update({ done: event.files, bytes: event.bytes, total: event.totalFiles, totalBytes: event.totalBytes, isTotalKnown: event.walked })
        else if (event.type === "summary") {
          const { type: _, ...rest } = event
          summary = rest
        }
      }
      return format === "ndjson" ? shell.document(events) : Effect.void
    }
    yield* ingest.ingest(requestOf(input, format === "ndjson", display.isBar, signal)).pipe(
      Stream.runForEachArray(onEvents),
      Effect.ensuring(Effect.sync(() => display.end()))
    )
    if (summary !== null) yield* report(summary)
  }).pipe(Effect.scoped))

const report = (summary: IngestSummary) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { format, quiet } = shell.options
    if (format === "json") yield* shell.document(summary)
    if (format === "text") {
      if (!quiet) yield* shell.print(ingestText(summary, shell.paint))
      const trouble = troubleLines(quiet ? { ...summary, warnings: [] } : summary, shell.errPaint)
      yield* Effect.sync(() => writeErr(trouble.map((line) => `${line}\n`).join("")))
    }
    yield* shell.exitWith(summary.interrupted ? EXIT.interrupted : summary.counts.failed > 0 ? EXIT.someFailed : EXIT.ok)
  })
