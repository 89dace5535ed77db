import { layer } from "../../src/testing/MemoryPorts.ts"
import { copyLedgerConformance } from "../../src/testing/CopyLedgerConformance.ts"

copyLedgerConformance("memory", layer)
