import { trashConformance } from "../../src/testing/TrashConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

trashConformance("duckdb", freshPorts)
