import { purgeConformance } from "../../src/testing/PurgeConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

purgeConformance("duckdb", freshPorts)
