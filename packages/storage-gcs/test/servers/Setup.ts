/** Starts fake-gcs-server once for all test files. Where it is not installed, the tests on it are skipped; where `CI` is set, everything fails. */
import type { TestProject } from "vitest/node"
import { INSTALL, startFakeGcsServer } from "./FakeGcsServer.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Its endpoint, or null. */
    readonly fakeGcsServer: string | null
  }
}

/** Names of servers that may be missing also where `CI` is set, separated by commas. */
const WITHOUT = "SHEAF_TEST_WITHOUT"
/** Tests that are on it, in `Conformance.test.ts` and `FakeGcsServer.test.ts`. */
const TESTS_ON_IT = 56

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startFakeGcsServer()
  if (server === null) {
    const isExpected = !["", undefined, "false", "0"].includes(process.env["CI"]) && !(process.env[WITHOUT] ?? "").split(",").includes("fake-gcs-server")
    const text = `storage-gcs: fake-gcs-server is not installed; get it with: ${INSTALL}`
    if (isExpected) throw new Error(`${text} (or do without: ${WITHOUT}=fake-gcs-server)`)
    process.stderr.write(`${text}. ${TESTS_ON_IT} tests on it are skipped.\n`)
  }
  project.provide("fakeGcsServer", server?.endpoint ?? null)
  return async () => server?.stop()
}
