/** What tests of services claim that change records, with the records in memory. */
import { describe } from "vitest"

process.env["SHEAF_TEST_REGISTRY"] = "memory"

describe("in memory", async () => {
  await import("../services/Artifacts.test.ts")
  await import("../services/Collections.test.ts")
  await import("../services/Deletion.test.ts")
  await import("../services/DeletionInterplay.test.ts")
  await import("../services/Folders.test.ts")
  await import("../services/Integrity.test.ts")
  await import("../services/Keys.test.ts")
  await import("../services/Labels.test.ts")
  await import("../services/Runs.test.ts")
  await import("../services/StorageRoots.test.ts")
})
