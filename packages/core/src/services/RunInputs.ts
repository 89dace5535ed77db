/**
 * What is read in a run is an input of it. Outside of runs this costs nothing.
 */
import { Effect } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { RegistryError } from "../ports/Registry.ts"
import type { RunRecords } from "../ports/RunRecords.ts"
import { Session } from "../ports/Session.ts"

export class RunInputs {
  readonly #records: RunRecords["Service"]
  readonly #recorded = new Set<string>()

  constructor(records: RunRecords["Service"]) {
    this.#records = records
  }

  /** Records that an artifact is read, in a run once; not when the run itself made it. */
  record(artifact: Artifact): Effect.Effect<void, RegistryError> {
    return this.recordAll([artifact])
  }

  /** The same for several. */
  recordAll(artifacts: ReadonlyArray<Artifact>): Effect.Effect<void, RegistryError> {
    return Effect.flatMap(Session, ({ run }) => {
      if (run === null) return Effect.void
      const idOf = (uid: string): string => `${run} ${uid}`
      const uids = [...new Set(artifacts.flatMap((artifact) => (artifact.run === run || this.#recorded.has(idOf(artifact.uid)) ? [] : [artifact.uid])))]
      if (uids.length === 0) return Effect.void
      return Effect.tap(this.#records.addInputs(run, uids), () => Effect.sync(() => uids.forEach((uid) => this.#recorded.add(idOf(uid)))))
    })
  }
}
