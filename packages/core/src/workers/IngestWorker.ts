/**
 * A worker thread of ingest: walks, hashes and copies a piece of a directory tree, and answers with finished rows and what is left to do.
 *
 * It goes depth first in bytewise path order until its share is done, then hands the rest back, so that pieces stay in order and of even size
 * whether the tree is one wide directory or many small ones. File calls are synchronous into one reused buffer. No Effect in here: start time counts.
 */
import { parentPort, workerData } from "node:worker_threads"
import { directoryWalk } from "./DirectoryWalk.ts"
import type { FromWorker, ToWorker, WorkerSetup } from "./IngestProtocol.ts"
import { rulesInThread } from "./KeyPolicyRules.ts"
import { TargetError } from "./ObjectWriter.ts"
import { SegmentWriter, StatCacheReader } from "./StatCache.ts"

const setup = workerData as WorkerSetup
const port = parentPort!

const policy = await rulesInThread(setup.keyPolicy)
const cache = new StatCacheReader(setup.statCache)
const segment = setup.segment === null ? null : new SegmentWriter(setup.segment.folder, setup.segment.name)

let walk: ReturnType<typeof directoryWalk> | undefined

const answer = (message: FromWorker, transfer: ReadonlyArray<ArrayBuffer> = []): void => port.postMessage(message, transfer)

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "source":
      walk?.close()
      walk = directoryWalk({ setup, source: message, policy, cache, segment })
      return
    case "task":
      try {
        const done = walk!.run(message)
        answer(done, done.parts.flatMap((p) => (p.type === "rows" ? [p.tsv.buffer as ArrayBuffer] : [])))
      } catch (error) {
        if (!(error instanceof TargetError)) throw error
        answer({ type: "fatal", key: error.key, code: error.code, message: error.message })
      }
      return
    case "finish":
      walk?.close()
      cache.close()
      segment?.close()
      answer({ type: "finished" })
      port.close()
  }
})
