/**
 * Trees: what is below a prefix, with totals that count everything, also what is not shown.
 */

export interface TreeOptions {
  /** Levels in the answer; deeper ones are counted. Default: all. */
  readonly depth?: number
}

export interface TreeNode {
  readonly name: string
  /** Null for a file. */
  readonly children: ReadonlyArray<TreeNode> | null
  /** Bytes: of the file, or of everything below. */
  readonly size: number
  /** Everything below a directory; 1 for a file. */
  readonly files: number
}

export interface KeyTree {
  readonly prefix: string
  readonly directories: number
  readonly files: number
  readonly bytes: number
  /** Files by suffix, sorted; "" for files without one. */
  readonly suffixes: Readonly<Record<string, number>>
  readonly children: ReadonlyArray<TreeNode>
}
