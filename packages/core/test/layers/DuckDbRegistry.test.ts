import { registryConformance } from "../../src/testing/RegistryConformance.ts"
import { freshRegistry } from "./RegistryFolder.ts"

registryConformance("duckdb", freshRegistry)
