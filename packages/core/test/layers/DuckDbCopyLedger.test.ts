import { copyLedgerConformance } from "../../src/testing/CopyLedgerConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

copyLedgerConformance("duckdb", freshPorts)
