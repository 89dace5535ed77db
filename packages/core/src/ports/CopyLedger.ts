/**
 * Port: the copies of a root as a list in a file, and what became of them: how verification handles any number of copies without touching each
 * record. Reference implementation: `layers/DuckDbCopyLedger`.
 *
 * A list is UTF-8 text, a copy a line, in bytewise order of object keys; columns separated by tabs, no quoting: no column can contain a tab or a newline,
 * since object keys are in the escaped form of `domain/FileName`. Columns: object key, size in bytes, type of the hash, hash, uid of the artifact.
 */
import { Context, type Effect } from "effect"
import type { CopyFilter, RegistryError } from "./Registry.ts"

export interface CopyList {
  /** Lines of the file. */
  readonly copies: number
  /**
   * Copies that match and are not in the list: files registered in place that are known to have other content since (state `replaced`).
   */
  readonly replaced: number
}

/** A copy, by its line in a list (from 0), that is not simply good: the state it is in, or null when nothing was found out about it. */
export interface ListedFinding {
  readonly line: number
  readonly state: "missing" | "damaged" | null
}

export class CopyLedger extends Context.Service<CopyLedger, {
  /** Writes the copies in a root that match into a file; the registry is not needed to read it. */
  readonly list: (root: string, filter: Omit<CopyFilter, "root">, file: string) => Effect.Effect<CopyList, RegistryError>
  /**
   * Records what was found for the lines `from` up to `to` of a list: copies are good and verified now, except for the `findings`. Copies that were replaced
   * or forgotten since are left as they are.
   */
  readonly record: (
    list: { readonly root: string; readonly file: string },
    found: { readonly from: number; readonly to: number; readonly findings: ReadonlyArray<ListedFinding> }
  ) => Effect.Effect<void, RegistryError>
}>()("@sheaf/core/CopyLedger") {}
