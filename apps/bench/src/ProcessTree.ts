/** The processes of a session on Linux, read from `/proc`: who belongs to it, and how much memory they hold together. */
import { readdirSync, readFileSync } from "node:fs"

/** Ids of the live processes that `leader` started, itself excluded: those of its session and all their descendants. */
export const sessionMembers = (leader: number): number[] => {
  const parents = new Map<number, number>()
  const members = new Set<number>()
  for (const name of readdirSync("/proc")) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const stat = readText(`/proc/${pid}/stat`)
    if (stat === undefined) continue
    // The command in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    parents.set(pid, Number(fields[1]))
    if (Number(fields[3]) === leader && pid !== leader) members.add(pid)
  }
  for (const pid of parents.keys()) {
    for (let up = parents.get(pid); up !== undefined && up > 1; up = parents.get(up)) {
      if ((up === leader || members.has(up)) && pid !== leader) {
        members.add(pid)
        break
      }
    }
  }
  return [...members]
}

/** Bytes held by processes together: the high-water mark of one alone, the proportional shares (each shared page counted once) of several. */
export const memoryOf = (pids: readonly number[]): number => {
  if (pids.length === 1) return field(readText(`/proc/${pids[0]}/status`), "VmHWM")
  let sum = 0
  for (const pid of pids) sum += field(readText(`/proc/${pid}/smaps_rollup`), "Pss")
  return sum
}

const field = (text: string | undefined, name: string): number => {
  const match = text === undefined ? null : new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)
  return match === null ? 0 : Number(match[1]) * 1024
}

/** A process may end between being listed and being read. */
const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, "latin1")
  } catch {
    return undefined
  }
}
