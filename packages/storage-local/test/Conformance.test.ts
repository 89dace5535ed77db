import { storageConformance } from "@sheaf/core/testing/StorageConformance"
import { Effect, Layer } from "effect"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { layer } from "../src/index.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

storageConformance("in a directory", Layer.unwrap(Effect.map(temporaryFolder, (path) => layer({ path }))))

storageConformance("in a directory with an awkward name, named by its URL", Layer.unwrap(Effect.flatMap(temporaryFolder, (path) =>
  Effect.promise(async () => {
    const root = join(path, "100% é☃ #?\n'\"")
    await mkdir(root)
    return layer({ path: `file://${root.split("/").map(encodeURIComponent).join("/")}` })
  }))), { many: 100 })
