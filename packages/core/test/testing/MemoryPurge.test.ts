import { layer } from "../../src/testing/MemoryPorts.ts"
import { purgeConformance } from "../../src/testing/PurgeConformance.ts"

purgeConformance("memory", layer)
