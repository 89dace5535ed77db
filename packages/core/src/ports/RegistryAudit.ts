/**
 * Port: what `sheaf doctor` asks a registry about its own tables. Reference implementation: `layers/DuckDbAudit`.
 */
import { Context, type Effect } from "effect"
import type { RegistryError } from "./Registry.ts"

/** Rows of the registry that contradict one another. */
export interface AuditFinding {
  /** What is wrong, as in `keys that point at several artifacts`. */
  readonly problem: string
  readonly count: number
  /** Some of them. */
  readonly examples: ReadonlyArray<string>
}

/** Consistency of the registry's own tables, which nothing but the statements that write them guarantees. */
export class RegistryAudit extends Context.Service<RegistryAudit, {
  /** What is wrong; empty when nothing is. */
  readonly findings: Effect.Effect<ReadonlyArray<AuditFinding>, RegistryError>
  /** Groups of live keys that differ only in case or Unicode form, at most `limit`. */
  readonly portabilityClashes: (limit: number) => Effect.Effect<ReadonlyArray<ReadonlyArray<string>>, RegistryError>
}>()("@sheaf/core/RegistryAudit") {}
