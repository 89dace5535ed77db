/**
 * A worker thread of a verification: reads the copies of a batch and answers with those that are not as recorded. No Effect in here: start time counts.
 */
import { parentPort, workerData } from "node:worker_threads"
import { copyCheck } from "./CopyCheck.ts"
import { PROGRESS_SLOTS, type VerifyAnswer, type VerifySetup, type VerifyTask } from "./VerifyProtocol.ts"

const { progress, stop, worker } = workerData as VerifySetup
const counters = new Float64Array(progress, worker * PROGRESS_SLOTS * 8, PROGRESS_SLOTS)
const stopFlag = new Int32Array(stop)
const port = parentPort!

const check = copyCheck({
  stopped: () => Atomics.load(stopFlag, 0) === 1,
  onBytes: (bytes) => void (counters[1]! += bytes),
  onCopy: () => void (counters[0]! += 1)
})

port.on("message", (task: VerifyTask | "finish") => {
  if (task === "finish") {
    check.close()
    port.close()
    return
  }
  port.postMessage({ id: task.id, findings: check.run(task) } satisfies VerifyAnswer)
})
