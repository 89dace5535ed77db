import { collectionConformance } from "../../src/testing/CollectionConformance.ts"
import { readVectors } from "../HashVectors.ts"
import { freshPorts } from "./RegistryFolder.ts"

collectionConformance("duckdb", freshPorts, readVectors().collections)
