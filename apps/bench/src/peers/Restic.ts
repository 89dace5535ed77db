/** restic: a backup program that keeps every content once and records every file. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import type { Contestant } from "../Contest.ts"
import type { Command } from "../Measure.ts"
import { expectEqual } from "../SheafCli.ts"
import { absence, peer } from "./Peer.ts"

/** A repository of restic below the work folder. */
export interface ResticRepository {
  readonly absent?: string
  /** Removes what was there and makes an empty repository. */
  readonly create: () => Promise<void>
  readonly remove: () => void
  readonly backup: (path: string) => Command
  readonly command: (args: readonly string[]) => Command
  /** Checks that the latest snapshot holds so many files. */
  readonly checkFiles: (files: number) => Promise<void>
}

/** The repository called `name`. */
export const resticRepository = (bench: Bench, name: string): ResticRepository => {
  const restic = peer(bench, "restic")
  const repository = join(bench.work, name)
  const cache = `${repository}-cache`
  // restic refuses to work without a password; this one protects nothing.
  const env = { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: "benchmark", RESTIC_CACHE_DIR: cache }
  const command = (args: readonly string[]): Command => ({ argv: [restic.path, ...args], env })
  const remove = () => {
    rmSync(repository, { recursive: true, force: true })
    rmSync(cache, { recursive: true, force: true })
  }
  return {
    ...absence(restic),
    create: async () => {
      remove()
      await bench.quiet(command(["init", "--repository-version", "2"]))
    },
    remove,
    backup: (path) => command(["backup", "--compression", "off", path]),
    command,
    checkFiles: async (files) => {
      const stats = JSON.parse(await bench.quiet(command(["stats", "--json", "latest"]))) as { readonly total_file_count?: number }
      // Folders count as files there, so the least is checked.
      if ((stats.total_file_count ?? 0) < files) expectEqual("files in restic's snapshot", stats.total_file_count, files)
    }
  }
}

/** A first backup into an empty repository. */
export const resticBackup = (bench: Bench, path: string, files: number): Contestant => {
  const repository = resticRepository(bench, "restic")
  return {
    name: "restic backup",
    kind: "peer",
    ...absence(repository),
    command: repository.backup(path),
    prepare: repository.create,
    check: () => repository.checkFiles(files),
    teardown: repository.remove
  }
}
