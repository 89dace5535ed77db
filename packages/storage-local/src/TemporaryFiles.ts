/**
 * Unfinished objects: files in `.sheaf/tmp/`, named after the process that writes them, so that the leftovers of a killed one can be told from work
 * that is under way: `<pid>-<start>-<host>-<boot>-<random>.part`.
 */
import { toFsPath } from "@sheaf/core/domain/FileName"
import { randomBase62 } from "@sheaf/core/domain/Uid"
import { constants } from "node:fs"
import { type FileHandle, mkdir, open, readdir, stat, unlink } from "node:fs/promises"
import { errnoOf, failure } from "./LocalFailure.ts"
import { type LocalRoot, TEMPORARY_FOLDER } from "./LocalRoot.ts"
import { thisWriter, writerState } from "./WriterProcess.ts"

/** Objects never change, so their files are read-only. */
const OBJECT_MODE = 0o444
/** A leftover of another host, whose processes cannot be looked at, is taken for abandoned after this many milliseconds without a write. */
const FOREIGN_AGE = 7 * 24 * 3600 * 1000

export interface TemporaryFile {
  readonly file: FileHandle
  /** As a latin1 string of its bytes. */
  readonly path: string
}

export const createTemporary = async (root: LocalRoot, operation: string, key: string): Promise<TemporaryFile> => {
  const folder = `${root.base}/${TEMPORARY_FOLDER}`
  const path = `${folder}/${thisWriter()}-${randomBase62(12)}.part`
  const create = (): Promise<FileHandle> => open(toFsPath(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, OBJECT_MODE)
  await root.checkFolder(operation, key, folder)
  const file = await create().catch(async (error) => {
    if (errnoOf(error) === "ENOENT") {
      await mkdir(toFsPath(folder), { recursive: true })
      return create()
    }
    if (errnoOf(error) === "ENOTDIR") throw failure("Unexpected", operation, key, `${TEMPORARY_FOLDER} in the storage root is not a directory`, error)
    throw error
  })
  return { file, path }
}

/** Removes what killed processes left behind. */
export const removeLeftovers = async (root: LocalRoot): Promise<void> => {
  const folder = `${root.base}/${TEMPORARY_FOLDER}`
  const names = await root.resolve("open", "", folder).then(() => readdir(toFsPath(folder)), () => [])
  for (const name of names) {
    if (await isLeftover(name, folder)) await unlink(toFsPath(`${folder}/${name}`)).catch(() => undefined)
  }
}

const isLeftover = async (name: string, folder: string): Promise<boolean> => {
  const writer = /^(.*)-[0-9A-Za-z]{12}\.part$/.exec(name)?.[1]
  const state = writer === undefined ? null : writerState(writer)
  if (state !== "of another host") return state === "ended"
  const found = await stat(toFsPath(`${folder}/${name}`)).catch(() => null)
  return found !== null && Date.now() - found.mtimeMs > FOREIGN_AGE
}
