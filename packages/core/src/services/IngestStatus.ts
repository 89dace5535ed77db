/** `status`: what ingesting a directory would change, without changing it. */
import { Effect, Stream } from "effect"
import type { IngestEvent, IngestSummary } from "../domain/IngestReport.ts"
import { Registry } from "../ports/Registry.ts"
import type { IngestError, IngestRequest, StatusReport, StatusRequest } from "./Ingest.ts"

/** Compares the files met by a dry run with the live keys below the same prefix. */
export const compareWithRegistry = (
  request: StatusRequest,
  ingest: (request: IngestRequest) => Stream.Stream<IngestEvent, IngestError>
): Effect.Effect<StatusReport, IngestError, Registry> =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const { path, ...rest } = request
    const items: Array<Extract<IngestEvent, { type: "item" }>> = []
    let summary: IngestSummary | undefined
    yield* ingest({ ...rest, paths: [path], dryRun: true, items: true, onDuplicate: "alias" }).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          if (event.type === "item") items.push(event)
          else if (event.type === "summary") summary = event
        })
      )
    )
    const missing = new Set<string>()
    const registered = new Set<string>()
    yield* registry.list(summary!.keyPrefix).pipe(Stream.runForEach(({ key }) =>
      Effect.sync(() => {
        registered.add(key)
        missing.add(key)
      })
    ))
    const changed: Array<string> = []
    const added: Array<string> = []
    let unchanged = 0
    for (const item of items) {
      if (item.key === null) continue
      missing.delete(item.key)
      if (item.outcome === "existing") unchanged++
      else if (registered.has(item.key)) changed.push(item.path)
      else added.push(item.path)
    }
    const { counts, failures } = summary!
    return {
      counts: {
        files: counts.files, unchanged, changed: changed.length, new: added.length, missing: missing.size, failed: counts.failed, skipped: counts.skipped
      },
      changed,
      new: added,
      missing: [...missing],
      failed: failures
    }
  })
