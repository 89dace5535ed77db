/**
 * Which keys somebody may have meant: for suggestions.
 */
import { fileNameOf } from "./ArtifactKey.ts"
import { compareBytes } from "./ByteOrder.ts"

/** A file name that is the same but stands in another folder is as near as one changed character. */
const OTHER_FOLDER = 1

/** The candidates that are near a text, nearest first: few changed characters in the whole key, or in the file name. Case does not count. */
export const nearKeys = (text: string, candidates: Iterable<string>): ReadonlyArray<string> => {
  const wanted = text.toLowerCase()
  const name = fileNameOf(wanted)
  const [most, mostInName] = [Math.min(4, Math.ceil(text.length / 5)), Math.min(2, Math.ceil(name.length / 6))]
  const near: Array<{ readonly key: string; readonly distance: number; readonly byKey: number }> = []
  for (const key of new Set(candidates)) {
    const folded = key.toLowerCase()
    const byKey = editDistance(folded, wanted)
    const byName = editDistance(fileNameOf(folded), name)
    if (byKey <= most || byName <= mostInName) near.push({ key, distance: Math.min(byKey, byName + OTHER_FOLDER), byKey })
  }
  return near.sort((a, b) => a.distance - b.distance || a.byKey - b.byKey || compareBytes(a.key, b.key)).map(({ key }) => key)
}

/** The fewest insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export const editDistance = (a: string, b: string): number => {
  let [before, row] = [Array.from({ length: b.length + 1 }, () => 0), Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next.push(isSwap ? Math.min(least, before[j - 2]! + 1) : least)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
