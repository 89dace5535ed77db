import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer } from "effect"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { layer } from "../src/index.js"

/** A folder that is removed with the scope. */
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "sheaf-sqlite-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

conformance("in a SQLite file", Layer.unwrap(Effect.map(folder, (path) => layer({ path: join(path, "store.db"), create: true }))))
