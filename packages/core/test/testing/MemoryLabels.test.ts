import { Layer } from "effect"
import { labelConformance } from "../../src/testing/LabelConformance.ts"
import * as MemoryLabels from "../../src/testing/MemoryLabels.ts"
import * as MemoryRegistry from "../../src/testing/MemoryRegistry.ts"

labelConformance("memory", Layer.provideMerge(MemoryLabels.layer, MemoryRegistry.layer))
