import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { layer } from "../src/index.js"
import { temporaryFolder } from "./TemporaryFolder.ts"

conformance("in a SQLite file", Layer.unwrap(Effect.map(temporaryFolder, (path) => layer({ path: join(path, "store.db"), create: true }))))
