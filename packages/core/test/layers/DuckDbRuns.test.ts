import { runConformance } from "../../src/testing/RunConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

runConformance("duckdb", freshPorts)
