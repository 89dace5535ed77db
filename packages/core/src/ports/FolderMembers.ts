/**
 * Port: the files of folders that are one artifact. Reference implementation: `layers/DuckDbFolderMembers`.
 */
import { Context, type Effect } from "effect"
import type { FolderMember } from "../domain/FolderManifest.ts"
import type { RegistryError } from "./Registry.ts"

/** The files of folders, as a registry keeps them. */
export class FolderMembers extends Context.Service<FolderMembers, {
  /** Members of a folder in bytewise order of their paths; empty for a file, and for a uid that is not known. */
  readonly of: (uid: string) => Effect.Effect<ReadonlyArray<FolderMember>, RegistryError>
}>()("@sheaf/core/FolderMembers") {}
