/**
 * What is below a directory on disk, as the tree that keys have.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs"
import { displayPath, escapeName, fromUserPath, toFsPath } from "@sheaf/core/domain/FileName"
import { suffixOf } from "@sheaf/core/domain/Suffix"
import type { LinkNode, TreeTotals } from "./terminal/TreeText.ts"

/** A directory that could not be listed. */
export interface Unreadable {
  readonly path: string
  /** The operating system's code, such as EACCES. */
  readonly code: string
}

export interface DirectoryTree extends TreeTotals {
  readonly children: ReadonlyArray<LinkNode>
  /** Directories whose content is not counted. */
  readonly unreadable: ReadonlyArray<Unreadable>
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : "EIO"

/** A name, which is bytes, as text. */
const nameOf = (latin1: string): string => displayPath(escapeName(latin1))

const sizeOf = (path: string): number => {
  try {
    return lstatSync(toFsPath(path)).size
  } catch {
    // Gone since it was listed.
    return 0
  }
}

const targetOf = (path: string): string => {
  try {
    return nameOf(readlinkSync(toFsPath(path), "latin1"))
  } catch {
    return "?"
  }
}

/** As keys are ordered: the name of a directory counts with its `/`. */
const inOrder = (a: Dirent, b: Dirent): number => {
  const left = a.isDirectory() ? `${a.name}/` : a.name
  const right = b.isDirectory() ? `${b.name}/` : b.name
  return left < right ? -1 : 1
}

/**
 * Counts everything below `directory` and keeps `depth` levels of it. Symbolic links are not followed; folders named `.sheaf` are the registry's own
 * and left out, as they are when ingesting.
 */
export const directoryTree = (directory: string, depth: number): DirectoryTree => {
  const unreadable: Array<Unreadable> = []
  const suffixes = new Map<string, number>()
  let directories = 0

  const walk = (at: string, level: number): { readonly children: ReadonlyArray<LinkNode>; readonly size: number; readonly files: number } => {
    const children: Array<LinkNode> = []
    let size = 0
    let files = 0
    let entries: Array<Dirent> = []
    try {
      entries = readdirSync(toFsPath(at), { encoding: "latin1", withFileTypes: true }).sort(inOrder)
    } catch (cause) {
      unreadable.push({ path: displayPath(at.split("/").map(escapeName).join("/")), code: codeOf(cause) })
    }
    for (const entry of entries) {
      const path = `${at}/${entry.name}`
      const name = nameOf(entry.name)
      let node: LinkNode
      if (entry.isDirectory()) {
        if (entry.name === ".sheaf") continue
        directories++
        node = { name, ...walk(path, level + 1) }
      } else {
        const suffix = suffixOf(name)
        suffixes.set(suffix, (suffixes.get(suffix) ?? 0) + 1)
        node = {
          name, children: null, size: entry.isFile() ? sizeOf(path) : 0, files: 1, ...(entry.isSymbolicLink() ? { target: targetOf(path) } : {})
        }
      }
      size += node.size
      files += node.files
      if (level < depth) children.push(node)
    }
    return { children, size, files }
  }

  const { children, files, size } = walk(fromUserPath(directory).replace(/(.)\/+$/, "$1"), 0)
  return { directories, files, bytes: size, suffixes: Object.fromEntries([...suffixes].sort(([a], [b]) => (a < b ? -1 : 1))), children, unreadable }
}
