/** The tools of every Linux system: what copying, walking or hashing costs when nothing is recorded. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { shell } from "../Measure.ts"
import { expectEqual } from "../SheafCli.ts"
import { absence, peer } from "./Peer.ts"

/** `find | xargs md5sum`, 500 files a process for small files and one for large ones. */
export const md5sum = (bench: Bench, data: DataSet, perProcess: 500 | 1): Contestant => ({
  name: "find, xargs md5sum",
  kind: "peer",
  ...absence(peer(bench, "find"), peer(bench, "md5sum")),
  command: shell(`find "$1" -type f -print0 | xargs -0 -n ${perProcess} -P${bench.cores} md5sum`, [data.path]),
  check: ({ text }) => expectEqual("lines of md5sum", countLines(text()), data.facts.files)
})

/** `openssl dgst -sha256` on every file. */
export const opensslSha256 = (bench: Bench, data: DataSet): Contestant => ({
  name: "openssl sha256",
  kind: "peer",
  ...absence(peer(bench, "openssl")),
  command: shell(`find "$1" -type f -print0 | xargs -0 -n 1 -P${bench.cores} openssl dgst -sha256`, [data.path]),
  check: ({ text }) => expectEqual("lines of openssl", countLines(text()), data.facts.files)
})

/** `cp -r` to a new folder. */
export const copyTree = (bench: Bench, data: DataSet): Contestant => {
  const target = join(bench.work, "copy")
  const remove = () => rmSync(target, { recursive: true, force: true })
  return {
    name: "cp -r",
    kind: "peer",
    ...absence(peer(bench, "cp")),
    command: { argv: ["cp", "-r", data.path, target] },
    prepare: remove,
    check: async () => {
      const copied = await bench.quiet(shell('find "$1" -type f -printf x | wc -c', [target]))
      expectEqual("files copied", Number(copied), data.facts.files)
      remove()
    },
    teardown: remove
  }
}

/** `find -printf`: walking and looking at size and time, reading nothing. */
export const findPrintf = (bench: Bench, path: string, files: number): Contestant => ({
  name: "find -printf",
  kind: "peer",
  ...absence(peer(bench, "find")),
  command: { argv: ["find", path, "-printf", "%s %T@\\n"] },
  check: ({ text }) => {
    if (countLines(text()) < files) expectEqual("lines of find", countLines(text()), files)
  }
})

const countLines = (text: string): number => {
  let lines = 0
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++
  return lines
}
