/** Starts the stores once for all test files. Those that are not installed are missed: the tests on them are skipped, or everything fails where `CI` is set. */
import type { TestProject } from "vitest/node"
import { startMinio } from "./Minio.ts"
import { startRadosgw } from "./Radosgw.ts"
import { missed, type ServerAddress, type TestServer } from "./TestServer.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly minio: ServerAddress | null
    readonly radosgw: ServerAddress | null
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running: Array<TestServer> = []
  const stop = async (): Promise<void> => void (await Promise.all(running.map((server) => server.stop())))
  try {
    for (const [name, start] of [["minio", startMinio], ["radosgw", startRadosgw]] as const) {
      const server = await start()
      if (server === null) missed(name)
      else running.push(server)
      project.provide(name, server?.address ?? null)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}
