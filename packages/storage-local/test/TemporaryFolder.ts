/** Folders for tests, removed afterwards. */
import { Effect, type Scope } from "effect"
import { chmod, mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => mkdtemp(join(await realpath(tmpdir()), "storage-local-"))),
  (path) => Effect.promise(async () => {
    await chmod(path, 0o700)
    await rm(path, { recursive: true, force: true })
  })
)
