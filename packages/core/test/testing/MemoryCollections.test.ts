import { collectionConformance } from "../../src/testing/CollectionConformance.ts"
import { layer } from "../../src/testing/MemoryPorts.ts"
import { readVectors } from "../HashVectors.ts"

collectionConformance("memory", layer, readVectors().collections)
