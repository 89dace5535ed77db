/** git, adding a folder to an empty repository whose objects lie elsewhere. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { expectEqual } from "../SheafCli.ts"
import { absence, peer } from "./Peer.ts"

/** `git add -A`. */
export const gitAdd = (bench: Bench, data: DataSet): Contestant => {
  const git = peer(bench, "git")
  const directory = join(bench.work, "git")
  const env = { GIT_DIR: directory, GIT_WORK_TREE: data.path }
  const remove = () => rmSync(directory, { recursive: true, force: true })
  return {
    name: "git add",
    kind: "peer",
    ...absence(git),
    command: { argv: [git.path, "add", "-A"], cwd: data.path, env },
    prepare: async () => {
      remove()
      await bench.quiet({ argv: [git.path, "init", "--quiet"], cwd: data.path, env })
    },
    check: async () => {
      const listed = await bench.quiet({ argv: [git.path, "ls-files", "-z"], cwd: data.path, env })
      expectEqual("files in git's index", listed.split("\0").length - 1, data.facts.files)
    },
    teardown: remove
  }
}
