/**
 * Small files that are replaced in one step: readers see the old content or the new one, also after a power loss.
 */
import { closeSync, fsync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { randomBase62 } from "../domain/Uid.ts"

/** Writes a file and makes its content durable; it must not exist yet. */
export const createFile = (path: string, text: string): void => {
  const fd = openSync(path, "wx")
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Some file systems have no fsync of a folder; their names are durable by other means or not at all. */
const hasNoSync = (error: unknown): boolean => ["EINVAL", "ENOTSUP", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")

/** Makes names created, renamed or removed in a folder durable. */
export const syncFolder = (folder: string): void => {
  const fd = openSync(folder, "r")
  try {
    fsyncSync(fd)
  } catch (error) {
    if (!hasNoSync(error)) throw error
  } finally {
    closeSync(fd)
  }
}

/** Makes the content of a file, or the names in a folder, durable, without holding up the thread meanwhile. */
export const syncFile = (path: string | Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const fd = openSync(path, "r")
    fsync(fd, (error) => {
      closeSync(fd)
      if (error === null || hasNoSync(error)) resolve()
      else reject(error)
    })
  })

/** Renames durably, replacing what stands at `to`. */
export const renameDurably = (from: string, to: string): void => {
  renameSync(from, to)
  syncFolder(dirname(to))
}

/** A name beside the file; what processes that were killed have left under such names goes. */
const temporaryFor = (path: string): string => {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(`${basename(path)}.`) ? /\.([0-9]+)-[0-9A-Za-z]+\.tmp$/.exec(name)?.[1] : undefined
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(folder, name), { force: true })
  }
  return `${path}.${process.pid}-${randomBase62(6)}.tmp`
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

/** Makes a file with its whole content in one step; false when there is one already. */
export const linkFile = (path: string, text: string): boolean => {
  const temporary = temporaryFor(path)
  createFile(temporary, text)
  try {
    linkSync(temporary, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") return false
    // A file system without hard links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error
    renameSync(temporary, path)
    return true
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Gives a file new content in one step. */
export const replaceFile = (path: string, text: string): void => {
  const temporary = temporaryFor(path)
  try {
    createFile(temporary, text)
    renameDurably(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}
