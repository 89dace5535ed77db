/** `sheaf ingest PATH…` */
import { Effect, Option, Stream } from "effect"
import type { IngestEvent, IngestSummary } from "@sheaf/core/domain/IngestReport"
import type { DuplicatePolicy } from "@sheaf/core/domain/SaveDecision"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Ingest, type IngestRequest } from "@sheaf/core/services/Ingest"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { writeErr } from "../StandardStreams.ts"
import { onStopSignal } from "../StopSignals.ts"
import { ingestText, troubleLines } from "../terminal/IngestText.ts"
import { progressDisplay } from "../terminal/ProgressBar.ts"

export interface IngestInput {
  readonly paths: ReadonlyArray<string>
  readonly key: Option.Option<string>
  readonly storage: Option.Option<string>
  readonly onDuplicate: Option.Option<DuplicatePolicy>
  readonly exclude: ReadonlyArray<string>
  readonly followSymlinks: boolean
  readonly rehash: boolean
  readonly dryRun: boolean
  readonly workers: Option.Option<number>
}

const requestOf = (input: IngestInput, items: boolean, signal: AbortSignal): IngestRequest => ({
  paths: input.paths,
  ...(Option.isSome(input.key) ? { key: input.key.value } : {}),
  ...(Option.isSome(input.storage) ? { storage: input.storage.value } : {}),
  ...(Option.isSome(input.onDuplicate) ? { onDuplicate: input.onDuplicate.value } : {}),
  ...(Option.isSome(input.workers) ? { workers: input.workers.value } : {}),
  exclude: input.exclude,
  followSymlinks: input.followSymlinks,
  rehash: input.rehash,
  dryRun: input.dryRun,
  items,
  signal
})

/** The first stop signal aborts the returned signal and says so; the second is left to the program. */
const orderlyStop = (silent: boolean) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const controller = new AbortController()
      const release = onStopSignal(() => {
        if (!silent) writeErr("sheaf: finishing the current batch; Ctrl-C again stops at once\n")
        controller.abort()
      })
      return { signal: controller.signal, release }
    }),
    ({ release }) => Effect.sync(release)
  )

export const run = (input: IngestInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const { format, quiet } = shell.options
    const ingest = yield* Ingest
    const { signal } = yield* orderlyStop(quiet || format !== "text")
    // Progress goes to stderr for people only: under --ndjson it is among the events.
    const display = quiet || format !== "text" ? null
      : progressDisplay({ width: shell.errIsTerminal ? shell.width : null, paint: shell.errPaint, now: () => performance.now() })
    let summary: IngestSummary | null = null

    const onEvents = (events: ReadonlyArray<IngestEvent>) => {
      for (const event of events) {
        if (event.type === "progress") display?.update({ ...event, isTotalKnown: event.walked })
        else if (event.type === "summary") {
          const { type: _, ...rest } = event
          summary = rest
        }
      }
      return format === "ndjson" ? shell.document(events) : Effect.void
    }
    yield* ingest.ingest(requestOf(input, format === "ndjson", signal)).pipe(
      Stream.runForEachArray(onEvents),
      Effect.ensuring(Effect.sync(() => display?.end()))
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
