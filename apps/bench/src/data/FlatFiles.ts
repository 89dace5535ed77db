/** Many files of one size in many folders of equal width: data sets S and M. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { makePrng, makeSeededBytes } from "../Prng.ts"
import type { TreeFacts } from "./TreeFacts.ts"

/** How such a tree is laid out. */
export interface FlatFilesOptions {
  readonly seed: number
  readonly files: number
  readonly folders: number
  /** Size of every file, in bytes; at least 16, so that no two contents meet by chance. */
  readonly size: number
  /** Every n-th file is a copy of an earlier one; 0 for none. */
  readonly copyEvery: number
}

/** The path of file `i` below the tree's top. */
export const flatFilePath = (options: FlatFilesOptions, i: number): string => {
  const perFolder = Math.ceil(options.files / options.folders)
  return `d${pad(Math.floor(i / perFolder), 4)}/f${pad(i, 7)}.dat`
}

/** Makes the tree at `top`, which must not exist yet. */
export const makeFlatFiles = (top: string, options: FlatFilesOptions): TreeFacts => {
  const bytes = makeSeededBytes(options.seed, "flat")
  const copies = makePrng(options.seed, "flat:copies")
  const contents = new Uint32Array(options.files)
  let distinct = 0
  let folder = ""
  let folders = 1
  mkdirSync(top, { recursive: true })
  for (let i = 0; i < options.files; i++) {
    const copied = options.copyEvery > 0 && i % options.copyEvery === options.copyEvery - 1
    contents[i] = copied ? contents[copies.below(i)]! : distinct++
    const path = flatFilePath(options, i)
    const parent = path.slice(0, path.indexOf("/"))
    if (parent !== folder) {
      folder = parent
      folders++
      mkdirSync(join(top, folder))
    }
    const file = openSync(`${top}/${path}`, "wx")
    writeSync(file, bytes.content(contents[i]!, options.size))
    closeSync(file)
  }
  return { files: options.files, bytes: options.files * options.size, empty: 0, distinct, folders, largest: options.size }
}

/** Rewrites one file in every `every`, the first at index `offset`, with content of the same size that the tree never had; `salt` tells apart several rewritings. Returns how many. */
export const changeFlatFiles = (top: string, options: FlatFilesOptions, every: number, offset: number, salt: number): number => {
  const bytes = makeSeededBytes(options.seed, `changed:${salt}`)
  let changed = 0
  for (let i = offset; i < options.files; i += every) {
    const file = openSync(`${top}/${flatFilePath(options, i)}`, "r+")
    writeSync(file, bytes.content(i, options.size))
    closeSync(file)
    changed++
  }
  return changed
}

const pad = (n: number, width: number) => String(n).padStart(width, "0")
