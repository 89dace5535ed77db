import { Layer } from "effect"
import * as DuckDbCollections from "../../src/layers/DuckDbCollections.ts"
import { collectionConformance } from "../../src/testing/CollectionConformance.ts"
import { readVectors } from "../HashVectors.ts"
import { freshRegistry } from "./RegistryFolder.ts"

collectionConformance("duckdb", Layer.provideMerge(DuckDbCollections.layer, freshRegistry), readVectors().collections)
