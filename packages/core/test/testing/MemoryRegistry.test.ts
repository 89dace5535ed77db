import { layer } from "../../src/testing/MemoryRegistry.ts"
import { registryConformance } from "../../src/testing/RegistryConformance.ts"

registryConformance("memory", layer)
