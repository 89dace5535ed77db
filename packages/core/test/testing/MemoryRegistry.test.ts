import { layer } from "../../src/testing/MemoryPorts.ts"
import { registryConformance } from "../../src/testing/RegistryConformance.ts"

registryConformance("memory", layer)
