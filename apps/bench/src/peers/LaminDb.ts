/** LaminDB: a registry of artifacts in Python, on SQLite. */
import { mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import { absence, peer } from "./Peer.ts"

/** Registers a folder in a new instance: `folder` by `from_dir`, `loop` file by file. It may record fewer than there are, so the number is kept as a figure. */
export const laminIngest = (bench: Bench, path: string, mode: "folder" | "loop"): Contestant => {
  const python = peer(bench, "lamindb")
  const home = join(bench.work, "lamindb")
  const env = { HOME: join(home, "home"), LAMIN_CACHE_DIR: join(home, "cache") }
  const remove = () => rmSync(home, { recursive: true, force: true })
  return {
    name: mode === "folder" ? "LaminDB from_dir" : "LaminDB loop",
    kind: "peer",
    slow: true,
    ...absence(python),
    command: { argv: [python.path, join(import.meta.dirname, "lamindb_ingest.py"), mode, path], cwd: home, env },
    prepare: async () => {
      remove()
      mkdirSync(env.HOME, { recursive: true })
      await bench.quiet({ argv: [join(dirname(python.path), "lamin"), "init", "--storage", "./storage"], cwd: home, env })
    },
    check: ({ text }) => ({ recorded: Number(/^recorded (\d+)$/m.exec(text())?.[1] ?? 0) }),
    teardown: remove
  }
}
