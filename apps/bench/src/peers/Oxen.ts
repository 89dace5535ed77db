/** Oxen: version control for data, through its Python package. */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { absence, peer } from "./Peer.ts"

/** `add` and `commit` of a folder in a new repository. */
export const oxenAdd = (bench: Bench, data: DataSet): Contestant => {
  const python = peer(bench, "oxen")
  const repository = join(bench.work, "oxen")
  const path = join(repository, data.name)
  const remove = () => rmSync(repository, { recursive: true, force: true })
  return {
    name: "oxen add, commit",
    kind: "peer",
    slow: true,
    ...absence(python),
    command: { argv: [python.path, join(import.meta.dirname, "oxen_add.py"), repository, path], cwd: bench.work },
    prepare: async () => {
      remove()
      mkdirSync(repository, { recursive: true })
      await bench.quiet({ argv: ["cp", "-r", data.path, path] })
      const script = 'import sys, oxen; oxen.user.config_user("benchmark", "benchmark@example.org"); oxen.Repo(sys.argv[1]).init()'
      await bench.quiet({ argv: [python.path, "-c", script, repository] })
    },
    teardown: remove
  }
}
