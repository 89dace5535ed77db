/** DVC: takes a folder of its workspace into its cache. */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import type { Command } from "../Measure.ts"
import { expectEqual } from "../SheafCli.ts"
import { absence, peer } from "./Peer.ts"

/** A DVC workspace below the work folder, with a copy of the data in it. */
export interface DvcWorkspace {
  readonly absent?: string
  /** Makes it anew. */
  readonly create: () => Promise<void>
  /** The copy of the data. */
  readonly path: string
  readonly add: Command
  readonly checkFiles: () => Promise<void>
  readonly remove: () => void
}

/** The workspace called `name`. */
export const dvcWorkspace = (bench: Bench, data: DataSet, name: string): DvcWorkspace => {
  const dvc = peer(bench, "dvc")
  const workspace = join(bench.work, name)
  const path = join(workspace, data.name)
  const env = { DVC_NO_ANALYTICS: "1", DVC_SITE_CACHE_DIR: join(bench.work, `${name}-site`) }
  const command = (args: readonly string[]): Command => ({ argv: [dvc.path, ...args], cwd: workspace, env })
  const remove = () => {
    rmSync(workspace, { recursive: true, force: true })
    rmSync(env.DVC_SITE_CACHE_DIR, { recursive: true, force: true })
  }
  return {
    ...absence(dvc),
    path,
    add: command(["add", "--quiet", data.name]),
    create: async () => {
      remove()
      mkdirSync(workspace, { recursive: true })
      await bench.quiet(command(["init", "--quiet", "--no-scm"]))
      await bench.quiet(command(["config", "core.analytics", "false"]))
      await bench.quiet({ argv: ["cp", "-r", data.path, path] })
    },
    checkFiles: async () => {
      const text = await bench.quiet({ argv: ["cat", join(workspace, `${data.name}.dvc`)] })
      expectEqual("files in DVC's manifest", Number(/^\s*nfiles: (\d+)$/m.exec(text)?.[1]), data.facts.files)
    },
    remove
  }
}

/** A first `dvc add`. */
export const dvcAdd = (bench: Bench, data: DataSet): Contestant => {
  const workspace = dvcWorkspace(bench, data, "dvc")
  return {
    name: "dvc add",
    kind: "peer",
    slow: true,
    ...absence(workspace),
    command: workspace.add,
    prepare: workspace.create,
    check: workspace.checkFiles,
    teardown: workspace.remove
  }
}
