/**
 * Port: the copies of a root as lists in files, and what became of them: how verification handles any number of copies without touching each
 * record. Reference implementation: `layers/DuckDbCopyLedger`.
 *
 * A list is UTF-8 text, a copy a line, in bytewise order of object keys; columns separated by tabs, no quoting: no column can contain a tab or a newline,
 * since object keys are in the escaped form of `domain/FileName`. Columns: object key, size in bytes, type of the hash, hash, uid of the artifact.
 *
 * Files registered in place that are known to have other content since (state `replaced`) are copies no more and in no list.
 */
import { Context, type Effect } from "effect"
import type { CopyFilter, RegistryError } from "./Registry.ts"

/** Where a list ended. */
export interface CopyPosition {
  readonly objectKey: string
  readonly uid: string
}

/** A piece of the list of a root's copies. */
export interface ListedPart {
  /** Lines of the file. */
  readonly copies: number
  /** Where the next part begins, or null after the last one. */
  readonly end: CopyPosition | null
}

/** A copy, by its line in a list (from 0), that is not simply good: the state it is in, or null when nothing was found out about it. */
export interface ListedFinding {
  readonly line: number
  readonly state: "missing" | "damaged" | null
}

type PartFilter = Omit<CopyFilter, "root">

/** Copies in their roots, for reading all of them again. */
export class CopyLedger extends Context.Service<CopyLedger, {
  /** How many copies in a root match, and how many that were replaced. */
  readonly count: (root: string, filter: PartFilter) => Effect.Effect<{ readonly copies: number; readonly replaced: number }, RegistryError>
  /** Writes at most `limit` of the copies in a root that match, after a position or from the start, into a file; the registry is not needed to read it. */
  readonly list: (
    root: string,
    filter: PartFilter,
    part: { readonly after: CopyPosition | null; readonly limit: number; readonly file: string }
  ) => Effect.Effect<ListedPart, RegistryError>
  /**
   * Records what was found for the lines `from` up to `to` of a list: copies are good and verified now, except for the `findings`. Copies that were replaced
   * or forgotten since are left as they are.
   */
  readonly record: (
    list: { readonly root: string; readonly file: string },
    found: { readonly from: number; readonly to: number; readonly findings: ReadonlyArray<ListedFinding> }
  ) => Effect.Effect<void, RegistryError>
}>()("@sheaf/core/CopyLedger") {}
