/**
 * Trees of names: a header with totals of everything, then the branches that are shown.
 */
import type { KeyTree, TreeNode } from "@sheaf/core/services/KeyTree"
import { safeText } from "./SafeText.ts"
import { countText, plural, sizeText } from "./SizeText.ts"
import type { Paint } from "./Paint.ts"

/** A node that may be a symbolic link. */
export interface LinkNode extends TreeNode {
  readonly children: ReadonlyArray<LinkNode> | null
  /** What the link points at. */
  readonly target?: string
}

export type TreeTotals = Pick<KeyTree, "directories" | "files" | "bytes" | "suffixes">

/** Suffixes that the header names one by one. */
const NAMED_SUFFIXES = 12

const suffixesText = (suffixes: TreeTotals["suffixes"]): string => {
  const named = Object.keys(suffixes).filter((suffix) => suffix !== "")
  const none = suffixes[""] ?? 0
  if (named.length === 0) return none === 0 ? "" : " without suffix"
  const shown = named.slice(0, NAMED_SUFFIXES).map((suffix) => `'${safeText(suffix)}'`).join(", ")
  const more = named.length > NAMED_SUFFIXES ? ` and ${countText(named.length - NAMED_SUFFIXES)} more` : ""
  return ` with ${named.length === 1 ? "suffix" : "suffixes"} ${shown}${more}${none === 0 ? "" : `, ${countText(none)} without`}`
}

/** `3 sub-directories & 15 files with suffixes '.bam', '.csv', 1.2 GiB` */
export const treeHeader = ({ bytes, directories, files, suffixes }: TreeTotals): string =>
  `${plural(directories, "sub-directory", "sub-directories")} & ${plural(files, "file")}${suffixesText(suffixes)}${files === 0 ? "" : `, ${sizeText(bytes)}`}`

const labelOf = ({ children, name, target }: LinkNode, paint: Paint): string =>
  children !== null ? paint.blue(`${safeText(name)}/`) : target === undefined ? safeText(name) : `${safeText(name)} -> ${safeText(target)}`

/**
 * The lines of a tree, without the header. Of a directory's files at most `limit` are shown (0: all), and then how many more there are; so it is
 * with what lies deeper than the tree goes.
 */
export const treeLines = function*(
  tree: { readonly children: ReadonlyArray<LinkNode>; readonly files: number }, limit: number, paint: Paint, indent = ""
): Generator<string> {
  let files = 0
  const shown = tree.children.filter((child) => child.children !== null || limit === 0 || ++files <= limit)
  const hidden = tree.files - shown.reduce((sum, child) => sum + child.files, 0)
  for (const [i, child] of shown.entries()) {
    const isLast = i === shown.length - 1 && hidden === 0
    yield `${indent}${isLast ? "└── " : "├── "}${labelOf(child, paint)}`
    if (child.children !== null) yield* treeLines({ children: child.children, files: child.files }, limit, paint, `${indent}${isLast ? "    " : "│   "}`)
  }
  if (hidden > 0) yield `${indent}└── ${paint.dim(`… ${plural(hidden, files > 0 ? "more file" : "file")}`)}`
}
