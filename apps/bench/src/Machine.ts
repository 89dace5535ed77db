/** What a reader must know of the machine to judge the figures; nothing that names it. */
import { execFileSync, spawnSync } from "node:child_process"
import { availableParallelism, cpus, release, totalmem, type } from "node:os"
import { statfsSync } from "node:fs"
import { REPOSITORY } from "./Bench.ts"
import type { Results } from "./Results.ts"

/** The machine, with the file system of `directory`. */
export const describeMachine = (directory: string): Results["machine"] => ({
  cpu: cpus()[0]?.model.trim() || "unknown processor",
  cores: availableParallelism(),
  memory: totalmem(),
  system: `${type()} ${release().split("-")[0]}`,
  fileSystem: fileSystemName(directory)
})

/** The commit of the repository, with `+` when files differ from it; null outside a repository. */
export const currentCommit = (): string | null => {
  const git = (...args: string[]) => spawnSync("git", ["-C", REPOSITORY, ...args], { encoding: "utf8" })
  const head = git("rev-parse", "--short=12", "HEAD")
  if (head.status !== 0) return null
  return head.stdout.trim() + (git("status", "--porcelain").stdout.trim() === "" ? "" : "+")
}

const fileSystemName = (directory: string): string => {
  if (statfsSync(directory).type === 0x01021994) return "tmpfs"
  try {
    return execFileSync("stat", ["-f", "-c", "%T", directory], { encoding: "utf8" }).trim()
  } catch {
    return "unknown file system"
  }
}
