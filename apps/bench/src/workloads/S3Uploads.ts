/** The two programs of W8 and what they need of the server. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import type { Command } from "../Measure.ts"
import type { MinioServer } from "../peers/MinioServer.ts"
import { absence, peer } from "../peers/Peer.ts"
import { checkFirstIngest, expectEqual, sheafCommand } from "../SheafCli.ts"

export const BUCKET = "bench"
/** Where rclone puts a data set. */
export const RCLONE_PREFIX = "rclone"

/** What both programs need to say about the server; the bucket is made by rclone, which the comparison needs anyway. */
export const onServer = (bench: Bench, server: MinioServer) => {
  const rclone = peer(bench, "rclone")
  const quiet = (args: readonly string[]) => bench.quiet({ argv: [rclone.path, ...args], env: server.environment })
  return {
    rclone,
    makeBucket: () => quiet(["mkdir", `BENCH:${BUCKET}`]),
    purge: async (prefix: string): Promise<void> => {
      await quiet(["purge", `BENCH:${BUCKET}/${prefix}`])
      server.emptyTrash()
    },
    count: async (prefix: string): Promise<number> => (JSON.parse(await quiet(["size", "--json", `BENCH:${BUCKET}/${prefix}`])) as { readonly count: number }).count
  }
}

const uploadingInstance = (bench: Bench): string => join(bench.work, "uploading")

/** A command on the instance that data are uploaded into. */
export const sheafOnServer = (bench: Bench, server: MinioServer, args: readonly string[]): Command => {
  const command = sheafCommand(bench, uploadingInstance(bench), args)
  return { ...command, env: { ...command.env, ...server.environment } }
}

/** A new instance for that, whose root is a prefix of the bucket; `remove` it before another one is made, with all that it put there. */
export const newInstance = (bench: Bench, server: MinioServer, prefix: string, endpoint = server.endpoint) => {
  const instance = uploadingInstance(bench)
  const url = `s3://${BUCKET}/${prefix}?region=us-east-1&endpoint=${endpoint}`
  let used = false
  const remove = async (): Promise<void> => {
    rmSync(instance, { recursive: true, force: true })
    if (used) await onServer(bench, server).purge(prefix)
    used = false
  }
  const make = async (): Promise<void> => {
    await remove()
    const init = sheafCommand(bench, undefined, ["init", instance, "--storage", url])
    await bench.quiet({ ...init, env: { ...init.env, ...server.environment } })
    used = true
  }
  return { make, remove }
}

/** sheaf, uploading a data set into a new instance whose root is a prefix of the bucket. */
export const sheafUpload = (bench: Bench, server: MinioServer, data: DataSet, endpoint = server.endpoint): Contestant => {
  const prefix = "sheaf"
  const { count } = onServer(bench, server)
  const { make, remove } = newInstance(bench, server, prefix, endpoint)
  return {
    name: "sheaf",
    kind: "sheaf",
    command: sheafOnServer(bench, server, ["ingest", data.path, "--json"]),
    prepare: make,
    check: async ({ text }) => {
      const artifacts = expectedArtifacts(data.facts)
      const figures = checkFirstIngest(text(), { files: data.facts.files, artifacts })
      // The root's own marker is an object as well.
      expectEqual("objects in the bucket", await count(prefix), artifacts + 1)
      return figures
    },
    teardown: remove
  }
}

/** rclone, copying the same to the same server. */
export const rcloneUpload = (bench: Bench, server: MinioServer, data: DataSet): Contestant => {
  const { count, purge, rclone } = onServer(bench, server)
  const prefix = RCLONE_PREFIX
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
