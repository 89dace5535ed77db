/**
 * The name somebody probably meant.
 */

/** Edits between two words, a swap of neighbours counted as one (optimal string alignment). */
const distance = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The candidates closest to what was typed, at most three, or none when nothing is close. */
export const nearest = (typed: string, candidates: ReadonlyArray<string>): ReadonlyArray<string> => {
  const word = typed.toLowerCase()
  const limit = word.length <= 3 ? 1 : word.length <= 8 ? 2 : 3
  const scored = candidates
    .map((name) => ({ name, score: name.startsWith(word) && word.length >= 2 ? 0.5 : distance(word, name.toLowerCase()) }))
    .filter(({ score }) => score <= limit)
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
  const best = scored[0]?.score
  return scored.filter(({ score }) => score === best).slice(0, 3).map(({ name }) => name)
}
