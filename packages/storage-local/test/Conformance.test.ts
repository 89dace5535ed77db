import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer } from "effect"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { layer } from "../src/index.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

conformance("in a directory", Layer.unwrap(Effect.map(temporaryFolder, (path) => layer({ path }))))

conformance("in a directory with an awkward name, named by its URL", Layer.unwrap(Effect.flatMap(temporaryFolder, (path) =>
  Effect.promise(async () => {
    const root = join(path, "100% é☃ #?\n'\"")
    await mkdir(root)
    return layer({ path: `file://${root.split("/").map(encodeURIComponent).join("/")}` })
  }))), { many: 100 })
