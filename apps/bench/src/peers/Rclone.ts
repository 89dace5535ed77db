/** rclone, hashing a local folder. */
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectEqual } from "../SheafCli.ts"
import { absence, peer } from "./Peer.ts"

/** `rclone hashsum md5` with eight checkers. */
export const rcloneHashsum = (bench: Bench, data: DataSet): Contestant => {
  const rclone = peer(bench, "rclone")
  return {
    name: "rclone hashsum",
    kind: "peer",
    ...absence(rclone),
    command: { argv: [rclone.path, "hashsum", "md5", "--checkers", "8", data.path], env: { RCLONE_CONFIG: "/dev/null" } },
    check: ({ text }) => {
      // A name with a line break takes two lines, so a mixed tree may have more lines than files, never fewer.
      const lines = text().split("\n").length - 1
      if (lines < data.facts.files) expectEqual("lines of rclone", lines, data.facts.files)
    }
  }
}
