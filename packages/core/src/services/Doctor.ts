/**
 * Doctor: is the installation sound, and the instance? It only looks; each finding says what to do.
 */
import { Context, type Effect } from "effect"
import type { RegistryError } from "../ports/Registry.ts"

export interface Check {
  /** Short name of what was checked, such as `registry` or `storage root /data`. */
  readonly check: string
  readonly ok: boolean
  /** What was found. */
  readonly detail: string
  /** What to do about it, or null when all is well. */
  readonly advice: string | null
}

/** Consistency of the registry's own tables, which nothing but the statements that write them guarantees. */
export class RegistryAudit extends Context.Service<RegistryAudit, {
  readonly findings: Effect.Effect<ReadonlyArray<{ readonly check: string; readonly count: number; readonly examples: ReadonlyArray<string> }>, RegistryError>
}>()("@sheaf/core/RegistryAudit") {}

export class Doctor extends Context.Service<Doctor, {
  /** Runs every check; never fails, since what fails is a finding. */
  readonly examine: Effect.Effect<ReadonlyArray<Check>>
}>()("@sheaf/core/Doctor") {}
