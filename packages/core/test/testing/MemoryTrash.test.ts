import { layer } from "../../src/testing/MemoryPorts.ts"
import { trashConformance } from "../../src/testing/TrashConformance.ts"

trashConformance("memory", layer)
