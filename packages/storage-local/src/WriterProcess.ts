/**
 * Which process an unfinished object belongs to, written as a text of letters, digits and `-`. A pid alone is used again; with the start time of the
 * process and the boot of the machine it is not.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"

/** What can be said about a process that wrote something. */
export type WriterState = "ended" | "may live" | "of another host"

/** Letters and digits that stand for a text. */
const word = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8)

/** Start of a process in clock ticks since boot, "0" where that cannot be known, or null when there is no such process. */
const startOf = (pid: number): string | null => {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
      // The command name is in parentheses and may contain anything; state is field 3, start time field 22.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return fields[0] === "Z" || fields[0] === "X" ? null : fields[19]!
    } catch {
      return null
    }
  }
  try {
    process.kill(pid, 0)
    return "0"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? null : "0"
  }
}

const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1")
  } catch {
    return ""
  }
}

let own: { readonly text: string; readonly host: string; readonly boot: string } | undefined

const here = () => {
  if (own === undefined) {
    const [host, boot] = [word(hostname()), word(bootId())]
    own = { text: `${process.pid}-${startOf(process.pid) ?? "0"}-${host}-${boot}`, host, boot }
  }
  return own
}

/** This process: `<pid>-<start>-<host>-<boot>`. */
export const thisWriter = (): string => here().text

/** What became of the process that a text from {@link thisWriter} names, or null for another text. */
export const writerState = (text: string): WriterState | null => {
  const [, pid, start, host, boot] = /^([0-9]+)-([0-9]+)-([0-9a-f]{8})-([0-9a-f]{8})$/.exec(text) ?? []
  if (pid === undefined) return null
  if (host !== here().host) return "of another host"
  return boot === here().boot && startOf(Number(pid)) === start ? "may live" : "ended"
}
