/** W4: register large files in place, with each hash that makes sense for them. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { runContest } from "../Contest.ts"
import { md5sum, opensslSha256 } from "../peers/CoreTools.ts"
import { ratioOf } from "../Results.ts"
import { checkFirstIngest, freshInstance, releaseRoot, sheafCommand } from "../SheafCli.ts"
import { collector, registeringWork, warm, type Workload } from "./Workload.ts"

/** The workload. */
export const w4: Workload = {
  id: "W4",
  title: "register large files in place",
  sizes: ["G", "L"],
  defaultSizes: ["G", "L"],
  run: async (bench, size) => {
    const data = bench.data(size, { copies: 0 })
    const found = collector(data)
    const instance = join(bench.work, "w4")
    await warm(bench, data)
    for (const hash of size === "G" ? (["md5", "sha256"] as const) : (["md5", "sha256-tree"] as const)) {
      const peer = hash === "md5" ? md5sum(bench, data, 1) : opensslSha256(bench, data)
      const result = found.add(
        await runContest(bench, {
          name: `${size} in place, ${hash}`,
          items: data.facts.files,
          unit: "files",
          bytes: data.facts.bytes,
          work: registeringWork(data, { copied: false, hash: hash === "md5" ? "md5" : "sha256", tree: hash === "sha256-tree" }),
          contestants: [
            {
              name: "sheaf",
              kind: "sheaf",
              command: sheafCommand(bench, instance, ["ingest", data.path, "--json"]),
              prepare: () => freshInstance(bench, instance, { storage: data.parent, hash }),
              check: ({ text }) => checkFirstIngest(text(), { files: data.facts.files, artifacts: data.facts.files }),
              teardown: () => {
                releaseRoot(data.parent)
                rmSync(instance, { recursive: true, force: true })
              }
            },
            peer
          ],
          targets: [{ text: `at most 1.15 x ${peer.name}`, atMost: 1.15, actual: (r) => ratioOf(r, "sheaf", peer.name) }]
        })
      )
      const speedup = ratioOf(result, peer.name, "sheaf")
      if (hash === "sha256-tree" && speedup !== undefined) bench.log(`  tree hash: ${speedup.toFixed(2)} x one core's openssl on ${bench.cores} cores`)
    }
    return found.outcome()
  }
}
