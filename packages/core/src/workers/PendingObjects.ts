/**
 * Objects on their way into a storage root: who is writing which, so that a crash leaves no stray object behind.
 *
 * Bytes are written before rows, so between the two an object stands in its root that no row refers to. Each writing process lists its objects
 * in `<root>/.sheaf/pending/<pid>-<start>-<random>.intent` before it creates them: first line the process as JSON, then one object key a line, with a `/`
 * before the keys of places that equal content shares.
 * When the process has ended without removing the file, the objects in it that the registry does not know are deleted.
 */
import { appendFileSync, type Stats, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { unescapePath, toFsPath, fromUserPath } from "../domain/FileName.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { hasEnded, type ProcessIdentity, thisProcess } from "./ProcessIdentity.ts"

/** Where intent files are, below a root. */
export const PENDING_FOLDER = ".sheaf/pending"

/** An open intent file of this process. */
export interface IntentFile {
  readonly path: string
  /** Names objects that are about to be created; returns when the list is written. */
  readonly add: (objectKeys: ReadonlyArray<string>) => void
  /**
   * Names a place that equal content shares and that is about to be looked at. It is kept from being removed while this file is there; a leftover says
   * nothing about it, since others may refer to it by then.
   */
  readonly reserve: (objectKey: string) => void
  /** All of them are either in the registry or deleted. */
  readonly close: () => void
}

/** A path for a new intent file of this process in a local root, given by its ordinary absolute path. */
export const intentPath = (rootPath: string): string => {
  const me = thisProcess()
  return join(rootPath, PENDING_FOLDER, `${me.pid}-${me.startTicks.replace(/[^0-9A-Za-z]/g, "") || "0"}-${randomBase62(8)}.intent`)
}

/** A further intent file of the same operation: one for each thread that writes. */
export const ownIntent = (path: string, part: string): string => path.replace(/\.intent$/, `-${part}.intent`)

/** Starts an intent file in a local root, or at a path from {@link intentPath}. */
export const openIntents = (rootPath: string, path: string = intentPath(rootPath)): IntentFile => {
  mkdirSync(join(rootPath, PENDING_FOLDER), { recursive: true })
  writeFileSync(path, JSON.stringify(thisProcess()) + "\n", { flag: "wx" })
  return {
    path,
    add: (objectKeys) => {
      if (objectKeys.length > 0) appendFileSync(path, objectKeys.join("\n") + "\n")
    },
    reserve: (objectKey) => appendFileSync(path, `/${objectKey}\n`),
    close: () => void remove(fromUserPath(path))
  }
}

export interface Leftover {
  readonly path: string
  readonly owner: ProcessIdentity | null
}

/** Intent files of a local root whose process has ended. */
export const findLeftovers = (rootPath: string): ReadonlyArray<Leftover> => {
  const folder = join(rootPath, PENDING_FOLDER)
  let names: Array<string>
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  const found: Array<Leftover> = []
  for (const name of names) {
    if (!name.endsWith(".intent")) continue
    const path = join(folder, name)
    const owner = ownerOf(path, name)
    if (owner === null || hasEnded(owner)) found.push({ path, owner })
  }
  return found
}

/**
 * Objects of a local root that living processes name: they are being written, or are about to be referred to. With `sharedOnly` the places that equal content
 * shares, which is what matters for an object that was registered once.
 */
export const announcedObjects = (rootPath: string, { sharedOnly }: { readonly sharedOnly: boolean }): ReadonlySet<string> => {
  const folder = join(rootPath, PENDING_FOLDER)
  const announced = new Set<string>()
  let names: Array<string>
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (isGone(error)) return announced
    throw error
  }
  for (const name of names) {
    if (!name.endsWith(".intent")) continue
    const owner = ownerOf(join(folder, name), name)
    if (owner === null || hasEnded(owner)) continue
    try {
      for (const line of readFileSync(join(folder, name), "utf8").split("\n").slice(1)) {
        if (line.startsWith("/")) announced.add(line.slice(1))
        else if (!sharedOnly) announced.add(line)
      }
    } catch (error) {
      // Closed meanwhile: what it named is in the registry or gone.
      if (!isGone(error)) throw error
    }
  }
  return announced
}

