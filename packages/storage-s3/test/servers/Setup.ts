/** Starts the stores once for all test files. The tests on those that are not installed are skipped, which `Servers.test.ts` does not let pass where `CI` is set. */
import type { TestProject } from "vitest/node"
import { startMinio } from "./Minio.ts"
import { startRadosgw } from "./Radosgw.ts"
import { sayMissed, type ServerAddress, type TestServer } from "./TestServer.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly minio: ServerAddress | null
    readonly radosgw: ServerAddress | null
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running: Array<TestServer> = []
  for (const [name, start] of [["minio", startMinio], ["radosgw", startRadosgw]] as const) {
    // One that does not start is no reason to leave the tests on others out.
    const server = await start().catch((error: Error) => {
      process.stderr.write(`storage-s3: ${name} does not start: ${error.message}\n`)
      return null
    })
    if (server === null) sayMissed(name)
    else running.push(server)
    project.provide(name, server?.address ?? null)
  }
  return async () => void (await Promise.all(running.map((server) => server.stop())))
}
