import { Layer } from "effect"
import * as DuckDbLabels from "../../src/layers/DuckDbLabels.ts"
import { labelConformance } from "../../src/testing/LabelConformance.ts"
import { freshRegistry } from "./RegistryFolder.ts"

labelConformance("duckdb", Layer.provideMerge(DuckDbLabels.layer, freshRegistry))
