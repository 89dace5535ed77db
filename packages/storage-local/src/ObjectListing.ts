/**
 * Listing objects in the bytewise order of their whole paths, which is not the order of a walk that takes names as they sort: `a.txt` comes before
 * what is in `a/`, because `.` is less than `/`.
 */
import { escapePath, toFsPath, unescapePath } from "@sheaf/core/domain/FileName"
import type { ListOptions, StorageError, StorageObject } from "@sheaf/core/ports/Storage"
import { Stream } from "effect"
import { lstat, readdir, realpath } from "node:fs/promises"
import { errnoOf, fromErrno } from "./LocalFailure.ts"
import { type FileStat, type LocalRoot, TEMPORARY_FOLDER, versionOf } from "./LocalRoot.ts"

/** Objects looked at together. */
const GROUP = 64

/** A directory on the way down: names of files and, with a `/` at their end, of folders, as latin1 strings of their bytes. */
interface Frame {
  /** Path below the root, "" or with a `/` at its end. */
  readonly folder: string
  readonly names: ReadonlyArray<string>
  at: number
}

export const listObjects = (root: LocalRoot, options: ListOptions = {}): Stream.Stream<StorageObject, StorageError> =>
  Stream.suspend(() => Stream.flattenArray(Stream.fromAsyncIterable(walk(root, options), (error) => fromErrno("list", options.prefix ?? "", error))))

/** An object from what stat says about its file. */
export const toObject = (key: string, found: Pick<FileStat, "dev" | "ino" | "size" | "mtimeNs">): StorageObject => ({
  key,
  size: Number(found.size),
  modifiedAt: Number(found.mtimeNs / 1_000_000n),
  version: versionOf(found),
  digests: {}
})

async function* walk(root: LocalRoot, { prefix = "", startAfter }: ListOptions): AsyncGenerator<[StorageObject, ...Array<StorageObject>]> {
  await root.checkThere("list", prefix)
  const start = await startOf(root, prefix)
  if (start === null) return
  const after = startAfter === undefined ? "" : unescapePath(startAfter)
  const isWanted = (path: string): boolean =>
    (path > after || (path.endsWith("/") && after.startsWith(path))) && escapePath(path).startsWith(prefix)
  // A registry's own folder is listed only to those who ask for it by name.
  const isOwn = (path: string): boolean => path === TEMPORARY_FOLDER + "/" || (/(?:^|\/)\.sheaf\/$/.test(path) && !prefix.startsWith(escapePath(path)))

  const frameOf = async (folder: string): Promise<Frame> => {
    const names = await namesIn(root, folder)
    return { folder, names: names.filter((name) => isWanted(folder + name) && !isOwn(folder + name)), at: 0 }
  }
  const stack = [await frameOf(start)]
  while (stack.length > 0) {
    const frame = stack[stack.length - 1]!
    const group = frame.names.slice(frame.at, frame.at + GROUP)
    const folderAt = group.findIndex((name) => name.endsWith("/"))
    const files = folderAt < 0 ? group : group.slice(0, folderAt)
    if (files.length > 0) {
      frame.at += files.length
      const found = await Promise.all(files.map((name) => look(root, frame.folder + name)))
      const [first, ...rest] = found.filter((object) => object !== null)
      if (first !== undefined) yield [first, ...rest]
    } else if (folderAt === 0) {
      frame.at++
      stack.push(await frameOf(frame.folder + group[0]!))
    } else {
      stack.pop()
    }
  }
}

/** The folder that every key with the prefix is in, or null when there is none. Symlinks are not followed to get there either. */
const startOf = async (root: LocalRoot, prefix: string): Promise<string | null> => {
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1)
  if (folder === "") return ""
  const raw = unescapePath(folder)
  if (escapePath(raw) !== folder || raw.includes("\0") || folder.startsWith(TEMPORARY_FOLDER + "/")) return null
  const path = `${root.base}/${raw.slice(0, -1)}`
  try {
    return (await realpath(toFsPath(path), "latin1")) === path ? raw : null
  } catch (error) {
    if (isGone(error)) return null
    throw fromErrno("list", prefix, error)
  }
}

/** Names in a folder, sorted as whole paths sort. A folder that has gone meanwhile is empty. */
const namesIn = async (root: LocalRoot, folder: string): Promise<ReadonlyArray<string>> => {
  try {
    const entries = await readdir(toFsPath(`${root.base}/${folder}`), { withFileTypes: true, encoding: "buffer" })
    const names = []
    for (const entry of entries) {
      if (entry.isFile()) names.push(entry.name.toString("latin1"))
      else if (entry.isDirectory()) names.push(entry.name.toString("latin1") + "/")
    }
    return names.sort()
  } catch (error) {
    const key = escapePath(folder.slice(0, -1))
    if (!isGone(error)) throw fromErrno("list", key, error)
    await root.checkThere("list", key)
    return []
  }
}

const look = async (root: LocalRoot, path: string): Promise<StorageObject | null> => {
  try {
    const found = await lstat(toFsPath(`${root.base}/${path}`), { bigint: true })
    return found.isFile() ? toObject(escapePath(path), found) : null
  } catch (error) {
    if (isGone(error)) return null
    throw fromErrno("list", escapePath(path), error)
  }
}

const isGone = (error: unknown): boolean => errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR"
