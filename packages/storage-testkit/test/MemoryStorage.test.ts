import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { conformance } from "../src/Vitest.ts"

conformance("in memory", MemoryStorage.layer)
