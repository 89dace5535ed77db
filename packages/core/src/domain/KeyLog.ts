/**
 * The log of a key, and the numbers by which `KEY@N` refers to what it has pointed at.
 */
import type { KeyEvent } from "./Artifact.ts"

/**
 * For each event of a log, oldest first, the number N of the content that the key pointed at from then on, counted from 1; null for a release. Events that
 * leave the content as it is do not count.
 */
export const contentNumbers = (log: ReadonlyArray<KeyEvent>): ReadonlyArray<number | null> => {
  let count = 0
  let last: string | null = null
  return log.map(({ event, uid }) => {
    if (event === "released") return null
    if (uid !== last) count++
    last = uid
    return count
  })
}

/** Uids of what a key has pointed at, each once for each time it came: `KEY@N` is the Nth. */
export const contentsOf = (log: ReadonlyArray<KeyEvent>): ReadonlyArray<string> => {
  const contents: Array<string> = []
  for (const [i, number] of contentNumbers(log).entries()) if (number !== null && number > contents.length) contents.push(log[i]!.uid)
  return contents
}
