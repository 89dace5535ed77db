/** W5: managed ingest of large files. */
import { runContest } from "../Contest.ts"
import { copyTree } from "../peers/CoreTools.ts"
import { ratioOf } from "../Results.ts"
import { managedIngest } from "./W2Managed.ts"
import { collector, registeringWork, warm, type Workload } from "./Workload.ts"

/** The workload. */
export const w5: Workload = {
  id: "W5",
  title: "managed ingest of large files",
  sizes: ["G", "L"],
  defaultSizes: ["G"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 1 })
    const found = collector(data)
    await warm(bench, data)
    found.add(
      await runContest(bench, {
        name: `managed ingest of ${size}`,
        items: data.facts.files,
        unit: "files",
        bytes: data.facts.bytes,
        work: registeringWork(data, { copied: true }),
        contestants: [managedIngest(bench, data), copyTree(bench, data)],
        targets: [{ text: "at most cp -r", atMost: 1, actual: (r) => ratioOf(r, "sheaf", "cp -r") }]
      })
    )
    return found.outcome()
  }
}
