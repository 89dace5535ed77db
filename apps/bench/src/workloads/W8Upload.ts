/** W8: managed ingest into an S3 server on this machine, what is read back from it, and a listing of many objects. */
import { readdirSync } from "node:fs"
import type { Bench } from "../Bench.ts"
import { type Contestant, runContest, type Target } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import type { Command } from "../Measure.ts"
import { startCountingProxy } from "../peers/CountingProxy.ts"
import { LISTED_SIZE, startListingStore } from "../peers/ListingStore.ts"
import { minioProgram, type MinioServer, startMinio } from "../peers/MinioServer.ts"
import { absence } from "../peers/Peer.ts"
import { type CaseResult, measured, ratioOf } from "../Results.ts"
import { checkFirstIngest, checkVerify, expectEqual } from "../SheafCli.ts"
import { BUCKET, newInstance, onServer, RCLONE_PREFIX, rcloneUpload, sheafOnServer, sheafUpload } from "./S3Uploads.ts"
import { collector, warm, type Workload } from "./Workload.ts"

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
  title: "managed ingest into an S3 server on this machine, reads from it; M: a listing of a million objects",
  sizes: ["S", "G", "L", "M"],
  defaultSizes: ["S", "G"],
  run: async (bench, size) => {
    const program = minioProgram()
    if (program === undefined || bench.tools.found["rclone"] === undefined || bench.sheaf === undefined) {
      bench.log(`  left out: ${program === undefined ? "minio" : bench.sheaf === undefined ? "sheaf" : "rclone"} is not there`)
      return collector(null).outcome()
    }
    const whole = size === "M" ? null : bench.data(size, { copies: 3, ...(size === "S" ? { cut: 0.1 } : {}) })
    const found = collector(whole)
    const server = await startMinio(bench, program)
    try {
      await onServer(bench, server).makeBucket()
      if (whole === null) {
        const objects = Math.max(1, Math.round(1_000_000 * (bench.options.scale ?? 1)))
        const tenth = found.add(await listing(bench, server, Math.ceil(objects / 10), undefined))
        found.add(await listing(bench, server, objects, tenth))
        return found.outcome()
      }
      const parts = size === "S" ? [bench.data("S", { copies: 3, cut: 0.01 }), whole] : [whole]
      for (const data of parts) {
        await warm(bench, data)
        const requests = size === "S" ? await countRequests(bench, server, data) : undefined
        found.add(
          await runContest(bench, {
            name: "managed ingest into S3",
            items: data.facts.files,
            unit: "files",
            bytes: data.facts.bytes,
            ...(requests === undefined ? {} : { figures: { requestsPerFile: requests } }),
            contestants: [sheafUpload(bench, server, data), rcloneUpload(bench, server, data)],
            targets: [
              { text: "at least rclone's rate", atMost: 1, actual: (r: CaseResult) => ratioOf(r, "sheaf", "rclone copy") },
              ...(requests === undefined ? [] : [{ text: "at most 1.1 requests a file", atMost: 1.1, actual: () => requests }]),
              memoryTarget
            ],
            notes: ["the server runs on the same cores"]
          })
        )
      }
      for (const one of await reads(bench, server, whole)) found.add(one)
    } finally {
      await server.stop()
    }
    return found.outcome()
  }
}

/** However large the files are and however many. */
const memoryTarget: Target = {
  text: "at most 400 MB for the whole process tree",
  atMost: 400e6,
  actual: (result) => measured(result, "sheaf")?.peakMemory?.max
}

/** What a verified read costs: of everything, beside a program that compares with the files here, and of one large file, beside one that compares nothing. */
const reads = async (bench: Bench, server: MinioServer, data: DataSet): Promise<ReadonlyArray<Awaited<ReturnType<typeof runContest>>>> => {
  const { rclone } = onServer(bench, server)
  const ours = sheafUpload(bench, server, data)
  const theirs = rcloneUpload(bench, server, data)
  const artifacts = expectedArtifacts(data.facts)
  const upload = async ({ command, prepare }: Contestant): Promise<void> => {
    await prepare?.(0)
    await bench.quiet(command)
  }
  const withRclone = (name: string, args: readonly string[]): Contestant => ({
    name, kind: "peer", ...absence(rclone), command: { argv: [rclone.path, ...args], env: server.environment }
  })
  const note = { notes: ["the server runs on the same cores"] }
  try {
    await upload(ours)
    await upload(theirs)
    const all = await runContest(bench, {
      name: `verify all of ${data.name} in S3`,
      items: artifacts,
      unit: "artifacts",
      bytes: data.facts.bytes,
      contestants: [
        {
          name: "sheaf",
          kind: "sheaf",
          command: sheafOnServer(bench, server, ["verify", "--json"]),
          check: ({ text }) => expectEqual("artifacts checked", checkVerify(text()), artifacts)
        },
        withRclone("rclone check --download", ["check", "--download", data.path, `BENCH:${BUCKET}/${RCLONE_PREFIX}`, "--checkers", "32"])
      ],
      targets: [memoryTarget],
      ...note
    })
    if (data.flat !== undefined) return [all]
    const [name = ""] = readdirSync(data.path)
    const cat = withRclone("rclone cat, nothing compared", ["cat", `BENCH:${BUCKET}/${RCLONE_PREFIX}/${name}`])
    return [all, await runContest(bench, {
      name: "read one file from S3",
      items: 1,
      unit: "files",
      bytes: data.facts.largest,
      contestants: [
        { name: "sheaf", kind: "sheaf", command: unseen(sheafOnServer(bench, server, ["cat", `${data.name}/${name}`])) },
        { ...cat, command: unseen(cat.command) }
      ],
      targets: [memoryTarget],
      ...note
    })]
  } finally {
    await ours.teardown?.()
    await theirs.teardown?.()
  }
}

/** A command whose output goes nowhere. */
const unseen = (command: Command): Command => ({ ...command, argv: ["bash", "-c", 'exec "$@" > /dev/null', "bash", ...command.argv] })

/** Registration in place of objects that a simulated store lists. */
const listing = async (bench: Bench, server: MinioServer, objects: number, tenth: CaseResult | undefined) => {
  const store = await startListingStore(server.endpoint, { bucket: BUCKET, prefix: "many/listed/", objects })
  const { make, remove } = newInstance(bench, server, "many", store.endpoint)
  try {
    return await runContest(bench, {
      name: `${objects} objects listed in place`,
      items: objects,
      unit: "objects",
      bytes: objects * LISTED_SIZE,
      contestants: [{
        name: "sheaf",
        kind: "sheaf",
        command: sheafOnServer(bench, server, ["ingest", `s3://${BUCKET}/many/listed?region=us-east-1&endpoint=${store.endpoint}`, "--json"]),
        prepare: make,
        check: ({ text }) => checkFirstIngest(text(), { files: objects, artifacts: objects }),
        teardown: remove
      }],
      targets: [
        memoryTarget,
        { text: "memory against a tenth of it", atMost: 1.5, actual: (r) => ratio(measured(r, "sheaf")?.peakMemory?.median, tenth === undefined ? undefined : measured(tenth, "sheaf")?.peakMemory?.median) }
      ],
      notes: ["the listing is simulated; the bytes are nowhere"]
    })
  } finally {
    await store.stop()
  }
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? undefined : a / b)
