import { Layer } from "effect"
import { collectionConformance } from "../../src/testing/CollectionConformance.ts"
import * as MemoryCollections from "../../src/testing/MemoryCollections.ts"
import * as MemoryRegistry from "../../src/testing/MemoryRegistry.ts"
import { readVectors } from "../HashVectors.ts"

collectionConformance("memory", Layer.provideMerge(MemoryCollections.layer, MemoryRegistry.layer), readVectors().collections)
