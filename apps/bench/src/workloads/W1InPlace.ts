/** W1: register a folder in place, page cache warm. */
import { join } from "node:path"
import { runContest } from "../Contest.ts"
import { expectedArtifacts } from "../data/TreeFacts.ts"
import { md5sum } from "../peers/CoreTools.ts"
import { rcloneHashsum } from "../peers/Rclone.ts"
import { ratioOf } from "../Results.ts"
import { checkFirstIngest, freshInstance, releaseRoot, sheafCommand } from "../SheafCli.ts"
import { collector, registeringWork, warm, type Workload } from "./Workload.ts"

/** The workload. */
export const w1: Workload = {
  id: "W1",
  title: "register in place, warm",
  sizes: ["S", "M", "X"],
  defaultSizes: ["S"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 0 })
    const found = collector(data)
    const instance = join(bench.work, "w1")
    await warm(bench, data)
    found.add(
      await runContest(bench, {
        name: `register ${size} in place`,
        items: data.facts.files,
        unit: "files",
        bytes: data.facts.bytes,
        work: registeringWork(data, { copied: false }),
        contestants: [
          {
            name: "sheaf",
            kind: "sheaf",
            command: sheafCommand(bench, instance, ["ingest", data.path, "--json"]),
            prepare: () => freshInstance(bench, instance, { storage: data.parent }),
            check: ({ text }) => checkFirstIngest(text(), { files: data.facts.files, artifacts: expectedArtifacts(data.facts) }),
            teardown: () => releaseRoot(data.parent)
          },
          md5sum(bench, data, 500),
          rcloneHashsum(bench, data)
        ],
        targets: [
          { text: "at most 2 x find, xargs md5sum", atMost: 2, actual: (r) => ratioOf(r, "sheaf", "find, xargs md5sum") },
          { text: "at most half of rclone hashsum", atMost: 0.5, actual: (r) => ratioOf(r, "sheaf", "rclone hashsum") }
        ]
      })
    )
    return found.outcome()
  }
}
