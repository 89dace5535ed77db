/** What ingest takes from its instance. */
import { Context, type Effect } from "effect"
import type { DuplicatePolicy } from "../domain/SaveDecision.ts"
import type { RegistryError } from "../ports/Registry.ts"

/** What ingest takes from its instance. */
export class IngestSettings extends Context.Service<IngestSettings, {
  /** Folder of the stat cache and of staging files; made when missing, may be deleted at any time. */
  readonly cacheFolder: string
  /** For requests that do not say. */
  readonly onDuplicate: DuplicatePolicy
  /** Beside the shipped ones, each with its leading dot. */
  readonly compositeSuffixes: ReadonlyArray<string>
  /** `full`: objects and rows survive a power loss before they are reported. `fast`: they survive a crash of the program. */
  readonly durability: "full" | "fast"
  /** Uid of the account on whose behalf records are made. */
  readonly account: Effect.Effect<string | null, RegistryError>
}>()("@sheaf/core/IngestSettings") {}
