/**
 * Who holds the lock of a registry file, as far as the system tells.
 *
 * DuckDB locks the file with `fcntl`, so on Linux `/proc/locks` names the holder: asking it is twenty times cheaper than an attempt to open.
 * Such a lock belongs to the process and is dropped when the process closes any descriptor of the file: nothing in Sheaf opens a registry file by itself.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, readlinkSync, statSync } from "node:fs"

export interface LockHolder {
  readonly pid: number
  readonly command: string | null
  /** ISO 8601. */
  readonly startedAt: string | null
}

/** Pid of another process whose lock keeps us from attaching for reading or writing; null when there is none or the system does not say. */
export const lockingPid = (path: string, mode: "read" | "write"): number | null => {
  if (process.platform !== "linux") return null
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
    const hex = (n: bigint) => n.toString(16).padStart(2, "0")
    const file = ` ${hex(major)}:${hex(minor)}:${ino} `
    for (const line of readFileSync("/proc/locks", "latin1").split("\n")) {
      if (!line.includes(file)) continue
      const [, , , access, pid] = line.split(/\s+/)
      if (Number(pid) !== process.pid && (mode === "write" || access === "WRITE")) return Number(pid)
    }
  } catch {
    // Not readable: the attempt to attach will tell.
  }
  return null
}

/** What can be found out about a process. */
export const describeProcess = (pid: number): LockHolder => {
  try {
    return process.platform === "linux" ? fromProc(pid) : fromPs(pid)
  } catch {
    return { pid, command: null, startedAt: null }
  }
}

const fromProc = (pid: number): LockHolder => {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter((w) => w !== "")
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19])
  const boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1])
  // The kernel reports process times in hundredths of a second whatever its own tick is.
  const started = new Date((boot + ticks / 100) * 1000)
  return {
    pid,
    command: words.length > 0 ? withoutSecrets(words.join(" ")) : executable(pid),
    startedAt: Number.isNaN(started.getTime()) ? null : started.toISOString()
  }
}

const executable = (pid: number): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return null
  }
}

const fromPs = (pid: number): LockHolder => {
  const ps = (column: string) =>
    execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
  const started = new Date(ps("lstart"))
  return { pid, command: withoutSecrets(ps("command")), startedAt: Number.isNaN(started.getTime()) ? null : started.toISOString() }
}

/** A command line fit for a message: what looks like a credential is masked, and it is short. */
export const withoutSecrets = (command: string): string => {
  const masked = command
    .replace(/(:\/\/[^/\s:@]*:)[^@\s]*@/g, "$1***@")
    .replace(/((?:secret|password|passwd|token|credential|signature)[\w-]*[=\s]\s*)\S+/gi, "$1***")
  // What was run stands at the end, behind the paths of the program.
  return masked.length > 160 ? `${masked.slice(0, 60)}…${masked.slice(-99)}` : masked
}
