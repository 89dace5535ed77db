/** W8: managed ingest into an S3 server on this machine. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { type Contestant, runContest } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import { startCountingProxy } from "../peers/CountingProxy.ts"
import { minioProgram, type MinioServer, startMinio } from "../peers/MinioServer.ts"
import { absence, peer } from "../peers/Peer.ts"
import { type CaseResult, ratioOf } from "../Results.ts"
import { checkFirstIngest, expectEqual, sheafCommand } from "../SheafCli.ts"
import { collector, warm, type Workload } from "./Workload.ts"

const BUCKET = "bench"

/** What both programs need to say about the server; the bucket is made by rclone, which the comparison needs anyway. */
const onServer = (bench: Bench, server: MinioServer) => {
  const rclone = peer(bench, "rclone")
  const quiet = (args: readonly string[]) => bench.quiet({ argv: [rclone.path, ...args], env: server.environment })
  return {
    rclone,
    makeBucket: () => quiet(["mkdir", `BENCH:${BUCKET}`]),
    purge: (prefix: string) => quiet(["purge", `BENCH:${BUCKET}/${prefix}`]),
    count: async (prefix: string): Promise<number> => (JSON.parse(await quiet(["size", "--json", `BENCH:${BUCKET}/${prefix}`])) as { readonly count: number }).count
  }
}

/** sheaf, uploading a data set into a new instance whose root is a prefix of the bucket. */
const sheafUpload = (bench: Bench, server: MinioServer, data: DataSet, endpoint = server.endpoint): Contestant => {
  const { count, purge } = onServer(bench, server)
  const instance = join(bench.work, "uploading")
  const prefix = "sheaf"
  const ingest = sheafCommand(bench, instance, ["ingest", data.path, "--json"])
  let used = false
  const clean = async () => {
    rmSync(instance, { recursive: true, force: true })
    if (used) await purge(prefix)
    used = false
  }
  return {
    name: "sheaf",
    kind: "sheaf",
    command: { ...ingest, env: { ...ingest.env, ...server.environment } },
    prepare: async () => {
      await clean()
      const init = sheafCommand(bench, undefined, ["init", instance, "--storage", `s3://${BUCKET}/${prefix}?region=us-east-1&endpoint=${endpoint}`])
      await bench.quiet({ ...init, env: { ...init.env, ...server.environment } })
      used = true
    },
    check: async ({ text }) => {
      const artifacts = expectedArtifacts(data.facts)
      const figures = checkFirstIngest(text(), { files: data.facts.files, artifacts })
      // The root's own marker is an object as well.
      expectEqual("objects in the bucket", await count(prefix), artifacts + 1)
      return figures
    },
    teardown: clean
  }
}

const rcloneUpload = (bench: Bench, server: MinioServer, data: DataSet): Contestant => {
  const { count, purge, rclone } = onServer(bench, server)
  const prefix = "rclone"
  let used = false
  const clean = async () => {
    if (used) await purge(prefix)
    used = false
  }
  return {
    name: "rclone copy",
    kind: "peer",
    ...absence(rclone),
    command: { argv: [rclone.path, "copy", data.path, `BENCH:${BUCKET}/${prefix}`, "--transfers", "32", "--checkers", "32"], env: server.environment },
    prepare: async () => {
      await clean()
      used = true
    },
    check: async () => expectEqual("objects in the bucket", await count(prefix), data.facts.files),
    teardown: clean
  }
}

/** Requests that one upload sends for each file, in a run of its own. */
const countRequests = async (bench: Bench, server: MinioServer, data: DataSet): Promise<number> => {
  const proxy = await startCountingProxy(server.endpoint)
  const upload = sheafUpload(bench, server, data, proxy.endpoint)
  try {
    await upload.prepare?.(0)
    const before = proxy.requests()
    await bench.quiet(upload.command)
    return (proxy.requests() - before) / data.facts.files
  } finally {
    await upload.teardown?.()
    await proxy.stop()
  }
}

/** The workload. */
export const w8: Workload = {
  id: "W8",
  title: "managed ingest into an S3 server on this machine",
  sizes: ["S", "G"],
  defaultSizes: ["S", "G"],
  run: async (bench, size) => {
    const whole = bench.data(size, { copies: 3, ...(size === "S" ? { cut: 0.1 } : {}) })
    const found = collector(whole)
    const program = minioProgram()
    if (program === undefined || bench.tools.found["rclone"] === undefined || bench.sheaf === undefined) {
      bench.log(`  left out: ${program === undefined ? "minio" : bench.sheaf === undefined ? "sheaf" : "rclone"} is not there`)
      return found.outcome()
    }
    const server = await startMinio(bench, program)
    try {
      await onServer(bench, server).makeBucket()
      const parts = size === "S" ? [bench.data("S", { copies: 3, cut: 0.01 }), whole] : [whole]
      for (const data of parts) {
        await warm(bench, data)
        const requests = size === "S" ? await countRequests(bench, server, data) : undefined
        found.add(
          await runContest(bench, {
            name: `upload of ${data.facts.files} files`,
            items: data.facts.files,
            unit: "files",
            bytes: data.facts.bytes,
            ...(requests === undefined ? {} : { figures: { requestsPerFile: requests } }),
            contestants: [sheafUpload(bench, server, data), rcloneUpload(bench, server, data)],
            targets: [
              { text: "at least rclone's rate", atMost: 1, actual: (r: CaseResult) => ratioOf(r, "sheaf", "rclone copy") },
              ...(requests === undefined ? [] : [{ text: "at most 1.1 requests a file", atMost: 1.1, actual: () => requests }])
            ],
            notes: ["the server runs on the same cores"]
          })
        )
      }
    } finally {
      await server.stop()
    }
    return found.outcome()
  }
}
