/**
 * Trees: what is below a prefix, with totals that count everything, also what is not shown.
 */

export interface TreeOptions {
  /** Levels in the answer; what is deeper is counted, not listed. Default: all. */
  readonly depth?: number
}

/** A directory or a file of a tree. */
export interface TreeNode {
  readonly name: string
  /** Null for a file. */
  readonly children: ReadonlyArray<TreeNode> | null
  /** Bytes: of the file, or of everything below. */
  readonly size: number
  /** Files: everything below a directory, 1 for a file. */
  readonly files: number
}

/** The keys below a prefix as a tree, with totals. */
export interface KeyTree {
  readonly prefix: string
  readonly directories: number
  readonly files: number
  readonly bytes: number
  /** Files by suffix, sorted; "" for files without one. */
  readonly suffixes: Readonly<Record<string, number>>
  readonly children: ReadonlyArray<TreeNode>
}

interface OpenNode {
  readonly name: string
  /** Null when it is too deep to be listed. */
  readonly children: Array<TreeNode> | null
  size: number
  files: number
}

const openNode = (name: string, isListed: boolean): OpenNode => ({ name, children: isListed ? [] : null, size: 0, files: 0 })

/** Collects keys, which come in bytewise order, so that everything below one directory stands together. */
export class KeyTreeBuilder {
  readonly #prefix: string
  readonly #depth: number
  readonly #open: Array<OpenNode> = [openNode("", true)]
  readonly #suffixes = new Map<string, number>()
  #directories = 0

  /** `prefix` without trailing `/`. */
  constructor(prefix: string, { depth = Number.POSITIVE_INFINITY }: TreeOptions) {
    this.#prefix = prefix
    this.#depth = depth
  }

  add(key: string, suffix: string, size: number): void {
    const relative = key === this.#prefix || this.#prefix === "" ? key : key.slice(this.#prefix.length + 1)
    const segments = relative.split("/")
    const name = segments.pop()!
    let same = 0
    while (same < segments.length && this.#open[same + 1]?.name === segments[same]) same++
    this.#closeTo(same + 1)
    for (const directory of segments.slice(same)) {
      this.#directories++
      this.#open.push(openNode(directory, this.#open.length <= this.#depth))
    }
    const parent = this.#open.at(-1)!
    parent.files++
    parent.size += size
    if (parent.children !== null && this.#open.length <= this.#depth) parent.children.push({ name, children: null, size, files: 1 })
    this.#suffixes.set(suffix, (this.#suffixes.get(suffix) ?? 0) + 1)
  }

  finish(): KeyTree {
    this.#closeTo(1)
    const [root] = this.#open
    return {
      prefix: this.#prefix,
      directories: this.#directories,
      files: root!.files,
      bytes: root!.size,
      suffixes: Object.fromEntries([...this.#suffixes].sort(([a], [b]) => (a < b ? -1 : 1))),
      children: root!.children!
    }
  }

  #closeTo(length: number): void {
    while (this.#open.length > length) {
      const { children, files, name, size } = this.#open.pop()!
      const parent = this.#open.at(-1)!
      parent.size += size
      parent.files += files
      if (parent.children !== null && this.#open.length <= this.#depth) parent.children.push({ name, children: children ?? [], size, files })
    }
  }
}
