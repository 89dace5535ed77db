/**
 * A registry in memory: all its ports over one store.
 *
 * ```ts
 * const registry = MemoryPorts.make()
 * yield* Sheaf.init("./my-data", { drivers, registry })       // gives the registry its default root
 * const services = Sheaf.layer({ instance: "./my-data", drivers, registry })
 * ```
 */
import { Layer } from "effect"
import type { RegistryPorts } from "../ports/RegistryPorts.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import * as MemoryAudit from "./MemoryAudit.ts"
import * as MemoryCollections from "./MemoryCollections.ts"
import * as MemoryCopyLedger from "./MemoryCopyLedger.ts"
import * as MemoryFolderMembers from "./MemoryFolderMembers.ts"
import * as MemoryLabels from "./MemoryLabels.ts"
import * as MemoryPurge from "./MemoryPurge.ts"
import * as MemoryQueries from "./MemoryQueries.ts"
import * as MemoryReferences from "./MemoryReferences.ts"
import * as MemoryRegistry from "./MemoryRegistry.ts"
import * as MemoryRunRecords from "./MemoryRunRecords.ts"
import * as MemorySql from "./MemorySql.ts"
import * as MemoryStore from "./MemoryStore.ts"
import * as MemoryTrash from "./MemoryTrash.ts"

/** All ports over the records of a store. What needs an SQL engine is refused with `InvalidInput`: `SqlAccess`, and writing tables. */
export const overStore: Layer.Layer<RegistryPorts, never, MemoryStore.MemoryStore> = Layer.mergeAll(
  MemoryRegistry.layer, MemoryAudit.layer, MemoryCopyLedger.layer, MemoryFolderMembers.layer, MemoryTrash.layer, MemoryPurge.layer, MemoryLabels.layer,
  MemoryCollections.layer, MemoryReferences.layer, MemoryQueries.layer, MemorySql.layer, MemoryRunRecords.layer
)

/** A registry that is empty each time the layer is built. */
export const layer: Layer.Layer<RegistryPorts> = Layer.provide(overStore, MemoryStore.layer)

/**
 * A registry that lives as long as this value: whoever builds the layer meets the same records. It begins with the storage roots given, one of them the default;
 * without any, `Sheaf.init` with this registry makes the first. For an instance that is there already they are the `roots` of its own `Registry`.
 */
export const make = (roots: ReadonlyArray<StorageRoot> = []): Layer.Layer<RegistryPorts> =>
  Layer.provide(overStore, Layer.succeed(MemoryStore.MemoryStore, MemoryStore.emptyRecords(roots)))
