/** A few large files of seeded bytes: data sets G and L. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { makeSeededBytes } from "../Prng.ts"
import type { TreeFacts } from "./TreeFacts.ts"

/** How many, and of what size in bytes. */
export interface BigFilesOptions {
  readonly seed: number
  readonly files: number
  readonly size: number
}

/** Makes the files `big-0.raw`, `big-1.raw` … in the new folder `top`. */
export const makeBigFiles = (top: string, options: BigFilesOptions): TreeFacts => {
  const bytes = makeSeededBytes(options.seed, "big")
  mkdirSync(top, { recursive: true })
  for (let i = 0; i < options.files; i++) {
    const file = openSync(join(top, `big-${i}.raw`), "wx")
    const stream = bytes.stream(i)
    for (let at = 0; at < options.size; at += PIECE) {
      const piece = stream.next(Math.min(options.size - at, PIECE))
      if (writeSync(file, piece) !== piece.length) throw new Error(`No room left for big-${i}.raw of ${options.size} bytes`)
    }
    closeSync(file)
  }
  return { files: options.files, bytes: options.files * options.size, empty: 0, distinct: options.files, folders: 1, largest: options.size }
}

const PIECE = 4 * 1024 * 1024
