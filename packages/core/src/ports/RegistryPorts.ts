/**
 * The ports of a registry together: what keeps the records of an instance. An implementation provides all of them over one store, because what one of them
 * writes the others see. `layers/DuckDbPorts` is the default, `testing/MemoryPorts` keeps everything in memory.
 */
import type { CollectionStore } from "./CollectionStore.ts"
import type { CopyLedger } from "./CopyLedger.ts"
import type { FolderMembers } from "./FolderMembers.ts"
import type { LabelStore } from "./LabelStore.ts"
import type { Purge } from "./Purge.ts"
import type { Queries } from "./Queries.ts"
import type { ReferenceIndex } from "./ReferenceIndex.ts"
import type { Registry } from "./Registry.ts"
import type { RegistryAudit } from "./RegistryAudit.ts"
import type { RunRecords } from "./RunRecords.ts"
import type { SqlAccess } from "./SqlAccess.ts"
import type { Trash } from "./Trash.ts"

/** Every port that stands on the records of an instance. */
export type RegistryPorts =
  | Registry | RegistryAudit | CopyLedger | FolderMembers | Trash | Purge | LabelStore | CollectionStore | ReferenceIndex | Queries | SqlAccess | RunRecords
