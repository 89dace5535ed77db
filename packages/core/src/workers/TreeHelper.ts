/** A helper thread of `TreeHashing`: takes chunks of the file it is given until none is left. */
import { parentPort } from "node:worker_threads"
import { takeChunks, type TreeJob } from "./TreeHashing.ts"

parentPort!.on("message", ({ helper, job }: { readonly job: TreeJob; readonly helper: number }) => takeChunks(job, helper))
