import { layer } from "../../src/testing/MemoryPorts.ts"
import { runConformance } from "../../src/testing/RunConformance.ts"

runConformance("memory", layer)
