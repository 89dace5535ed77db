/**
 * Trees of names: a header with totals of everything, then the branches that are shown.
 *
 * Entries come in an order in which the content of a directory stands together; memory grows with what is shown, not with what is counted.
 */
import { countText, plural, sizeText } from "./SizeText.ts"
import { safeText } from "./SafeText.ts"
import type { Paint } from "./Paint.ts"

export interface TreeEntry {
  /** Segments separated by `/`. */
  readonly path: string
  readonly suffix: string
  /** Bytes, or null for what has none. */
  readonly size: number | null
  /** What a link points at. */
  readonly target?: string
  /** A directory without entries. */
  readonly directory?: boolean
}

export interface TreeNode {
  readonly name: string
  /** Null for a file. */
  readonly children: Array<TreeNode> | null
  readonly target?: string
  /** Bytes of the file, or of everything below. */
  size: number
  /** Everything below a directory; 1 for a file. */
  files: number
  /** Files of this directory that are counted but not shown. */
  hiddenFiles: number
  /** Directories in it that are counted but not shown. */
  hiddenDirectories: number
}

export interface TreeTotals {
  readonly directories: number
  readonly files: number
  readonly bytes: number
  /** Files by suffix; "" for files without one. */
  readonly suffixes: Readonly<Record<string, number>>
}

export interface TreeLimits {
  /** Levels shown, or null for all. */
  readonly depth: number | null
  /** Files of one directory shown; 0 for all. */
  readonly filesPerDirectory: number
}

interface OpenDirectory {
  readonly name: string
  /** Null when it is too deep to be shown. */
  readonly node: TreeNode | null
  files: number
}

const directoryNode = (name: string): TreeNode => ({ name, children: [], size: 0, files: 0, hiddenFiles: 0, hiddenDirectories: 0 })

/** Collects entries into a tree. */
export class TreeBuilder {
  readonly root: TreeNode = directoryNode("")
  readonly #open: Array<OpenDirectory> = [{ name: "", node: this.root, files: 0 }]
  readonly #limits: TreeLimits
  #directories = 0
  readonly #suffixes = new Map<string, number>()

  constructor(limits: TreeLimits) {
    this.#limits = limits
  }

  add(entry: TreeEntry): void {
    const segments = entry.path.split("/")
    const parents = entry.directory === true ? segments : segments.slice(0, -1)
    this.#enter(parents)
    if (entry.directory === true) return
    this.#suffixes.set(entry.suffix, (this.#suffixes.get(entry.suffix) ?? 0) + 1)
    const size = entry.size ?? 0
    for (const { node } of this.#open) {
      if (node === null) break
      node.files++
      node.size += size
    }
    const directory = this.#open[this.#open.length - 1]!
    directory.files++
    if (directory.node === null) return
    const { depth, filesPerDirectory } = this.#limits
    const tooMany = filesPerDirectory > 0 && directory.files > filesPerDirectory
    if (tooMany || (depth !== null && segments.length > depth)) directory.node.hiddenFiles++
    else {
      directory.node.children!.push({
        name: segments[segments.length - 1]!, children: null, size, files: 1, hiddenFiles: 0, hiddenDirectories: 0,
        ...(entry.target === undefined ? {} : { target: entry.target })
      })
    }
  }

  get totals(): TreeTotals {
    return {
      directories: this.#directories,
      files: this.root.files,
      bytes: this.root.size,
      suffixes: Object.fromEntries([...this.#suffixes].sort(([a], [b]) => (a < b ? -1 : 1)))
    }
  }

  #enter(parents: ReadonlyArray<string>): void {
    let same = 0
    while (same < parents.length && this.#open[same + 1]?.name === parents[same]) same++
    this.#open.length = same + 1
    for (const name of parents.slice(same)) {
      this.#directories++
      const parent = this.#open[this.#open.length - 1]!.node
      const isShown = parent !== null && (this.#limits.depth === null || this.#open.length <= this.#limits.depth)
      const node = isShown ? directoryNode(name) : null
      if (node !== null) parent!.children!.push(node)
      else if (parent !== null) parent.hiddenDirectories++
      this.#open.push({ name, node, files: 0 })
    }
  }
}

/** A node as JSON shows it. */
export interface TreeJson {
  readonly name: string
  readonly children: ReadonlyArray<TreeJson> | null
  readonly size: number
  readonly files: number
  readonly target?: string
}

/** The shown part of a tree as plain data. */
export const treeJson = ({ children, files, name, size, target }: TreeNode): TreeJson => ({
  name, children: children === null ? null : children.map(treeJson), size, files, ...(target === undefined ? {} : { target })
})

const suffixesText = (suffixes: TreeTotals["suffixes"]): string => {
  const named = Object.keys(suffixes).filter((suffix) => suffix !== "")
  const none = suffixes[""] ?? 0
  if (named.length === 0) return none === 0 ? "" : " without suffix"
  const shown = named.slice(0, 12).map((suffix) => `'${safeText(suffix)}'`).join(", ")
  const more = named.length > 12 ? ` and ${countText(named.length - 12)} more` : ""
  return ` with ${named.length === 1 ? "suffix" : "suffixes"} ${shown}${more}${none === 0 ? "" : `, ${countText(none)} without`}`
}

/** `3 sub-directories & 15 files with suffixes '.bam', '.csv'` */
export const treeHeader = (totals: TreeTotals): string =>
  `${plural(totals.directories, "sub-directory", "sub-directories")} & ${plural(totals.files, "file")}${suffixesText(totals.suffixes)}${
    totals.files === 0 ? "" : `, ${sizeText(totals.bytes)}`}`

const hiddenText = (node: TreeNode): string | null => {
  const parts = [
    ...(node.hiddenDirectories > 0 ? [plural(node.hiddenDirectories, "directory", "directories")] : []),
    ...(node.hiddenFiles > 0 ? [plural(node.hiddenFiles, node.children!.some((child) => child.children === null) ? "more file" : "file")] : [])
  ]
  return parts.length === 0 ? null : `… ${parts.join(" and ")}`
}

/** The lines of a tree, without the header. */
export const treeLines = function*(root: TreeNode, paint: Paint): Generator<string> {
  const branches = function*(node: TreeNode, indent: string): Generator<string> {
    const children = node.children ?? []
    const hidden = hiddenText(node)
    for (const [i, child] of children.entries()) {
      const isLast = i === children.length - 1 && hidden === null
      const name = safeText(child.name)
      const label = child.children !== null ? paint.blue(`${name}/`) : child.target === undefined ? name : `${name} -> ${safeText(child.target)}`
      yield `${indent}${isLast ? "└── " : "├── "}${label}`
      if (child.children !== null) yield* branches(child, `${indent}${isLast ? "    " : "│   "}`)
    }
    if (hidden !== null) yield `${indent}└── ${paint.dim(hidden)}`
  }
  yield* branches(root, "")
}
