/**
 * Which process a leftover belongs to, and whether that process still lives. A pid alone is reused; with its start time and the machine's
 * boot it is not.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"

export interface ProcessIdentity {
  readonly pid: number
  /** Start of the process in the system's own terms: clock ticks since boot on Linux, text of `ps` elsewhere; "" when unknown. */
  readonly startTicks: string
  readonly host: string
  /** Differs after a reboot; "" when unknown. */
  readonly bootId: string
}

/** Start time of a process, or null when there is none with this pid. */
const startOf = (pid: number): string | null => {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
      // The command name is in parentheses and may contain anything; the start time is field 22.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return fields[0] === "Z" || fields[0] === "X" ? null : fields[19]!
    } catch {
      return null
    }
  }
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return null
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
  } catch {
    return ""
  }
}

const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
  } catch {
    return ""
  }
}

let own: ProcessIdentity | undefined

/** This process. */
export const thisProcess = (): ProcessIdentity =>
  own ??= { pid: process.pid, startTicks: startOf(process.pid) ?? "", host: hostname(), bootId: bootId() }

/**
 * Whether the process that left something behind has ended. A process of another host cannot be looked at: it counts as living.
 */
export const hasEnded = (identity: ProcessIdentity): boolean => {
  const here = thisProcess()
  if (identity.host !== here.host) return false
  if (identity.bootId !== here.bootId) return true
  const start = startOf(identity.pid)
  return start === null || (identity.startTicks !== "" && start !== "" && start !== identity.startTicks)
}
