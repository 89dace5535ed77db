/**
 * SQL where there is no engine for it: every query is refused.
 */
import { Effect, Layer } from "effect"
import { SqlAccess } from "../ports/SqlAccess.ts"
import { needsEngine } from "./MemoryQueries.ts"

/** Refuses with `InvalidInput`. */
export const layer: Layer.Layer<SqlAccess> = Layer.succeed(SqlAccess, SqlAccess.of({ query: () => Effect.fail(needsEngine("sql")) }))
