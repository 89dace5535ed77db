/**
 * A registry in a DuckDB file: all its ports over one client.
 */
import { Effect, Layer } from "effect"
import { Registry } from "../ports/Registry.ts"
import type { RegistryPorts } from "../ports/RegistryPorts.ts"
import { cachedRoots } from "./CachedRoots.ts"
import * as DuckDbAudit from "./DuckDbAudit.ts"
import * as DuckDbClient from "./DuckDbClient.ts"
import * as DuckDbCollections from "./DuckDbCollections.ts"
import * as DuckDbCopyLedger from "./DuckDbCopyLedger.ts"
import * as DuckDbFolderMembers from "./DuckDbFolderMembers.ts"
import * as DuckDbLabels from "./DuckDbLabels.ts"
import * as DuckDbPurge from "./DuckDbPurge.ts"
import * as DuckDbQueries from "./DuckDbQueries.ts"
import * as DuckDbReferences from "./DuckDbReferences.ts"
import * as DuckDbRegistry from "./DuckDbRegistry.ts"
import * as DuckDbRuns from "./DuckDbRuns.ts"
import * as DuckDbSql from "./DuckDbSql.ts"
import * as DuckDbTrash from "./DuckDbTrash.ts"

export interface DuckDbPortsOptions {
  /** The registry file. */
  readonly path: string
  /** Make the registry when there is none. */
  readonly create?: boolean
  /** How long another process that holds the registry is waited for. */
  readonly lockTimeoutMillis: number
}

/** The ports of the registry in a file, which is opened when it is first used and held only while it is worked with. */
export const layer = ({ create = false, lockTimeoutMillis, path }: DuckDbPortsOptions): Layer.Layer<RegistryPorts> => {
  const registry = Layer.effect(Registry, Effect.flatMap(Registry, (plain) => cachedRoots(plain, path))).pipe(Layer.provide(DuckDbRegistry.layer))
  return Layer.mergeAll(
    registry, DuckDbAudit.layer, DuckDbCopyLedger.layer, DuckDbFolderMembers.layer, DuckDbTrash.layer, DuckDbPurge.layer, DuckDbLabels.layer,
    DuckDbCollections.layer, DuckDbReferences.layer, DuckDbQueries.layer, DuckDbSql.layer({ lockTimeoutMillis }), DuckDbRuns.layer
  ).pipe(Layer.provide(DuckDbClient.layer({ path, create, lockTimeoutMillis })))
}
