/**
 * Port: the records of transforms and runs, and of what runs read and made. Reference implementation: `layers/DuckDbRuns`.
 *
 * That a run made an artifact stands in the artifact; that it made again what was there is recorded with the save (`ports/Registry`).
 */
import { Context, type Effect } from "effect"
import type { Lineage, LineageDirection, Run, RunEnvironment } from "../domain/Run.ts"
import type { InvalidInput, NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** A run that begins. Texts are free of secrets by now. */
export interface NewRun {
  readonly uid: string
  /** For a transform that is new: the uid of its first version. A further version takes the family's stem. */
  readonly candidateTransform: string
  /** Normalised. */
  readonly transformKey: string
  readonly kind: string
  readonly sourceHash: string | null
  readonly command: ReadonlyArray<string> | null
  readonly params: Readonly<Record<string, unknown>>
  readonly environment: RunEnvironment
  readonly gitCommit: string | null
  /** Uid of the account. */
  readonly account: string | null
}

/** A run as it began. */
export interface StartedRun {
  readonly run: Run
  /** The transform, or this version of it, was not known before. */
  readonly isNewTransform: boolean
}

/** How a run ended. */
export interface RunEnd {
  readonly status: "finished" | "failed"
  readonly exitCode: number | null
  /** Replaces what was recorded at the start, unless null. */
  readonly environment: RunEnvironment | null
}

/** Which runs. */
export interface RunFilter {
  /** Key of a transform. */
  readonly transform?: string
  readonly limit?: number
}

/** Runs and what they read and made, as a registry keeps them. */
export class RunRecords extends Context.Service<RunRecords, {
  /** A source that a version of the transform has is that version; another source makes a new one. */
  readonly start: (run: NewRun) => Effect.Effect<StartedRun, RegistryError>
  /** A run ends once. */
  readonly finish: (uid: string, end: RunEnd) => Effect.Effect<Run, RegistryError | NotFound | InvalidInput>
  /** Runs by uid, in the order asked for; unknown uids are left out. */
  readonly runs: (uids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Run>, RegistryError>
  /** Uids that begin with this text, at most `limit`, in order. */
  readonly uidsByPrefix: (prefix: string, limit: number) => Effect.Effect<ReadonlyArray<string>, RegistryError>
  /** Newest first. */
  readonly list: (filter: RunFilter) => Effect.Effect<ReadonlyArray<Run>, RegistryError>
  /** Records what a run read; each artifact once, and none that the run made itself. */
  readonly addInputs: (run: string, artifacts: ReadonlyArray<string>) => Effect.Effect<void, RegistryError>
  /** Follows the records from an artifact or a run, at most `depth` steps; a step leads from an artifact to a run or from a run to an artifact. */
  readonly lineage: (
    start: { readonly type: "artifact" | "run"; readonly uid: string },
    options: { readonly direction: LineageDirection; readonly depth: number }
  ) => Effect.Effect<Lineage, RegistryError>
}>()("@sheaf/core/RunRecords") {}
