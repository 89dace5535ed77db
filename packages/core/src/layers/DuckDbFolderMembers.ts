/**
 * Members of folders in the DuckDB registry.
 */
import { Effect, Layer } from "effect"
import type { FolderMember } from "../domain/FolderManifest.ts"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { DuckDbClient } from "./DuckDbClient.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<FolderMembers, never, DuckDbClient> = Layer.effect(
  FolderMembers,
  Effect.map(DuckDbClient, (client) =>
    FolderMembers.of({
      of: (uid) => client.query<FolderMember>(`SELECT path, size, hash, hash_type AS "hashType" FROM reg.member WHERE artifact = $1 ORDER BY position`, [uid])
    }))
)
