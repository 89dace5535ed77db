import * as MemoryStorage from "../../src/testing/MemoryStorage.ts"
import { storageConformance } from "../../src/testing/StorageConformance.ts"

storageConformance("in memory", MemoryStorage.layer)
