/** What a reader must know of the machine to judge the figures; nothing that names it. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { availableParallelism, cpus, release, totalmem, type } from "node:os"
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

/** The type of the mount that holds a folder. */
const fileSystemName = (directory: string): string => {
  const within = (mount: string) => mount === "/" || directory === mount || directory.startsWith(`${mount}/`)
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n").map((line) => line.split(" "))
  const holding = mounts.filter(([, mount]) => mount !== undefined && within(mount)).toSorted((a, b) => a[1]!.length - b[1]!.length)
  return holding.at(-1)?.[2] ?? "unknown file system"
}
