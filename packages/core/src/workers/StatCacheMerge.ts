/** Keeps the stat cache small: many segments become one. */
import { statSync, unlinkSync } from "node:fs"
import { type Block, BlockWriter } from "./StatBlock.ts"
import { openStatCache, segmentName, segmentsIn, SegmentWriter, StatCacheReader } from "./StatCache.ts"

/** More segments than this are merged into one. */
const MAX_SEGMENTS = 8

/**
 * Merges segments when there are many: each directory's newest entries, without directories that no longer exist. One directory is in memory at
 * a time. Two processes that do it at once both leave a whole cache. Returns whether it did.
 */
export const compactStatCache = (folder: string, name: string): boolean => {
  if (segmentsIn(folder).length <= MAX_SEGMENTS) return false
  const index = openStatCache(folder)
  const reader = new StatCacheReader(index)
  const writer = new SegmentWriter(folder, segmentName(name, 0))
  try {
    for (let i = 0; i < index.count;) {
      const hash = index.hashes[i]!
      const blocks: Array<Block> = []
      for (; i < index.count && index.hashes[i] === hash; i++) {
        const block = reader.blockAt(i)
        if (block !== null) blocks.push(block)
      }
      for (const directory of new Set(blocks.map((b) => b.directory))) {
        if (exists(directory)) writeMerged(writer, directory, blocks.filter((b) => b.directory === directory))
      }
    }
  } finally {
    writer.close()
    reader.close()
  }
  for (const file of index.files) {
    if (file !== writer.path) unlinkSync(file)
  }
  return true
}

const exists = (directory: string): boolean => statSync(Buffer.from(directory, "latin1"), { throwIfNoEntry: false }) !== undefined

/** Entries a merged block holds at most. */
const MERGED_BLOCK = 1024

const writeMerged = (writer: SegmentWriter, directory: string, blocks: ReadonlyArray<Block>): void => {
  const entries: Array<{ readonly name: string; readonly block: Block; readonly entry: number }> = []
  const covered = new NameRanges()
  for (const run of [...new Set(blocks.map((block) => block.run))].reverse()) {
    const ofRun = blocks.filter((block) => block.run === run)
    for (const block of ofRun) {
      block.names.forEach((name, entry) => {
        if (!covered.has(name)) entries.push({ name, block, entry })
      })
    }
    for (const block of ofRun) covered.add(block.first, block.last)
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (let i = 0; i < entries.length; i += MERGED_BLOCK) {
    const out = new BlockWriter()
    for (const { block, entry, name } of entries.slice(i, i + MERGED_BLOCK)) {
      const { digest, type } = block.hash(entry)
      out.add(name, block.stamp(entry), type, digest)
    }
    writer.append(out.finish(directory))
  }
}

/** Disjoint ranges of names, in order. */
class NameRanges {
  #ranges: Array<{ first: string; last: string }> = []

  /** Index of the first range that does not end before `name`. */
  #search(name: string): number {
    let lo = 0
    let hi = this.#ranges.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if (this.#ranges[mid]!.last < name) lo = mid + 1
      else hi = mid
    }
    return lo
  }

  has(name: string): boolean {
    const range = this.#ranges[this.#search(name)]
    return range !== undefined && range.first <= name
  }

  add(first: string, last: string): void {
    const from = this.#search(first)
    let to = from
    while (to < this.#ranges.length && this.#ranges[to]!.first <= last) to++
    const touched = this.#ranges.slice(from, to)
    this.#ranges.splice(from, to - from, {
      first: touched.length > 0 && touched[0]!.first < first ? touched[0]!.first : first,
      last: touched.length > 0 && touched.at(-1)!.last > last ? touched.at(-1)!.last : last
    })
  }
}
