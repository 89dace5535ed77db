import { queryConformance } from "../../src/testing/QueryConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

queryConformance("duckdb", freshPorts)
