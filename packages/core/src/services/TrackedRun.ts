/**
 * A run for the length of a block of code.
 */
import type { Run } from "../domain/Run.ts"
import type { RunOutcome } from "./Runs.ts"

/** How a run ends where it was started. */
export interface TrackedRunPort {
  readonly finish: (outcome: RunOutcome) => Promise<Run>
  readonly isUnderWay: () => boolean
}

/** A run under way. Leaving its block without {@link TrackedRun.finish}, as an exception does, records it as failed. */
export class TrackedRun implements AsyncDisposable {
  /** As it began. */
  readonly run: Run
  readonly #port: TrackedRunPort

  constructor(run: Run, port: TrackedRunPort) {
    this.run = run
    this.#port = port
  }

  /** Ends the run; default: finished. */
  finish(outcome: RunOutcome = {}): Promise<Run> {
    return this.#port.finish(outcome)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#port.isUnderWay()) await this.finish({ failed: true })
  }
}
