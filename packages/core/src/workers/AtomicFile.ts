/**
 * Small files that are replaced in one step: readers see the old content or the new one, also after a power loss.
 */
import { closeSync, fsync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs"
import { dirname } from "node:path"
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

/** Makes a file with its whole content in one step; false when there is one already. */
export const linkFile = (path: string, text: string): boolean => {
  const temporary = `${path}.${process.pid}-${randomBase62(6)}.tmp`
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
  const temporary = `${path}.${process.pid}-${randomBase62(6)}.tmp`
  try {
    createFile(temporary, text)
    renameDurably(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}