/** The owner from the first line; from the name when a crash or a power loss cut the line short; null when neither says. */
const ownerOf = (path: string, name: string): ProcessIdentity | null => {
  try {
    const text = readFileSync(path, "utf8")
    const line = text.slice(0, text.indexOf("\n"))
    return JSON.parse(line) as ProcessIdentity
  } catch {
    const [pid, startTicks] = name.split("-")
    const here = thisProcess()
    return Number(pid) > 0 ? { pid: Number(pid), startTicks: startTicks ?? "", host: here.host, bootId: here.bootId } : null
  }
}

/** How many object keys are looked up at once. */
const CHUNK = 20_000

/**
 * Deletes the objects of leftovers that the registry does not know, with the folders that are empty after that, then the leftovers themselves. Returns how many
 * objects were deleted.
 */
export const removeLeftovers = (
  rootPath: string,
  leftovers: ReadonlyArray<Leftover>,
  known: (objectKeys: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
): Promise<number> => {
  const base = fromUserPath(rootPath)
  return settleLeftovers(leftovers, known, async (keys) => {
    let deleted = 0
    for (const key of keys) {
      const path = `${base}/${unescapePath(key)}`
      if (isObjectFile(path) && remove(path)) deleted++
      // Also where the object had gone already: its process may have ended before it came to the folder.
      removeEmptyFolders(rootPath, key)
    }
    return deleted
  })
}

/** Takes an object's name away, if it is there, and the folders that it was the last one in. */
export const removeObject = (rootPath: string, objectKey: string): void => {
  remove(`${fromUserPath(rootPath === "/" ? "" : rootPath)}/${unescapePath(objectKey)}`)
  removeEmptyFolders(rootPath, objectKey)
}

/** Removes the folders above an object's place that hold nothing, from the innermost on. */
export const removeEmptyFolders = (rootPath: string, objectKey: string): void => {
  const base = fromUserPath(rootPath === "/" ? "" : rootPath)
  const parts = unescapePath(objectKey).split("/")
  try {
    for (let depth = parts.length - 1; depth > 0 && parts[depth - 1] !== ".sheaf"; depth--) rmdirSync(toFsPath(`${base}/${parts.slice(0, depth).join("/")}`))
  } catch {
    // Not empty, or not there.
  }
}

/** The same for any kind of root: `discard` removes objects, and tells how many there were. */
export const settleLeftovers = async (
  leftovers: ReadonlyArray<Leftover>,
  known: (objectKeys: ReadonlyArray<string>) => Promise<ReadonlySet<string>>,
  discard: (objectKeys: ReadonlyArray<string>) => Promise<number>
): Promise<number> => {
  let deleted = 0
  for (const leftover of leftovers) {
    // A last line cut short names an object that was never created.
    const lines = readFileSync(leftover.path, "utf8").split("\n").slice(1, -1)
    for (let i = 0; i < lines.length; i += CHUNK) {
      const keys = lines.slice(i, i + CHUNK).filter(isInside)
      const keep = await known(keys)
      deleted += await discard(keys.filter((key) => !keep.has(key)))
    }
    remove(fromUserPath(leftover.path))
  }
  return deleted
}

const isInside = (key: string): boolean => key !== "" && !key.startsWith("/") && !key.split("/").includes("..")

/** Objects are read-only files. What can be written is somebody's own file, which came to stand at the place after it was announced. */
const isObjectFile = (latin1: string): boolean => {
  const stats = lookAt(latin1)
  return stats !== undefined && stats.isFile() && (stats.mode & 0o222) === 0
}

/** What stands at a path; undefined where nothing does, or where a file is in the place of its folder. */
const lookAt = (latin1: string): Stats | undefined => {
  try {
    return lstatSync(toFsPath(latin1), { throwIfNoEntry: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined
    throw error
  }
}

/** Of places for objects, those where nothing stands: only these may be announced, since what is announced and not registered gets deleted. */
export const freePlaces = (rootPath: string, objectKeys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const base = fromUserPath(rootPath === "/" ? "" : rootPath)
  // Below `.sheaf/` everything is ours, named by a uid of its own.
  return objectKeys.filter((key) => key.startsWith(".sheaf/") || lookAt(`${base}/${unescapePath(key)}`) === undefined)
}

const remove = (latin1: string): boolean => {
  try {
    unlinkSync(toFsPath(latin1))
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

const isGone = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException
  return code === "ENOENT" || code === "ENOTDIR"
}
