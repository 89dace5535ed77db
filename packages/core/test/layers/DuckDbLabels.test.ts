import { labelConformance } from "../../src/testing/LabelConformance.ts"
import { freshPorts } from "./RegistryFolder.ts"

labelConformance("duckdb", freshPorts)
