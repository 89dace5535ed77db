/** A folder for a registry file that is gone when its scope ends, and a DuckDB registry in it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import * as DuckDbClient from "../../src/layers/DuckDbClient.ts"
import * as DuckDbPorts from "../../src/layers/DuckDbPorts.ts"
import * as DuckDbRegistry from "../../src/layers/DuckDbRegistry.ts"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-registry-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The registry of a file, and its client. */
export const registryAt = (path: string, options: Partial<DuckDbClient.DuckDbClientOptions> = {}) =>
  DuckDbRegistry.layer.pipe(Layer.provideMerge(DuckDbClient.layer({ path, create: true, ...options })))

/** A registry in a folder of its own. */
export const freshRegistry = Layer.unwrap(Effect.map(folder, (path) => registryAt(join(path, "registry.duckdb"))))

/** All ports of a registry in a folder of its own. */
export const freshPorts = Layer.unwrap(Effect.map(folder, (path) => DuckDbPorts.layer({ path: join(path, "registry.duckdb"), create: true, lockTimeoutMillis: 10_000 })))
