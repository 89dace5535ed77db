/** All cases of the conformance suite. */
import type { ConformanceCase } from "./ConformanceCase.ts"
import { keyCases } from "./KeyCases.ts"
import { listCases } from "./ListCases.ts"
import { moveCases } from "./MoveCases.ts"
import { readCases } from "./ReadCases.ts"
import { writeCases } from "./WriteCases.ts"

/** All cases, by number: writing 1-19, reading 20-29, keys and deleting 30-39, listing 40-49, renaming, copying and local paths 50-59. */
export const conformanceCases: ReadonlyArray<ConformanceCase> = [...writeCases, ...readCases, ...keyCases, ...listCases, ...moveCases]
