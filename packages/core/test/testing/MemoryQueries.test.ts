import { layer } from "../../src/testing/MemoryPorts.ts"
import { queryConformance } from "../../src/testing/QueryConformance.ts"

queryConformance("memory", layer)
