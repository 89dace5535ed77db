/**
 * Reads a list of copies (its format: `ports/CopyLedger`) in batches for worker threads, as text: a batch is not taken apart in this thread.
 */
import { readSync } from "node:fs"

/** Some lines of a list. */
export interface CopyBatch {
  /** The lines, without a newline at the end. */
  readonly text: string
  /** Number of the first line, from 0. */
  readonly first: number
  readonly copies: number
  /** Sum of the recorded sizes. */
  readonly bytes: number
}

/** One line, taken apart. */
export interface ListedCopy {
  readonly objectKey: string
  readonly size: number
  readonly hashType: string
  readonly hash: string
  readonly uid: string
}

export const parseCopyLine = (line: string): ListedCopy => {
  const [objectKey, size, hashType, hash, uid] = line.split("\t") as [string, string, string, string, string]
  return { objectKey, size: Number(size), hashType, hash, uid }
}

/** Bytes read at a time; far more than a line has. */
const CHUNK = 256 * 1024

/** Batches of an open list: one ends with the copy that completes so many copies or so many bytes. */
export function* readCopyList(file: number, limits: { readonly copies: number; readonly bytes: number }): Generator<CopyBatch> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let kept = 0
  let line = 0
  for (;;) {
    const read = readSync(file, buffer, kept, CHUNK - kept, null)
    if (read === 0) {
      if (kept > 0) throw new Error("the list of copies ends within a line")
      return
    }
    const filled = buffer.subarray(0, kept + read)
    const end = filled.lastIndexOf(0x0a) + 1
    for (const batch of batchesOf(filled.toString("utf8", 0, end), line, limits)) {
      line += batch.copies
      yield batch
    }
    filled.copy(buffer, 0, end)
    kept = filled.length - end
  }
}

/** Whole lines, cut into batches. */
function* batchesOf(text: string, firstLine: number, limits: { readonly copies: number; readonly bytes: number }): Generator<CopyBatch> {
  let start = 0
  let first = firstLine
  let copies = 0
  let bytes = 0
  for (let at = 0; at < text.length;) {
    const size = text.indexOf("\t", at) + 1
    const end = text.indexOf("\n", size)
    copies += 1
    bytes += Number.parseInt(text.slice(size, size + 16), 10)
    at = end + 1
    if (copies < limits.copies && bytes < limits.bytes && at < text.length) continue
    yield { text: text.slice(start, end), first, copies, bytes }
    start = at
    first += copies
    copies = 0
    bytes = 0
  }
}
