/**
 * What is below a directory on disk, in bytewise order of the paths, for `sheaf tree`.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs"
import { displayPath, escapeName, fromUserPath, toFsPath } from "@sheaf/core/domain/FileName"
import { suffixOf } from "@sheaf/core/domain/Suffix"
import type { TreeEntry } from "./terminal/TreeText.ts"

/** A directory that could not be listed. */
export interface Unreadable {
  readonly path: string
  /** The operating system's code, such as EACCES. */
  readonly code: string
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : "EIO"

const sizeOf = (path: string): number | null => {
  try {
    return lstatSync(toFsPath(path)).size
  } catch {
    // Gone since it was listed.
    return null
  }
}

const targetOf = (path: string): string => {
  try {
    return nameOf(readlinkSync(toFsPath(path), "latin1"))
  } catch {
    return "?"
  }
}

const nameOf = (latin1: string): string => displayPath(escapeName(latin1))

/** As keys are ordered: the name of a directory counts with its `/`. */
const inOrder = (a: Dirent, b: Dirent): number => {
  const left = a.isDirectory() ? `${a.name}/` : a.name
  const right = b.isDirectory() ? `${b.name}/` : b.name
  return left < right ? -1 : 1
}

/** Entries below `directory`; folders named `.sheaf` are the registry's own and left out. Symbolic links are not followed. */
export const directoryEntries = function*(directory: string, unreadable: Array<Unreadable>): Generator<TreeEntry> {
  const walk = function*(at: string, relative: string): Generator<TreeEntry> {
    let entries: Array<Dirent>
    try {
      entries = readdirSync(toFsPath(at), { encoding: "latin1", withFileTypes: true }).sort(inOrder)
    } catch (cause) {
      unreadable.push({ path: nameOf(at), code: codeOf(cause) })
      return
    }
    if (entries.length === 0 && relative !== "") yield { path: relative, suffix: "", size: null, directory: true }
    for (const entry of entries) {
      const path = `${at}/${entry.name}`
      // A segment of a shown path must not contain the separator, and a name cannot.
      const shown = relative === "" ? nameOf(entry.name) : `${relative}/${nameOf(entry.name)}`
      if (entry.isDirectory()) {
        if (entry.name !== ".sheaf") yield* walk(path, shown)
      } else if (entry.isSymbolicLink()) {
        yield { path: shown, suffix: suffixOf(nameOf(entry.name)), size: null, target: targetOf(path) }
      } else {
        yield { path: shown, suffix: suffixOf(nameOf(entry.name)), size: entry.isFile() ? sizeOf(path) : null }
      }
    }
  }
  yield* walk(fromUserPath(directory).replace(/(.)\/+$/, "$1"), "")
}
