import { layer } from "../../src/testing/MemoryPorts.ts"
import { labelConformance } from "../../src/testing/LabelConformance.ts"

labelConformance("memory", layer)
